"""A person's own CTs in a table: see `own_table` for its columns. One more is needed:

mask      the lesions of the CT, 0 and 1 on its grid, a NIfTI file; relative to the table's folder
"""

from pathlib import Path

from radlearn.challenges.ct_case import Case
from radlearn.challenges.folders import volume_stem
from radlearn.challenges.tables.label_map_table import is_label_map_table
from radlearn.challenges.tables.own_table import accepted, data_folder, read_table
from radlearn.challenges.tables.table_files import OwnTable, resolved
from radlearn.challenges.tables.table_rows import columns_of
from radlearn.folder_walks import real_path

MASK = "mask"


def is_ct_table(path: Path) -> bool:
    """Tell whether a table names masks; one that names pictures as masks is another (`label_map_table`)."""
    return MASK in columns_of(path) and not is_label_map_table(path)


def find_cases(path: Path) -> list[Case]:
    """Return the CTs of a table, in its order; errors as `own_table.accepted`."""
    return accepted(*audit(path))


def audit(path: Path) -> tuple[OwnTable, list[Case]]:
    """Return a table, with everything that is wrong in it among its troubles, and the CTs whose mask is there."""
    table = read_table(path, (MASK,), (MASK,))
    cases, masks = [], dict[Path, int]()
    for image in table.images:
        line, cells = image.rows[0]
        for again, _ in image.rows[1:]:
            table.troubles.append(f"{table.at(again, 'path')}: is the CT of line {line} again; expected one row for each CT.")
        if not cells[MASK]:
            table.troubles.append(f"{table.at(line, MASK)}: is empty; a CT without a lesion has a mask of zeros.")
            continue
        mask = resolved(table, line, MASK, cells[MASK])
        if mask is None:
            continue
        where = table.at(line, MASK)
        if real_path(mask) == real_path(image.path):
            table.troubles.append(f"{where}: is the CT itself; expected its mask.")
        elif volume_stem(mask.name) is None:
            table.troubles.append(f"{where}: is {cells[MASK]!r}; expected a volume: .nii.gz, .nii, .mha or .nrrd.")
        elif (first := masks.setdefault(real_path(mask), line)) != line:
            table.troubles.append(f"{where}: is the mask of line {first} too; expected one for each CT.")
        else:
            cases.append(Case(image.image_id, image.path, mask, image.person, data_folder(image.path, table), image.split, image.groups))
    return table, cases
