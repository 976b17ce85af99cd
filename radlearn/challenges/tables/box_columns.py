"""Columns beside the corners of boxes in a table of one's own: the size of the image or of the box, who drew it, and what describes it."""

from collections.abc import Sequence

from radlearn.amounts import counted
from radlearn.challenges.tables.box_classes import class_columns
from radlearn.challenges.tables.csv_hints import finite_number
from radlearn.challenges.tables.table_boxes import SIZES, Corners
from radlearn.challenges.tables.table_files import OwnImage, OwnTable
from radlearn.challenges.words.near_columns import is_person_name, plain

IMAGE_SIZES = (
    ("width", "height"), ("w", "h"), ("imagewidth", "imageheight"), ("imgwidth", "imgheight"), ("imgw", "imgh"), ("columns", "rows"),
    ("originalwidth", "originalheight"),
)  # fmt: skip
"What TensorFlow's and Roboflow's CSV, and others, call the size of the image, without marks."
READERS = {
    "reader", "readers", "readerid", "rad", "radid", "radiologist", "radiologistid", "annotator", "annotatorid", "rater", "raterid",
    "observer", "observerid", "labeler", "labeller", "annotatedby", "labeledby", "labelledby", "doctor", "expert",
}  # fmt: skip
"What columns are called that name who drew a box, without marks."
ROUNDED_PX = 1.0
"By how much a size may differ from that of its corners; some count both ends."
SHOWN = 6


def size_columns(columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of columns that say a width and a height.

    >>> size_columns(["path", "width", "height", "xmin"]), size_columns(["Image_Width", "image_height"]), size_columns(["width"])
    ([('width', 'height')], [('Image_Width', 'image_height')], [])
    """
    by_plain = {plain(column): column for column in columns}
    pairs = dict.fromkeys((*IMAGE_SIZES, *((plain(width), plain(height)) for width, height in SIZES)))
    return [(by_plain[width], by_plain[height]) for width, height in pairs if {width, height} <= by_plain.keys()]


def image_sizes(table: OwnTable, box: Corners) -> dict[int, tuple[float, float]]:
    """Return line of an image → the width and height that a table with corners says of it; what is neither an image's nor a box's is noted.

    Corners are whole without them: they are the image's, which is held against it, or the box's, which adds nothing.
    """
    stated: dict[int, tuple[float, float]] = {}
    for pair in size_columns(table.columns):
        rows = [
            (image, line, [finite_number(cells.get(column, "")) for column in (*box, *pair)])
            for image in table.images
            for line, cells in image.rows
        ]
        boxed = {line: numbers for _, line, numbers in rows if all(number == number for number in numbers)}
        if _are_the_images(table.images, pair) and all(map(_is_inside, boxed.values())):
            for image, _, (*_, width, height) in rows:
                if width > 0 and height > 0:
                    stated.setdefault(image.line, (width, height))
        elif odd := next((line for line, numbers in boxed.items() if not _is_between(numbers)), None):
            both = " and ".join(pair)
            found = f"{both} are neither the size of the box between {', '.join(box)} nor one of an image that holds it"
            advice = f"Are {box[2]} and {box[3]} corners? Correct what is wrong, or leave out {both}"
            table.troubles.append(f"{table.at(odd, pair[0])}: {found}. {advice}.")
    return stated


def _are_the_images(images: Sequence[OwnImage], pair: tuple[str, str]) -> bool:
    """Whether each image has one size in all of its rows."""
    return all(len({tuple(cells.get(column, "") for column in pair) for _, cells in image.rows} - {("", "")}) <= 1 for image in images)


def _is_inside(numbers: Sequence[float]) -> bool:
    _, _, x1, y1, width, height = numbers
    return x1 <= width + ROUNDED_PX and y1 <= height + ROUNDED_PX


def _is_between(numbers: Sequence[float]) -> bool:
    x0, y0, x1, y1, width, height = numbers
    return abs(x1 - x0 - width) <= ROUNDED_PX and abs(y1 - y0 - height) <= ROUNDED_PX


def of_boxes(columns: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that may say something else of each box of an image: all but those that are read, or name a person."""
    return tuple(column for column in columns if column and column not in known and not is_person_name(column))


def note_box_columns(table: OwnTable, columns: Sequence[str]) -> None:
    """Note which of these columns describe boxes and not images, because they differ between the boxes of an image."""
    apart = {column: [image for image in table.images if len({cells.get(column) for _, cells in image.rows}) > 1] for column in columns}
    # Of classes, and of who drew a box, is spoken elsewhere.
    spoken = (*class_columns(table.columns), *reader_columns(table.columns))
    if named := [column for column in columns if apart[column] and column not in spoken]:
        some = f"{', '.join(named[:SHOWN])}{', …' * (len(named) > SHOWN)}"
        images = len({image.line for column in named for image in apart[column]})
        verb = "describes" if len(named) == 1 else "describe"
        table.notes.append(
            f"{table.path.name}: {some} {verb} boxes and not X-rays, because the rows of {counted(images, 'X-rays')} differ there: no "
            "subgroups are made of it."
        )


def reader_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns that name who drew a box.

    >>> reader_columns(["path", "rad_id", "Annotator", "radius"])
    ['rad_id', 'Annotator']
    """
    return [column for column in columns if plain(column) in READERS]
