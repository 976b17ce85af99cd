"""The tables of a challenge without its X-rays: what they say is looked through, and what training on the X-rays would cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from radlearn.challenges import rsna, rsna_tables
from radlearn.challenges.view_table import HEADER_TABLES, views_of
from radlearn.check.findings import Finding


def read_tables(root: Path) -> tuple[list[rsna.Case], list[str], list[str]]:
    """Return the cases of a layout whose X-rays are not there, what is wrong with its tables, and what is worth knowing; a line each.

    A case's path is where its X-ray would lie. The view is filled in where a table of header fields says it.
    """
    text, troubles = rsna_tables.path_text(root / rsna.LABELS_TABLE)
    images, more = rsna_tables.labels_in(rsna.LABELS_TABLE, text)
    troubles += more
    classes: dict[str, str] = {}
    if (root / rsna.CLASS_TABLE).is_file() and images:
        text, more = rsna_tables.path_text(root / rsna.CLASS_TABLE)
        troubles += more
        classes, more = rsna_tables.classes_in(rsna.CLASS_TABLE, text, images, rsna.LABELS_TABLE)
        troubles += more
    persons, more, notes = rsna.persons_of((root,), images)
    troubles += more
    views = views_of(root / rsna.LABELS_TABLE, images)[0] if any((root / name).is_file() for name in HEADER_TABLES) else {}
    cases = [
        rsna.Case(
            image_id,
            root / rsna.IMAGE_FOLDER / f"{image_id}.dcm",
            bool(image.target),
            tuple(image.boxes_xyxy_px),
            classes.get(image_id),
            persons.get(image_id, image_id),
            views.get(image_id),
        )
        for image_id, image in images.items()
    ]
    return cases, troubles, notes


def no_xrays(cases: Sequence[rsna.Case]) -> Iterator[Finding]:
    """Yield that the X-rays are missing: once, not a line for each of thousands."""
    found = f"there is no such folder beside the labels table, and none of its {len(cases):,} X-rays; only the tables were looked at"
    yield Finding("image-missing", rsna.IMAGE_FOLDER, found)
