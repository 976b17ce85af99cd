"""`radlearn thorax`: built-in patients written as files, what is asked for and no more; a command that was killed can be given again.

While it writes, a file in the folder says what was asked for. Where the same is asked for again, X-rays or CTs that are there whole are
kept. Those of which only a part was written are made anew, which is said.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from radlearn import hints
from radlearn.alone import alone_with
from radlearn.amounts import counted, verb_of
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from radlearn.files import make_folder, removed_on_failure
from radlearn.json_files import read_json, write_json
from radlearn.leftovers import remove_leftovers, remove_unfinished, unfinished_beside
from radlearn.number_bounds import MOST_SEED, checked_number, checked_workers
from radlearn.progress import say, waiting

XRAYS, CTS = 800, 120
# They take days, and a disk.
MOST_XRAYS, MOST_CTS = 100_000, 20_000
# More are planned for a while before the first is drawn.
MANY_XRAYS = 10_000
# With these each of three subsets has cases with and without a finding.
ENOUGH_XRAYS, ENOUGH_CTS = 48, 12
XRAY_FOLDER, CT_FOLDER = "rsna", "covid19"
BEGUN = "thorax.unfinished.json"
LOCK = ".thorax.lock"
# Written last into either folder, under a temporary name that then becomes the folder's own.
WHOLE = "truth.csv"


def write_patients(
    out: Path,
    xrays: int | None = None,
    cts: int | None = None,
    ct_size: Literal["small", "full"] = "small",
    seed: int = 0,
    workers: int | None = None,
    twins: bool = False,
) -> None:
    """Write built-in patients in the challenges' layouts: X-rays as OUT/rsna, CTs as OUT/covid19, and a sheet to look at.

    OUT/rsna/findings.csv is a table of several labels: which of the findings each X-ray has.

    Args:
        out: The folder to write into; OUT/rsna and OUT/covid19 must not be there yet. After an interruption give the same command again:
            X-rays or CTs that are there whole are kept, those of which a part was written are made anew.
        xrays: How many chest X-rays; 800 if neither number is named, none if only --cts is.
        cts: How many chest CTs; 120 if neither number is named, none if only --xrays is.
        ct_size: small for quick runs (160-192 voxels across, lesions heavier than real), or full as in the challenge (512, 20 MB each).
        seed: Another seed, other patients.
        workers: Processes to use; all cores if not named.
        twins: Write each X-ray with an opacity also without it, everything else equal, into OUT/rsna/twins.
    """
    from radlearn.digital_thorax.cohort import write_rsna
    from radlearn.digital_thorax.ct_cohort import write_covid19
    from radlearn.digital_thorax.findings_table import write_findings_table

    out = Path(out)
    checked_number("--seed", seed, 0, MOST_SEED)
    workers = checked_workers(workers)
    xrays, cts = _amounts(xrays, cts)
    wishes = {"xrays": xrays, "cts": cts, "ct_size": ct_size, "seed": seed, "twins": twins}
    xray_folder, ct_folder = out / XRAY_FOLDER, out / CT_FOLDER
    with removed_on_failure(out, lambda: _is_whole(xray_folder) or _is_whole(ct_folder)), _begun(out, wishes):
        if xrays:
            if not _is_whole(xray_folder):
                if xrays > MANY_XRAYS:
                    say(f"Planning {counted(xrays, 'X-rays')} before the first is drawn.")
                write_rsna(xray_folder, xrays, seed, workers, twins=twins)
            table = write_findings_table(xray_folder)
            say(f"{counted(xrays, 'X-rays')} in {xray_folder}. {_advice('classification', xray_folder, xrays, ENOUGH_XRAYS)}")
            say(f"Their findings as several labels: {table}. {_advice('classification', table, xrays, ENOUGH_XRAYS)}")
        if cts:
            if not _is_whole(ct_folder):
                write_covid19(ct_folder, cts, seed, workers, ct_size)
            say(f"{counted(cts, 'CTs')} in {ct_folder}, with lesion masks. {_advice('segmentation', ct_folder, cts, ENOUGH_CTS)}")
        _draw(out, xray_folder if xrays else None, ct_folder if cts else None, seed)


def _advice(task: str, folder: Path, count: int, enough: int) -> str:
    """Return how to train on what was written, if it is enough for a split by person."""
    if count < enough:
        return f"They are to look at: training needs about {enough}."
    return f"To train on them: {hints.command(task, 'train', '--data', folder)}"


def _amounts(xrays: int | None, cts: int | None) -> tuple[int, int]:
    """Return how many X-rays and CTs to write: of each what is asked for, the usual numbers where nothing is said."""
    if xrays is None and cts is None:
        return XRAYS, CTS
    numbers = xrays or 0, cts or 0
    if min(numbers) < 0 or not any(numbers):
        raise BadSetting(f"--xrays {numbers[0]} --cts {numbers[1]}: expected numbers from 0 on, and not both 0.")
    checked_number("--xrays", numbers[0], 0, MOST_XRAYS)
    checked_number("--cts", numbers[1], 0, MOST_CTS)
    return numbers


@contextmanager
def _begun(out: Path, wishes: Mapping[str, Any]) -> Iterator[None]:
    """Note what is asked for while the block runs, alone in the folder; what a killed process left unfinished there is removed first.

    Raises:
        BadLayout: if what is asked for is there already, other patients were begun there, or other files lie in their place.
    """
    from radlearn.digital_thorax.ct_cohort import refuse_used

    begun = out / BEGUN
    goes_on = begun.exists()
    if goes_on:
        try:
            before = read_json(begun)
        except RadlearnError as error:
            raise BadLayout(f"{error} Remove this file, or choose another folder.") from None
        if before != wishes:
            again = f" Give that command again ({_command(before, out)})," if isinstance(before, dict) else " Remove this file,"
            raise BadLayout(f"{begun}: other patients were begun there.{again} or choose another folder.")
    for name, count in ((XRAY_FOLDER, wishes["xrays"]), (CT_FOLDER, wishes["cts"])):
        if count and not (goes_on and _is_whole(out / name)):
            refuse_used(out / name)
    make_folder(out)
    try:
        with alone_with(out / LOCK, f"writing built-in patients into {out}"):
            for name in (XRAY_FOLDER, CT_FOLDER):
                for unfinished in unfinished_beside(out / name):
                    _say_lost(unfinished, name)
                remove_unfinished(out / name)
            remove_leftovers(out)
            write_json(begun, wishes)
            yield
            # Workers of a killed process write for a moment longer.
            for name in (XRAY_FOLDER, CT_FOLDER):
                remove_unfinished(out / name)
            remove_leftovers(out)
            begun.unlink()
    finally:
        (out / LOCK).unlink(missing_ok=True)


def _command(wishes: Mapping[str, Any], out: Path) -> str:
    flags = [(f"--{name.replace('_', '-')}", wish) for name, wish in wishes.items() if name != "twins" and wish is not None]
    twins = ["--twins"] * (wishes.get("twins") is True)
    return hints.command("thorax", *(word for flag in flags for word in flag), *twins, "--out", out)


def _say_lost(unfinished: Path, name: str) -> None:
    units, pattern = ("X-rays", "stage_2_train_images/*.dcm") if name == XRAY_FOLDER else ("CTs", "Train/*_ct.nii.gz")
    if written := len(list(unfinished.glob(pattern))):
        say(
            f"{counted(written, units)} {verb_of(written, 'were')} written before this command was stopped; all "
            f"{units} are made anew, because they count as a whole."
        )


def _is_whole(folder: Path) -> bool:
    return (folder / WHOLE).is_file()


def _draw(out: Path, xray_folder: Path | None, ct_folder: Path | None, seed: int) -> None:
    from radlearn.digital_thorax.contact_sheet import write_contact_sheet
    from radlearn.digital_thorax.patient_sheet import write_patient_sheet

    with waiting("Drawing what was written"):
        sheet = write_contact_sheet(out / "contact_sheet.png", xray_folder, ct_folder)
    say(f"Contact sheet of the files: {sheet}")
    if not (patients := out / "patients.png").exists():
        with waiting("Drawing a few patients"):
            write_patient_sheet(patients, seed)
        say(f"A few patients, X-ray and CT: {patients}")
