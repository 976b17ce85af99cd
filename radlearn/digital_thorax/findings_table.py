"""The findings of built-in X-rays as a table of one's own with several labels: `findings.csv`, from the exact truth.

    path, person, label_consolidation, label_effusion, …

A label is 1 where the anatomy of the patient has the finding, whether anybody can see it or not. It is written from the tables of a folder
that is whole, and has no part in it: the X-rays and their tables stay as they are.
"""

import csv
from collections import defaultdict
from pathlib import Path

from radlearn.challenges.folders import FINDINGS_TABLE, TRUTH_TABLE
from radlearn.challenges.rsna import layout as rsna
from radlearn.csv_files import write_rows
from radlearn.digital_thorax.planning import OTHER_FINDINGS

OPACITIES = ("consolidation", "bronchopneumonia", "ground glass")
"The kinds of pneumonia, of which an X-ray with an opacity has one or several."
FINDINGS = (*OPACITIES, *OTHER_FINDINGS)


def write_findings_table(folder: Path) -> Path:
    """Write the table beside the X-rays of built-in patients, and return its path.

    Args:
        folder: as `cohort.write_rsna` wrote it.
    """
    found: dict[str, set[str]] = defaultdict(set)
    with open(folder / TRUTH_TABLE, newline="", encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            found[row["patientId"]].add(row["finding"])
    rows = [
        (f"{rsna.IMAGE_FOLDER}/{case.path.name}", case.person, *(int(name in found[case.image_id]) for name in FINDINGS))
        for case in rsna.find_cases(folder)
    ]
    path = Path(folder) / FINDINGS_TABLE
    write_rows(path, [("path", "person", *(f"label_{name.replace(' ', '_')}" for name in FINDINGS)), *rows])
    return path
