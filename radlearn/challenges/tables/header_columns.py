"""View, sex and age of X-rays in a table of one's own, under the names that a DICOM header or another table gives them.

A column that is called `view`, `sex` or `age_years` is read as it is, and what is wrong in it is refused. One under another of these
names is taken where all of it reads as such; else it is said not to be.
"""

import re
from collections.abc import Mapping, Sequence

from radlearn.challenges.tables.csv_hints import finite_number
from radlearn.challenges.words.near_columns import VIEWS, plain
from radlearn.csv_cells import restored
from radlearn.scans.views import view_named

OTHER_NAMES = {
    "view": ("viewposition", "viewpos", "xrayview", "projection"),
    "sex": ("patientsex", "gender", "patientgender"),
    "age_years": ("patientage", "age", "ageinyears", "patientageyears"),
}
"As `plain` writes them."
SEX_WORDS = {
    "F": "female f fem woman girl weiblich w frau féminin femme femenino femenina mujer hembra femminile femmina donna feminino feminina "
    "mulher vrouw vrouwelijk kvinna kvinde kvinne женский жен ж 女 女性",
    "M": "male m masc man boy männlich maennlich mann masculin homme masculino hombre varón varon maschile maschio uomo homem mannelijk "
    "mand мужской муж м 男 男性",
}
"A first letter is not enough: mujer is a woman, and Mädchen a girl."
NOT_SAID = ("", "unknown", "n/a", "na", "none", "o", "u", "other")
"O is DICOM's word for neither."
OLDEST = 120
YEARS = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*Y?", re.IGNORECASE | re.ASCII)


def meant_by(name: str, text: str) -> str:
    """Return what a cell says as the column `name` would have it: AP or PA, F or M, years; "" where it is no such thing.

    >>> meant_by("view", "p.a."), meant_by("sex", "Female"), meant_by("age_years", "061Y"), meant_by("age_years", "1961")
    ('PA', 'F', '061', '')
    """
    if name == "view":
        return view_named(text) if view_named(text) in VIEWS else ""
    if name == "sex":
        return next((value for value, words in SEX_WORDS.items() if text.casefold() in words.split()), "")
    years = YEARS.fullmatch(text)
    return years[1] if years and finite_number(years[1]) <= OLDEST else ""


def taken_columns(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Return which column is taken for which of view, sex and age, and what a person should know of it.

    Args:
        columns: of the table.
        rows: the cells of each.
    """
    taken: dict[str, str] = {}
    notes = []
    for name, others in OTHER_NAMES.items():
        for column in () if any(plain(one) == plain(name) for one in columns) else columns:
            if plain(column) not in others or name in taken:
                continue
            said = {text for row in rows if (text := restored(row.get(column, ""))).casefold() not in NOT_SAID}
            strange = sorted(text for text in said if not meant_by(name, text))
            if said and not strange:
                taken[name] = column
                notes.append(f"column {column} is read as the {name}.")
            elif len(strange) < len(said):
                expected = {"view": "AP or PA", "sex": "F or M"}.get(name, f"years up to {OLDEST}")
                notes.append(f"column {column} is not read as the {name}, because it also says {strange[0]!r}; expected {expected}.")
    return taken, notes
