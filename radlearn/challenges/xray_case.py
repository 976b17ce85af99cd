"""A case of any challenge on X-rays: the image, its labels, and what its DICOM header adds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from radlearn.amounts import begun, counted
from radlearn.challenges.box_edges import box_words, cut_off
from radlearn.challenges.header_persons import other_rows_words, persons_words, studies_words, two_people_words
from radlearn.challenges.readings.box_grids import grid_words
from radlearn.challenges.readings.resized_images import sizes_words
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout
from radlearn.progress import say

if TYPE_CHECKING:
    from radlearn.scans.dicom import RadiographHeader

OPACITY = "Lung Opacity"
CATEGORIES = ("Normal", "No Lung Opacity / Not Normal", OPACITY)
"The finer classes of the RSNA challenge: boxes are on images of the last, and on no others."
GRID_ADVICE = (
    "Boxes are expected in pixels of the X-ray: multiply x by its width and y by its height, each divided by that of the copy (100 for "
    "percent). Else the network learns from places where nothing is. Ignore this where the boxes are right."
)
TABLE_ADVICE = ("in the tables would train wrongly", "Mend or remove these rows, then try again.")


@dataclass(frozen=True)
class XrayCase:
    """One X-ray and what the challenge says of it."""

    image_id: str
    path: Path
    label: bool | None  # whether it shows the finding; None where there are no labels
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...]  # (x0, y0, x1, y1) in source pixels, origin top left
    category: str | None  # a finer class, such as "Normal"; None where the challenge has none
    person: str
    view: str | None = None  # this and what follows stand in the X-rays' headers: `with_headers`
    sex: str | None = None
    age_years: float | None = None
    data_folder: Path | None = None  # where a table says what is on which X-ray: see `own_table`
    split: str | None = None  # the subset that the table asks for
    groups: tuple[tuple[str, str], ...] = ()  # further columns of the table, and what they say of this X-ray
    # Several labels by name, None where one is not known; `label` is then whether any of them is there. Empty where there is one label.
    labels: tuple[tuple[str, bool | None], ...] = ()

    stated_px: tuple[float, float] | None = None  # width and height that the table says it has, where it has boxes in pixels of these

    @property
    def folder(self) -> Path:
        """The data folder; in a challenge's layout the X-ray lies in a folder of images in it."""
        return self.path.parent.parent if self.data_folder is None else self.data_folder

    @property
    def truth(self) -> tuple[str, ...]:
        """What its truth consists of: the labels and the boxes, in words; nothing where there is no label."""
        if self.labels:
            return tuple(f"{name}: {value}" for name, value in self.labels)
        boxes = [repr(tuple(map(float, box))) for box in sorted(self.boxes_xyxy_px)]
        return () if self.label is None else (str(bool(self.label)), *boxes)


def told_otherwise(case: XrayCase, header: "RadiographHeader | XrayCase") -> list[str]:
    """Return the columns by which a table says something else of an X-ray than its header, which is taken. Ages may be a birthday apart."""
    columns = []
    for column in ("view", "sex", "age_years"):
        said, taken = getattr(case, column), getattr(header, column)
        if said is not None and taken is not None and (abs(said - taken) > 1 if column == "age_years" else said != taken):
            columns.append(column)
    return columns


def size_words(case: XrayCase, size_px: tuple[int, int]) -> str:
    """Return what is wrong where a table with boxes says another size of an X-ray than it has (height, width); "" where nothing is."""
    height, width = size_px
    if not case.boxes_xyxy_px or case.stated_px in (None, (width, height)):
        return ""
    across, down = case.stated_px or (width, height)
    found = f"the table says that it is {across:g} × {down:g} px (width × height), and it is {width} × {height}"
    advice = f"multiply x by {width:g} / {across:g} and y by {height:g} / {down:g}, and write the X-ray's own size"
    return f"{found}. Were its boxes drawn on a copy of that size? Then {advice}; else correct the size."


def _contradictions(written: Sequence[XrayCase], known: Sequence[XrayCase]) -> str:
    """Return where tables say another view, sex or age than the header; "" nowhere."""
    apart: dict[str, list[XrayCase]] = {"view": [], "sex": [], "age_years": []}
    for case, taken in zip(written, known, strict=True):
        for column in told_otherwise(case, taken):
            apart[column].append(case)
    found = [f"{column} of {counted(len(cases), 'X-rays')} (such as {cases[0].path.name})" for column, cases in apart.items() if cases]
    return f"In the table the {', the '.join(found)} is another than in the header, which is taken." if found else ""


def with_headers(cases: Sequence[XrayCase], headers: Sequence["RadiographHeader"]) -> list[XrayCase]:
    """Return the cases with view, sex and age filled in from their X-rays' headers, in the same order; what a header lacks stays.

    Raises:
        BadLayout: if a box reaches beyond its X-ray, or the table says that its X-ray has another size.
    """
    troubles, filled = [], []
    for case, header in zip(cases, headers, strict=True):
        height, width = header.size_px
        inside = [cut_off(box, header.size_px) for box in case.boxes_xyxy_px]
        if words := size_words(case, header.size_px):
            troubles.append(f"{case.image_id}: {words}")
        troubles += [
            f"the box {box_words(box)} of {case.image_id} reaches beyond its X-ray of {width} × {height} px (width × height)."
            for box, cut in zip(case.boxes_xyxy_px, inside, strict=True)
            if cut is None
        ]
        age = case.age_years if header.age_years is None else header.age_years
        boxes = tuple(box for box in inside if box is not None)
        filled.append(replace(case, view=header.view or case.view, sex=header.sex or case.sex, age_years=age, boxes_xyxy_px=boxes))
    if troubles:
        raise BadLayout(listed(cases[0].folder, troubles, *TABLE_ADVICE))
    if told := _contradictions(cases, filled):
        say(told, style="yellow")
    sizes = [header.size_px for header in headers]
    if told := sizes_words(cases, sizes):
        say(told, style="bold yellow")
    elif told := grid_words([(case.boxes_xyxy_px, size) for case, size in zip(cases, sizes, strict=True)]):
        say(f"{begun(told)} {GRID_ADVICE}", style="bold yellow")
    patient_ids = [header.patient_id for header in headers]
    if told := persons_words(cases, patient_ids):
        say(told, style="yellow")
    if told := two_people_words(filled):
        say(told, style="yellow")
    if told := studies_words(cases, headers):
        say(told, style="yellow")
    # In a table of one's own the name of a file may be any number, and so may PatientID.
    if cases and cases[0].data_folder is None and (told := other_rows_words(cases, patient_ids)):
        say(told, style="bold yellow")
    return filled
