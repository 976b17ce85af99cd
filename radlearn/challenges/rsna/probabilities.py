"""A table of probabilities, one an X-ray, as any classifier may write it: read strictly, because a wrong table still gets a number.

    patientId,probability
    0004cfab-14fd-4e49-80ba-63a80b6bddd6,0.913
    00313ee0-9eaa-42f4-b0ab-c148ed3241cd,0.02

Logits, percentages, X-rays that are missing or twice there: all of them would be scored, and look like a bad model. Other columns are left
alone. The two that count may be called by one of a few other names; which were read is then said.
"""

import csv
import io
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from radlearn.challenges.readings.probability_readings import oddities_of
from radlearn.challenges.rsna.submission import ROUNDED_BY
from radlearn.challenges.tables.csv_hints import number_hint, separator_hint
from radlearn.challenges.tables.csv_rows import rows_in, rows_of_images, strict_number, table_text_of
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout

ID_NAMES = ("patientid", "imageid", "image", "id", "filename")
PROBABILITY_NAMES = ("probability", "prob", "score", "prediction", "predictedprobability", "pneumoniaprobability")
"As compared: small letters, without spaces, underscores and hyphens."
EXPECTED = "patientId,probability"
LEAST_PERCENTAGE = 1.5
"Of a file in percent no largest value is smaller."
MOST_OF_A_LOGARITHM = 40
"-log p of the smallest probability that a sigmoid of 64 bits tells from 0 is 37."


@dataclass(frozen=True)
class Probabilities:
    """What a table says of each image, in its order, and what a person should know about it."""

    of_image: dict[str, float]
    notes: tuple[str, ...]


def read_probabilities(path: Path, expected_ids: Collection[str] | None = None) -> Probabilities:
    """Read a table of probabilities of any tool.

    Args:
        path: the file, as a spreadsheet or pandas leaves it: with a byte-order mark, CRLF, quotes, further columns.
        expected_ids: the images that must have a prediction, no more and no less; None takes those that are there.

    Raises:
        BadLayout: with the first ten things that are wrong, each with its line, what was found and the rule.
    """
    path = Path(path)
    text, troubles = table_text_of(path)
    found, notes, more = probabilities_in(path.name, text, expected_ids) if text else ({}, [], [])
    if troubles + more:
        raise BadLayout(listed(path, troubles + more))
    return Probabilities(found, tuple(notes))


def probabilities_in(name: str, text: str, expected_ids: Collection[str] | None = None) -> tuple[dict[str, float], list[str], list[str]]:
    """Return image → probability, what a person should know, and one line per thing that is wrong; arguments as in `read_probabilities`."""
    troubles: list[str] = []
    columns = _columns(name, text, troubles)
    if columns is None:
        return {}, [], troubles
    notes = [f"{name}: the column {columns[1]!r} was read as the probability."] if columns[1] != "probability" else []
    found: dict[str, float] = {}
    rows = ((line, image_id, field) for line, (image_id, field) in rows_in(name, text, columns, troubles))
    without_row = "A score over the others would hide them."
    fields = list(rows_of_images(name, rows, expected_ids, troubles, columns[0], without_row=without_row))
    beyond = _beyond_hint([strict_number(field) for _, _, field in fields])
    for line, image_id, field in fields:
        found[image_id], trouble = _probability(field, beyond)
        if trouble:
            troubles.append(f"{name}, line {line}: {trouble}")
    if not found and not troubles:
        troubles.append(f"{name}: has a header and no rows.")
    return found, notes + _oddities(name, list(found.values())), troubles


def _columns(name: str, text: str, troubles: list[str]) -> tuple[str, str] | None:
    """Return the names of the two columns as the header has them; append what is wrong with it."""
    try:
        header = [column.strip() for column in next(csv.reader(io.StringIO(text, newline=""), strict=True), [])]
    except csv.Error as error:
        troubles.append(f"{name}, line 1: is not CSV ({error}).")
        return None
    chosen: list[str] = []
    for wanted, names in zip(EXPECTED.split(","), (ID_NAMES, PROBABILITY_NAMES), strict=True):
        fitting = [column for column in header if "".join(mark for mark in column.lower() if mark.isalnum()) in names]
        # The name itself goes before others: `predict` of radlearn writes further columns beside it.
        fitting = [wanted] * header.count(wanted) or fitting
        if len(fitting) != 1:
            found = f"several columns could be the {wanted}: {', '.join(fitting)}" if fitting else f"there is no column {wanted}"
            hint = separator_hint(header)
            troubles.append(f"{name}, line 1: the header is {','.join(header)!r}; {found}. Expected {EXPECTED!r}.{hint}")
            return None
        chosen.append(fitting[0])
    return chosen[0], chosen[1]


def _probability(field: str, beyond: str) -> tuple[float, str]:
    """Return a probability, NaN where the field is none, and what is wrong with it; `beyond` is said of what lies beyond 0 to 1."""
    value = strict_number(field)
    if math.isnan(value):
        hint = " Write 0.87 for 87 %." if field.endswith("%") else number_hint(field)
        return math.nan, f"the probability is {field!r}; expected a number from 0 to 1.{hint}"
    if not -ROUNDED_BY <= value <= 1 + ROUNDED_BY:
        return math.nan, f"the probability is {field}; expected 0 to 1. {beyond}"
    return min(max(value, 0.0), 1.0), ""


def _beyond_hint(values: Sequence[float]) -> str:
    """Return what values may be, of which some lie beyond 0 to 1."""
    known = [value for value in values if not math.isnan(value)] or [0.0]
    if min(known) < -ROUNDED_BY:
        return "Is it a logit, or the logarithm of a probability? Put it through a sigmoid, or through exp."
    if not LEAST_PERCENTAGE <= max(known) <= 100:
        return f"The largest is {max(known):g}, so it is no percentage. Write the probability that the X-ray shows the finding."
    also = "" if max(known) > MOST_OF_A_LOGARITHM else " Is it the logarithm of a probability without its sign? Put -x through exp."
    return f"Is it a percentage? Divide by 100.{also}"


def _oddities(name: str, values: Sequence[float]) -> list[str]:
    different = set(values)
    if len(values) > 1 and len(different) == 1:
        return [f"{name}: every probability is {values[0]:g}; no X-ray ranks above another."]
    if len(values) > 2 and different <= {0.0, 1.0}:
        return [f"{name}: holds only 0 and 1, which are decisions. Probabilities would say more: AUROC and calibration need them."]
    odd = oddities_of(values)
    return [f"{name}: {odd}"] if odd else []
