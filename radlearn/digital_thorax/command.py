"""`radlearn thorax`: built-in patients written as files in the challenges' own layouts."""

from pathlib import Path
from typing import Literal

from radlearn import hints
from radlearn.errors import BadSetting
from radlearn.progress import say, waiting


def thorax(
    out: Path,
    xrays: int = 800,
    cts: int = 120,
    ct_size: Literal["small", "full"] = "small",
    seed: int = 0,
    workers: int | None = None,
    twins: bool = False,
) -> None:
    """Write built-in patients in the challenges' layouts: X-rays as OUT/rsna, CTs as OUT/covid19, and a sheet to look at.

    Args:
        out: The folder to write into; OUT/rsna and OUT/covid19 must not be there yet.
        xrays: How many chest X-rays; 0 for none.
        cts: How many chest CTs; 0 for none.
        ct_size: small for quick runs (160-192 voxels across, lesions heavier than real), or full as in the challenge (512, 20 MB each).
        seed: Another seed, other patients.
        workers: Processes to use; all cores if not named.
        twins: Write each X-ray with an opacity also without it, everything else equal, into OUT/rsna/twins.
    """
    from radlearn.digital_thorax.cohort import write_rsna
    from radlearn.digital_thorax.contact_sheet import write_contact_sheet
    from radlearn.digital_thorax.ct_cohort import refuse_used, write_covid19
    from radlearn.digital_thorax.patient_sheet import write_patient_sheet

    xrays_folder, cts_folder = out / "rsna", out / "covid19"
    if xrays < 0 or cts < 0 or not xrays + cts:
        raise BadSetting(f"--xrays {xrays} --cts {cts}: expected numbers from 0 on, and not both 0.")
    for folder in [*([xrays_folder] if xrays else []), *([cts_folder] if cts else [])]:
        refuse_used(folder)
    if xrays:
        write_rsna(xrays_folder, xrays, seed, workers, twins=twins)
        say(f"{xrays:,} X-rays in {xrays_folder}. To train on them: {hints.command('classification', 'train', '--data', xrays_folder)}")
    if cts:
        write_covid19(cts_folder, cts, seed, workers, ct_size)
        train = hints.command("segmentation", "train", "--data", cts_folder)
        say(f"{cts:,} CTs in {cts_folder}, with lesion masks. To train on them: {train}")
    with waiting("Drawing what was written"):
        sheet = write_contact_sheet(out / "contact_sheet.png", xrays_folder if xrays else None, cts_folder if cts else None)
    say(f"Contact sheet of the files: {sheet}")
    if not (patients := out / "patients.png").exists():
        with waiting("Drawing a few patients"):
            write_patient_sheet(patients, seed)
        say(f"A few patients, X-ray and CT: {patients}")
