"""The gate: an image-level probability, from another run or another tool, that decides whether an X-ray may have boxes at all.

A classifier sees the whole X-ray and ranks X-rays better than a detector, which looks at one place after another.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from radlearn.amounts import part_of
from radlearn.challenges.csv_hints import decoded, number_hint, separator_hint
from radlearn.challenges.near_ids import NearIds
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout
from radlearn.files import read_whole
from radlearn.hints import command


def gate_scores(table: Path, image_ids: Sequence[str]) -> np.ndarray:
    """Read the probabilities of X-rays from a table with the columns `patientId` and `probability`, as every `predict` writes it.

    Returns:
        float64 (images,), in the order of `image_ids`.

    Raises:
        BadLayout: if the table is not there or no CSV in UTF-8, lacks a column or an X-ray, has one twice, or holds a value that
            is no probability.
    """
    if not table.is_file():
        example = command("classification", "predict", "RUN", "IMAGES", "--out", "DIR")
        raise BadLayout(f"{table}: there is no such table. '{example}' writes DIR/predictions.csv.")
    found: dict[str, float] = {}
    content, troubles = decoded(str(table), read_whole(table))
    if troubles:
        raise BadLayout(troubles[0])
    try:
        rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
        columns = rows.fieldnames or []
        if absent := [name for name in ("patientId", "probability") if name not in columns]:
            given = ", ".join(columns) or "none"
            needed = f"A gate needs patientId and probability.{separator_hint(columns)}"
            raise BadLayout(f"{table}: has no column {absent[0]!r}; its columns are {given}. {needed}")
        for row in rows:
            image_id, text = restored(row["patientId"] or ""), row["probability"]
            try:
                probability = float(text)
            except (TypeError, ValueError):
                probability = math.nan
            if not 0 <= probability <= 1:
                expected = f"expected a number from 0 to 1.{number_hint(text or '')}"
                raise BadLayout(f"{table}, line {rows.line_num}: probability is {text!r}; {expected}")
            if image_id in found:
                raise BadLayout(f"{table}, line {rows.line_num}: {image_id} is there twice; expected one row an X-ray.")
            found[image_id] = probability
    except csv.Error as error:
        raise BadLayout(f"{table}: is not CSV ({error}). Save it as CSV with commas.") from None
    if missing := [image_id for image_id in image_ids if image_id not in found]:
        near = NearIds(image_ids)
        hint = next((hint for image_id in found if (hint := near.hint(image_id))), "")
        raise BadLayout(
            f"{table}: lacks {part_of(len(missing), len(image_ids), 'X-rays')}, the first is {missing[0]}. "
            f"{hint.strip() or 'Predict the same X-rays with the classification run.'}"
        )
    return np.array([found[image_id] for image_id in image_ids])
