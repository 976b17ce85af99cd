"""Files in the folders that a prediction was asked for which it did not take for images: said, so that nobody misses them later."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import volume_stem
from radlearn.challenges.unlooked import ending_in, unlooked_files
from radlearn.folder_walks import left_aside, real_path
from radlearn.hints import command
from radlearn.progress import say
from radlearn.scans.file_names import DICOM_SUFFIXES, OTHER_PICTURES, PICTURE_SUFFIXES

SHOWN = 5


def say_left_out(folders: Iterable[Path], read: Collection[Path], out: Path | None, what: str) -> None:
    """Say how many files of each folder were left out, and of which kinds.

    Args:
        folders: that were named; a file among them is passed over.
        read: files that were read or could not be, and folders of slices, all of whose files count as read.
        out: the folder of the answers, which may lie in one of the others.
        what: is predicted for, in the plural.
    """
    own = {real_path(path) for path in read}
    answers = None if out is None else real_path(out)
    for folder in folders:
        if not folder.is_dir():
            continue
        for sentence in left_aside(folder, out):
            say(f"{folder}: {sentence}", style="yellow")
        left = [path for path in unlooked_files(folder, ()) if not _is_known(real_path(path), own, answers)]
        if what == "images":
            # Whoever lists images takes every picture, or says which are masks.
            left = [path for path in left if not ending_in(path, (*PICTURE_SUFFIXES, *DICOM_SUFFIXES))]
        # A mask beside its CT, or one that an earlier pass wrote, is no CT.
        left = [path for path in left if what != "CTs" or not volume_stem(path.name)]
        if left:
            kinds = Counter("".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]).lower() for path in left)
            told = ", ".join(f"{count:,} {kind or 'without an ending'}" for kind, count in kinds.most_common(SHOWN))
            more = ", …" * (len(kinds) > SHOWN)
            pictures = any(kind in PICTURE_SUFFIXES for kind in kinds) and what == "X-rays"
            hint = " A picture is predicted for where it is named itself." if pictures else ""
            reason = f"they are no {what} that radlearn reads"
            if pictures:
                beside = "beside DICOM files pictures are taken for something else"
                reason = beside if all(kind in PICTURE_SUFFIXES for kind in kinds) else f"{reason}, and {beside}"
            if what == "X-rays" and any(kind in OTHER_PICTURES for kind in kinds):
                hint += " Other pictures are read after they were converted to PNG or TIFF without loss."
            say(
                f"{folder}: {counted(len(left), 'files')} {verb_of(len(left), 'were')} left out ({told}{more}), because "
                f"{reason}.{hint} What they are is said by: {command('check', folder)}",
                style="yellow",
            )


def _is_known(path: Path, read: Collection[Path], answers: Path | None) -> bool:
    return path in read or any(above in read for above in path.parents) or (answers is not None and path.is_relative_to(answers))
