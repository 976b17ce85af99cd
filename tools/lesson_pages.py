"""The pages whose cells are run: the lessons of the tasks and of medicine, and how built-in patients are made. Imports nothing heavy."""

from pathlib import Path

import radlearn
from radlearn.use_cases import USE_CASES

MEDICINE = Path(radlearn.__file__).parent / "lessons_of_medicine"
TASK_PAGES = {task: use_case.folder / "README.md" for task, use_case in USE_CASES.items()}
# Each trains small networks on built-in X-rays to ask one question of medicine.
MEDICINE_PAGES = {
    "shortcut": MEDICINE / "shortcut.md",
    "leakage": MEDICINE / "leakage.md",
    "twins": MEDICINE / "twins.md",
    "phantom": MEDICINE / "phantom_to_patient.md",
}
THORAX_PAGE = Path(radlearn.__file__).parent / "digital_thorax/README.md"
PAGES = TASK_PAGES | MEDICINE_PAGES | {"thorax": THORAX_PAGE}
# The guides are read and not opened as notebooks; what came out stands under their cells as well.
DOCS = Path(radlearn.__file__).parent.parent / "docs"
GUIDES = {"own_data": DOCS / "your_own_data.md", "add_a_use_case": DOCS / "add_a_use_case.md"}
RUN_PAGES = PAGES | GUIDES
