"""Of what class the boxes of a table of one's own are, which is told by a column that nothing else reads.

All boxes are one finding, so that two things would train wrongly in silence: a box of a class that says there is no finding, as tables
mark X-rays without one that must have four numbers in every row, and boxes of several findings. Nothing is said of 110 X-rays of the Kaggle
pneumonia challenge and of 60 built-in ones, written as a table with their classes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from radlearn.amounts import counted, verb_of
from radlearn.challenges.tables.csv_hints import finite_number
from radlearn.challenges.tables.table_boxes import Corners
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.words.class_denials import denies_all, denying
from radlearn.challenges.words.near_columns import plain
from radlearn.challenges.xray_case import CATEGORIES, OPACITY
from radlearn.csv_cells import restored

CLASS_COLUMNS = {
    "class", "classes", "classname", "classnames", "classlabel", "category", "categories", "categoryname", "finding", "findings",
    "findingname", "findinglabel", "findinglabels", "findingcategory", "findingcategories", "findingtype", "labelname", "labeltext",
    "lesiontype", "diseasename", "boxclass", "boxlabel", "objectclass", "objectname",
}  # fmt: skip
"What columns are called that name the class of a box. In others a no may be an answer to anything."
NUMBER_COLUMNS = {"classid", "categoryid", "labelid"}
"Of which nothing is asked where the names stand beside them."
NUMBERED, SHOWN = "0", 5
"The first class where they are numbers, of which the name says nothing."


def class_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table that say of what class a box is.

    >>> class_columns(["path", "x0", "class_name", "site", "Finding Labels"])
    ('class_name', 'Finding Labels')
    """
    named = tuple(column for column in columns if plain(column) in CLASS_COLUMNS)
    return named or tuple(column for column in columns if plain(column) in NUMBER_COLUMNS)


def look_at_classes(table: OwnTable, box: Corners, has_label: bool) -> None:
    """Note among the troubles boxes of classes without a finding; and among the notes of which classes boxes are, and which have none."""
    for column in class_columns(table.columns):
        cells = [(image.line, line, restored(cells.get(column, "")), any(cells[end] for end in box)) for image in table.images
                 for line, cells in image.rows]  # fmt: skip
        without = denying({name for *_, name, _ in cells}) - {NUMBERED}
        lines, images, bare = defaultdict[str, list[int]](list), defaultdict[str, set[int]](set), Counter[str]()
        for image, line, name, is_boxed in filter(lambda one: one[2], cells):
            if is_boxed:
                lines[name].append(line)
                images[name].add(image)
            elif name not in without:
                bare[name] += 1
        for name in sorted(without & lines.keys()):
            amount = f", and so are those of {counted(len(lines[name]) - 1, 'more rows')}" if len(lines[name]) > 1 else ""
            said = f"is {name!r}, which says that there is no finding, and the row has a box{amount}"
            advice = f"Where there is no finding, leave all four of {', '.join(box)} empty"
            table.troubles.append(f"{table.at(lines[name][0], column)}: {said}. {advice}; else correct the class.")
        found = {name: some for name, some in lines.items() if name not in without}
        if len(found) > 1:
            most = sorted(found, key=lambda name: (-len(found[name]), name))
            listed = [f"{name} ({counted(len(found[name]), 'boxes')} on {counted(len(images[name]), 'X-rays')})" for name in most[:SHOWN]]
            more = f" and {len(most) - SHOWN:,} more" if len(most) > SHOWN else ""
            table.notes.append(
                f"{table.path.name}: by the column {column} the boxes are of {len(most):,} classes, {', '.join(listed)}{more}, and all of "
                f"them are learnt as one finding. To learn one, empty {', '.join(box)} in the rows of the others, in a table of its own."
            )
        # A label says itself what is there.
        if not has_label and (taken := sorted(bare.keys() & found.keys())):
            rows = sum(bare[name] for name in taken)
            table.notes.append(
                f"{table.path.name}: {counted(rows, 'rows')} of class {', '.join(taken[:SHOWN])} in the column {column} "
                f"{verb_of(rows, 'have')} no box, though others of that class have one: an X-ray without any box counts as one without "
                "the finding."
            )


def look_at_labels(table: OwnTable, label: str) -> None:
    """Note among the troubles labels that the class of their image contradicts: 1 where it is called normal.

    Where the classes are those of the Kaggle challenge, its rule holds: an opacity is 1, and only that.
    """
    for column in class_columns(table.columns):
        told = [(image.line, restored(image.rows[0][1].get(column, "")), image.rows[0][1].get(label, "")) for image in table.images]
        names = {name for _, name, _ in told} - {""}
        kaggle = OPACITY in names and names <= set(CATEGORIES)
        wrong: dict[tuple[str, str], list[int]] = {}
        for line, name, value in told:
            number = finite_number(value)
            if (kaggle and name and number == float(name != OPACITY)) or (number == 1 and name != NUMBERED and denies_all(name)):
                wrong.setdefault((name, value), []).append(line)
        for (name, value), lines in wrong.items():
            amount = f", as in {counted(len(lines) - 1, 'more rows')}" if len(lines) > 1 else ""
            rule = f"{OPACITY!r} is {label} 1, and only that" if kaggle else "a class that says there is no finding is label 0"
            found = f"is {name!r}, and {label} is {value}{amount}; {rule}"
            table.troubles.append(f"{table.at(lines[0], column)}: {found}. Correct one of the two, or leave out the column {column}.")
