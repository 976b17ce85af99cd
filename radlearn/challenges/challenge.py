"""What a challenge publishes, as one object: how its folder is read, what its cases are, its submission file, its official score.

Each module that describes a challenge exports one `CHALLENGE`. The rest of the library knows a challenge by this object alone, so that
another one is another module and a line in the registry (`radlearn.use_cases`).
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.folders import holds_exact_truth
from radlearn.challenges.tables.own_table import is_synthetic_table
from radlearn.challenges.tables.table_rows import is_table
from radlearn.metrics.boxes import FoundBoxes
from radlearn.metrics.detection_score import detection_image_scores
from radlearn.metrics.intervals import Interval


class Case(Protocol):
    """One image and what the challenge says of it, as far as every task needs to know it.

    A case may also have `truth`, a tuple of the files and the words that its truth consists of; then a run notices when it is changed.
    """

    @property
    def image_id(self) -> str:
        """What the challenge calls the image."""

    @property
    def path(self) -> Path:
        """The image: a file, or the folder of a DICOM series."""

    @property
    def person(self) -> str:
        """Whose image it is. Splits and intervals go by persons."""

    @property
    def folder(self) -> Path:
        """The data folder that it belongs to."""


CaseT = TypeVar("CaseT", bound=Case)
PredictionT = TypeVar("PredictionT")


@dataclass(frozen=True)
class BuiltInCases:
    """Synthetic cases in the challenge's own layout, made in the user's cache where there are no real data.

    Args:
        writer: "package.module:function", called as function(folder, count, seed). It is a name and not a function, because the writers
            stand above the challenges in the order of imports and because importing them is slow.
        count: how many cases training uses by default.
    """

    writer: str
    count: int

    def load_writer(self) -> Callable[[Path, int, int], None]:
        """Import the writer."""
        module, _, function = self.writer.partition(":")
        return getattr(importlib.import_module(module), function)


@dataclass(frozen=True)
class BoxScore:
    """The official score of a detection challenge: the mean of TP / (TP + FP + FN) over IoU thresholds, then over images.

    Args:
        name: key in `scores.json` and in the training history, such as "rsna_score".
        label: for people, such as "RSNA score".
        ious_above: a predicted box hits when its IoU with a true box is greater than the threshold.
        meaning: one clause that explains the score in reports.
        reference: one clause that says which value is known to be good; may be empty.
    """

    name: str
    label: str
    ious_above: tuple[float, ...]
    meaning: str
    reference: str

    def image_scores(self, found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> np.ndarray:
        """Return the score of each image, float64 (images,); NaN where an image does not count; see `detection_image_scores`."""
        return detection_image_scores(found, truth, self.ious_above)


@dataclass(frozen=True, kw_only=True)
class ScoredSubmission(ABC):
    """A submission compared with the truth. `details` of a subclass are further JSON values, and `scorer` is the name of its scorer."""

    scorer: ClassVar[str]
    image_ids: tuple[str, ...]
    persons: tuple[str, ...]
    scores: Mapping[str, Interval]  # name -> value with its 95 % interval by person
    notes: tuple[str, ...]  # what a person should know about how it was scored

    def as_dict(self) -> dict[str, Any]:
        """Return what `radlearn score … --json` prints."""
        amounts = {"cases": len(self.image_ids), "persons": len(set(self.persons))}
        scores = {name: interval.as_dict() for name, interval in self.scores.items()}
        return {"challenge": self.scorer, **amounts, **self.details(), "scores": scores, "notes": list(self.notes)}

    @abstractmethod
    def details(self) -> dict[str, Any]: ...

    @abstractmethod
    def summary(self) -> list[str]:
        """Return what stands below the table of scores on the terminal, a line each."""

    @abstractmethod
    def write_table(self, path: Path) -> None:
        """Write a CSV table with one row for each case."""


@dataclass(frozen=True)
class Scorer:
    """The official score for a submission of any tool: `radlearn score NAME`.

    Args:
        name: on the command line.
        about: help text of the command.
        options: a frozen dataclass with the flags beside --truth and --submission, each field explained by the comment above it.
        score: (truth, submission, options) -> ScoredSubmission. It imports what it needs when it is called.
        truth, submission, table: help texts of --truth, --submission and --out.
        table_begins: how the table begins, in small letters: no other file is replaced by it. None replaces any that is not read.
    """

    name: str
    about: str
    options: type
    score: Callable[[Path, Path, Any], ScoredSubmission]
    truth: str = "The truth: a table of labels, or a folder in the challenge's layout."
    submission: str = "What is scored."
    table: str = "Write a CSV table with a row for every case."
    table_begins: bytes | None = None


class Found(NamedTuple):
    """One thing that an audit found in a folder. `rule` is a name of `radlearn.check.findings.RULES`; `file` lies within the folder."""

    rule: str
    file: str
    found: str


@dataclass(frozen=True)
class VolumeFiles:
    """A CT, a NIfTI file or the slices of one DICOM series, and its mask, where there is one. `case` is what it is called."""

    case: str
    paths: tuple[Path, ...]
    mask: Path | None = None
    person: str = ""


@dataclass(frozen=True)
class AuditedFolder:
    """What `radlearn check` learns from a challenge about a folder in its layout.

    Args:
        recognised: what the folder is, in words, such as "the RSNA challenge's layout: 40 labelled X-rays".
        cases: the labelled cases that can be used.
        findings: what is wrong with tables and names.
        volumes: the CTs with their masks; None for a challenge on single images.
        empty_masks: masks that are known to be rightly empty, within the folder.
        looked_at: files that the challenge has looked at itself, pictures that are no X-rays: nothing is said of them as X-rays.
    """

    recognised: str
    cases: Sequence[Case]
    findings: Sequence[Found] = ()
    volumes: Sequence[VolumeFiles] | None = None
    empty_masks: frozenset[str] = frozenset()
    looked_at: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Challenge(Generic[CaseT, PredictionT]):
    """One challenge.

    Args:
        name: short and fit for a file name, such as "rsna".
        title: for people.
        unit: what one case is called, in the singular: "X-ray", "CT".
        units: the plural.
        layout_folder: the folder inside a given one that holds the challenge's layout, or a table that fits; None where there is none.
        find_cases: labelled cases of a folder in the layout, or of a table (`own_table`). Raises BadLayout.
        find_images: unlabelled cases of a folder, for a submission. Raises BadLayout.
        write_submission: (file, image_id -> prediction, cases) writes the submission file and proves it; None where there is none.
        submission_suffix: how the name of that file ends; another format's name is refused.
        first_table: (folder, names of the classes that are the finding) -> a first table (`first_tables`) of a folder as people have them;
            None where no table can be read. Raises BadLayout and BadSetting.
        check_names: (file, image_ids) raises BadLayout where images cannot be told apart in the submission file, before any is predicted.
        built_in: synthetic cases; None where there are none.
        box_score: official score of boxes; None for a challenge without boxes.
        scorers: what `radlearn score` offers for this challenge.
        audit: looks through a folder in the layout for `radlearn check`, and raises for nothing that is wrong in it. Where it is None,
            what `find_cases` refuses is the one finding.
        tables: names of tables that belong to the layout's folder, and are none that can be named in its place.
        near_layout: what to rename in a folder that `layout_folder` does not know and that is nearly the layout, in a sentence without its
            end, for `radlearn check`; "" for any other.
    """

    name: str
    title: str
    unit: str
    units: str
    layout_folder: Callable[[Path], Path | None]
    find_cases: Callable[[Path], list[CaseT]]
    find_images: Callable[[Path], list[CaseT]]
    write_submission: Callable[[Path, Mapping[str, PredictionT], Sequence[CaseT]], None] | None = None
    submission_suffix: str = ".csv"
    first_table: Callable[[Path, Sequence[str]], Any] | None = None
    check_names: Callable[[Path, Sequence[str]], object] | None = None
    built_in: BuiltInCases | None = None
    box_score: BoxScore | None = None
    scorers: tuple[Scorer, ...] = ()
    audit: Callable[[Path], AuditedFolder] | None = None
    near_layout: Callable[[Path], str] | None = None
    tables: tuple[str, ...] = ()

    def is_synthetic(self, folder: Path) -> bool:
        """Tell whether a data folder holds synthetic cases, or a table names some."""
        if is_table(Path(folder)):
            return is_synthetic_table(Path(folder))
        layout = self.layout_folder(Path(folder))
        return layout is not None and holds_exact_truth(layout)


AnyChallenge = Challenge[Any, Any]
