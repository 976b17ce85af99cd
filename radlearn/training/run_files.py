"""The files of a run folder as types, and the one reader that checks them all.

A run folder is moved, sent and edited, and weights are only as good as what stands beside them. So no file in it is believed before its
values have the types that they were written with: pydantic in its strict mode takes neither "0.5" for a number nor true for 1. What is not
so is a `BadRunFolder` with the file, the name, what was found and what was expected.
"""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypeVar

from annotated_types import Ge, Interval, Le, Len
from pydantic import AfterValidator, ConfigDict, FiniteFloat, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from radlearn.errors import BadRunFolder, BadSetting, RadlearnError
from radlearn.json_files import json_of, read_json

CHANGED = "It was changed or damaged after it was written."
SHOWN_CHARACTERS = 60
TYPE_NAMES = ("int", "float", "str", "bool", "none")

Seed = Annotated[int, Ge(-(2**63)), Le(2**63 - 1)]
Content = TypeVar("Content")


Share = Annotated[float, Interval(ge=0, le=1)]
Amount = Annotated[float, Ge(0)]
"0 or more."


def as_long_as(name: str, *others: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return what refuses values by name of which those of `others` that are there are not as many as those of `name`; for pydantic."""

    def proved(lists: Mapping[str, Any]) -> Mapping[str, Any]:
        for other in others:
            if other in lists and (name not in lists or len(lists[other]) != len(lists[name])):
                there = len(lists.get(name, ()))
                raise ValueError(f"{other!r} should have as many numbers as {name!r}, {there:,}, and has {len(lists[other]):,}")
        return lists

    return proved


class SettingsFile(TypedDict):
    """settings.json. What else a caller of `new_run` wrote is kept."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    format: int
    task: str
    settings: dict[str, Any]
    data: NotRequired[str]
    synthetic: NotRequired[bool]
    # The folder of the run whose weights it started from.
    start_from: NotRequired[str]
    # Digests that tell that run from any other; older runs lack them.
    start_from_identity: NotRequired[dict[str, str]]
    # Of label maps: what the data call classes 1, 2, …, empty where they do not say; older runs lack it.
    class_names_in_data: NotRequired[list[str]]
    # Of the folder of an ensemble: the folders of its runs.
    runs: NotRequired[list[str]]


def _with_epoch(line: dict[str, int | float | None]) -> dict[str, int | float | None]:
    epoch = line.get("epoch")
    if type(epoch) is not int or epoch < 1:
        raise ValueError(f"'epoch' should be a whole number from 1 on, not {epoch!r}")
    return line


HistoryLine = Annotated[dict[str, int | float | None], AfterValidator(_with_epoch)]
"A line of history.jsonl: numbers by name, null where a score is undefined."


class TrainerState(TypedDict):
    """What is no tensor in the state of a trainer."""

    optimizer: dict[str, Any]
    scaler: dict[str, Any] | None


class TrainingState(TypedDict):
    """The JSON values of last/checkpoint.safetensors."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    step: Annotated[int, Ge(0)]
    history: list[HistoryLine]
    loss_sum: float
    seconds: Annotated[float, Ge(0)]
    trainer: TrainerState
    config: dict[str, Any]
    data: dict[str, Any]
    torch: str
    # A digest of split.csv; older runs lack it.
    split: NotRequired[str | None]


class ScoreInFile(TypedDict):
    """A score with its interval; None where it is not defined."""

    value: FiniteFloat | None
    low: FiniteFloat | None
    high: FiniteFloat | None


def _with_all(shares: dict[str, float]) -> dict[str, float]:
    if "all" not in shares:
        raise ValueError("'all' is missing")
    return shares


ViewShares = Annotated[dict[str, Annotated[float, Interval(ge=0, le=1)]], AfterValidator(_with_all)]
'The share of positive X-rays by view, and for "all": what a trivial baseline has learnt, beside a postprocessing.'


class ScoresFile(TypedDict):
    """scores.json. What a task adds is kept."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    task: str
    split: str
    # Other data than the run's own; older files lack it.
    data: NotRequired[str]
    synthetic: bool
    cases: Annotated[int, Ge(0)]
    persons: Annotated[int, Ge(0)]
    # A digest of the cases; older runs lack it.
    content: NotRequired[str | None]
    # A digest of the postprocessing that they were measured with; older runs lack it.
    postprocessing_digest: NotRequired[str | None]
    scores: dict[str, ScoreInFile]


class AblationInFile(TypedDict):
    """What every step of an ablation has in a file; the scores have names of their task's."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    step: str
    taken: bool


class RepeatsFile(TypedDict):
    """repeats.json in a folder of repeats."""

    format: int
    task: str
    seeds: Annotated[list[Seed], Len(1, 1000)]


def read_run_file(path: Path, kind: type[Content], advice: str = "") -> Content:
    """Return the content of a JSON file of a run folder, checked.

    Args:
        path: the file.
        kind: what it holds: a dataclass, a TypedDict, or a type such as `dict[str, float]`.
        advice: a sentence on what to do, for the message.

    Raises:
        BadRunFolder: if it is missing, is no JSON, or holds something else than `kind`.
    """
    try:
        content = read_json(path)
    except RadlearnError as error:
        raise BadRunFolder(f"{error} {advice}".strip()) from None
    return checked(content, kind, path, advice)


def checked(content: Any, kind: type[Content], path: Path, advice: str = "") -> Content:
    """Return JSON values as `kind`, with tuples and paths restored, if they have its types; `path` is their file, for the message.

    Raises:
        BadRunFolder: if they have not; the message gives the first that has not.
    """
    try:
        # A dataclass takes no value that it does not know.
        extra: Any = "forbid" if is_dataclass(kind) else None
        hashable: Any = kind
        found: Content = _adapter(hashable).validate_json(json.dumps(content), strict=True, extra=extra)
        return found
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        # Of a value that may have several types, pydantic adds the first of them.
        place = first["loc"][:-1] if len(first["loc"]) > 1 and first["loc"][-1] in TYPE_NAMES else first["loc"]
        name = ".".join(map(str, place)) or "its content"
        said_by_us = first["msg"].removeprefix("Value error, ")
        expected = said_by_us[:1].lower() + said_by_us[1:]
        said = "is missing" if first["type"] == "missing" else f"is {shown(first['input'])}; {expected}"
        raise BadRunFolder(f"{path}: {name} {said}. {CHANGED} {advice}".rstrip()) from None
    except BadSetting as error:
        raise BadRunFolder(f"{path}: {error} {CHANGED} {advice}".rstrip()) from None


def checked_lines(text: str, kind: type[Content], path: Path, advice: str = "") -> list[Content]:
    """Return the lines of a file with a JSON object on each, checked; errors as `checked`."""
    found: list[Content] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            content = json_of(line) if line else None
        except ValueError as error:
            said = f"{path}: is not one JSON object per line (line {number}: {error}). {CHANGED} {advice}"
            raise BadRunFolder(said.rstrip()) from None
        if line:
            found.append(checked(content, kind, path.with_name(f"{path.name}, line {number}"), advice))
    return found


def shown(value: Any) -> str:
    """Return a value for a message, cut short if it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    described: Any = kind
    return TypeAdapter(described)
