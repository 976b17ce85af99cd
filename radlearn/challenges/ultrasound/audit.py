"""Images with label maps, looked through for `radlearn check`: a folder in the layout of Ultrasound Nerve Segmentation, or a table."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.amounts import counted, part_of, verb_of
from radlearn.challenges import repeated_images
from radlearn.challenges.challenge import AuditedFolder, Found
from radlearn.challenges.folders import files_below, within
from radlearn.challenges.repeated_images import Frame, blocks_of, thumbnail_of
from radlearn.challenges.table_audit import audited_table
from radlearn.challenges.tables import label_map_table
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.ultrasound import layout
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout, UnreadableScan
from radlearn.progress import in_parallel
from radlearn.scans.file_names import PICTURE_SUFFIXES
from radlearn.scans.label_map_files import SHOWN, SHOWN_NOTE, read_label_map
from radlearn.scans.plain_images import BY_AFFINE, refuse_other_axes

MOST_INSIDE = 0.5
"Share of an image; the largest nerve of the challenge covers a thirtieth."


def audit_folder(folder: Path) -> AuditedFolder:
    """Return the cases of a layout or a table, and what is wrong with names, files and masks."""
    if is_table(folder):
        table, cases = label_map_table.audit(folder)
        audited = audited_table(table, cases, "images with label maps")
        return _with_contents(audited, folder.parent, cases, frozenset())
    try:
        cases, troubles = layout.audit(folder)
    except BadLayout as error:
        return AuditedFolder(_recognised(0), [], [Found("pair-missing", "", str(error))])
    root = layout.layout_folder(folder) or folder
    findings = []
    for line in troubles:
        where, _, words = line.partition(": ")
        findings.append(Found("file-empty" if "(0 bytes)" in words else "pair-missing", where, words))
    bad = {line.partition(":")[0] for line in troubles}
    usable = [case for case in cases if not any(f"{path.parent.name}/{path.name}" in bad for path in (case.path, *case.truth))]
    pictures = frozenset(path for path in files_below(root) if path.name.lower().endswith(PICTURE_SUFFIXES))
    return _with_contents(AuditedFolder(_recognised(len(usable)), usable, findings), folder, usable, pictures)


class _Looked(NamedTuple):
    """What one look at an image and its mask brought up: (rule, words), a frame where both could be read, and the pixels of each class."""

    image_id: str
    found: tuple[tuple[str, str], ...]
    frame: Frame | None = None
    pixels_of: tuple[int, ...] = ()
    as_white: bool = False


def _with_contents(audited: AuditedFolder, folder: Path, cases: Sequence[UltrasoundCase], pictures: frozenset[Path]) -> AuditedFolder:
    """Return what was found so far with what the files hold."""
    looked = {one.image_id: one for one in in_parallel(_looked_at, cases, "images", "images", None)} if cases else {}
    findings = list(audited.findings)
    places = {case.image_id: within(case.path, folder) for case in cases}
    for case in cases:
        findings += [Found(rule, places[case.image_id], words) for rule, words in looked[case.image_id].found]
    usable = [case for case in cases if looked[case.image_id].frame is not None]
    findings += _contradicting(usable, looked, places)
    findings += _of_two_kinds(usable, looked, places)
    if usable:
        findings += _classes_seen(cases[0].class_names, [looked[case.image_id].pixels_of for case in usable])
        findings += _classes_without_name(usable, looked, places)
        persons = {case.person for case in usable}
        findings.append(Found("about", "", f"{counted(len(usable), 'images')} of {counted(len(persons), 'persons')}"))
    files = pictures | {path for case in cases for path in (case.path, *case.truth)}
    return AuditedFolder(audited.recognised, usable, findings, audited.volumes, audited.empty_masks, frozenset(files))


def _contradicting(cases: Sequence[UltrasoundCase], looked: Mapping[str, _Looked], places: Mapping[str, str]) -> Iterator[Found]:
    persons: dict[str, list[Frame]] = {}
    for case in cases:
        if (frame := looked[case.image_id].frame) is not None:
            persons.setdefault(case.person, []).append(frame)
    for frames in persons.values():
        for pair in repeated_images.contradictions(frames):
            said = f"looks like {places[pair.second]} (correlation {pair.correlation:.2f}), and their masks have a Dice of {pair.dice:.2f}"
            yield Found("masks-contradict", places[pair.first], said)


def _of_two_kinds(cases: Sequence[UltrasoundCase], looked: Mapping[str, _Looked], places: Mapping[str, str]) -> Iterator[Found]:
    """Yield the masks of 0 and white where others hold classes beyond the first."""
    highest = max((len(looked[case.image_id].pixels_of) for case in cases), default=0)
    for case in cases:
        if highest > 1 and looked[case.image_id].as_white:
            yield Found(
                "mask-mixed", places[case.image_id], f"its mask holds 0 and white, read as class 1; others hold classes up to {highest}"
            )


def _classes_seen(names: Sequence[str], pixels_of: Sequence[tuple[int, ...]]) -> Iterator[Found]:
    """Yield on how many images each class is, and how large; `pixels_of`: of each image, the pixels of classes 1, 2, …"""
    classes = max(map(len, pixels_of))
    if classes == 0:
        yield Found("mask-none", "", f"all {counted(len(pixels_of), 'masks')} are empty")
    for number in range(classes):
        name = names[number] if number < len(names) else f"class {number + 1}"
        areas = [one[number] for one in pixels_of if len(one) > number and one[number]]
        quartiles = "/".join(f"{area:,.0f}" for area in np.quantile(areas, (0.25, 0.5, 0.75))) if areas else ""
        size = f"; quartiles of its area {quartiles} px" if areas else ""
        yield Found("about", "", f"{name}: on {part_of(len(areas), len(pixels_of), 'images')}{size}")


def _classes_without_name(cases: Sequence[UltrasoundCase], looked: Mapping[str, _Looked], places: Mapping[str, str]) -> Iterator[Found]:
    """Yield the masks that hold a class beyond the names, which training refuses."""
    for case in cases:
        highest, names = len(looked[case.image_id].pixels_of), case.class_names
        if names and highest > len(names):
            named = f"{counted(len(names), 'classes')} {verb_of(len(names), 'are')} named ({', '.join(names)})"
            yield Found("class-unnamed", places[case.image_id], f"its mask holds class {highest}, and {named}")


def _looked_at(case: UltrasoundCase) -> _Looked:
    from radlearn.scans.ultrasound_images import read_ultrasound  # pydicom takes half a second

    try:
        image = read_ultrasound(case.path)
    except UnreadableScan as error:
        return _Looked(case.image_id, (("pair-unreadable", str(error).removeprefix(f"{case.path}: ")),))
    if case.mask_path is None:
        return _Looked(case.image_id, (("pair-missing", "has no mask"),))
    try:
        labels, notes, as_white = read_label_map(case.mask_path)
        refuse_other_axes(case.mask_path, case.path)
    except UnreadableScan as error:
        return _Looked(case.image_id, (("mask-values", f"its mask {error}".replace(f"{case.mask_path}:", case.mask_path.name)),))
    pixels = image.pixels
    if labels.shape != pixels.shape:
        sizes = f"has {pixels.shape[0]} × {pixels.shape[1]} px (rows × columns), its mask {labels.shape[0]} × {labels.shape[1]}"
        return _Looked(case.image_id, (("pair-size", sizes),))
    found = [("image-axes", note) for note in image.notes if BY_AFFINE in note]
    if (share := float((labels > 0).mean())) > MOST_INSIDE:
        found.append(("mask-inverted", f"{share:.0%} of it lie inside its mask"))
    if SHOWN_NOTE in notes:
        found.append(("mask-shown", f"its mask {case.mask_path.name} is {SHOWN}"))
    frame = Frame(case.image_id, thumbnail_of(pixels), blocks_of(labels > 0))
    return _Looked(case.image_id, tuple(found), frame, tuple(np.bincount(labels.ravel())[1:].tolist()), as_white)


def _recognised(images: int) -> str:
    return f"the layout of the challenge Ultrasound Nerve Segmentation: {counted(images, 'images')} with masks"
