"""The submission file of the RSNA Pneumonia Detection Challenge 2018, written and read.

    patientId,PredictionString
    0004cfab-14fd-4e49-80ba-63a80b6bddd6,0.91 264 152 213 379 0.4 562 152 256 453
    00313ee0-9eaa-42f4-b0ab-c148ed3241cd,

One row an image, one group of five numbers a box: confidence x y width height, in pixels of the X-ray, from its top left. Where nothing
was found the row is there and its string is empty.

Read strictly, because a wrong file still gets a number: corners in the place of width and height, boxes on another grid and
percentages all score near zero and look like a bad model. Only this is let through: a box that reaches over the X-ray's edge by at
most one pixel. That comes of rounding when an image was resized, or of counting from one, and the challenge scores it as written.
"""

import csv
import io
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from radlearn.challenges.readings.resized_images import XRAY_SIZE_PX
from radlearn.challenges.tables.csv_hints import comma_hint, not_csv, number_hint, separator_hint
from radlearn.challenges.tables.csv_rows import rows_of_images, strict_number, table_text, table_text_of
from radlearn.challenges.troubles import listed
from radlearn.csv_cells import NOTHING
from radlearn.errors import BadLayout, BadSetting
from radlearn.files import write_text
from radlearn.metrics.boxes import FoundBoxes, no_boxes

SUBMISSION_COLUMNS = ("patientId", "PredictionString")
OVER_THE_EDGE_PX = 1.0
ROUNDED_BY = 1e-6
"So far beyond 0 and 1 float32 carries a probability; it is taken for the end that it is nearest to."
SHOWN_CHARACTERS = 40
ORDER = "The order is: confidence x y width height."


def write_submission(path: Path, predictions: Mapping[str, FoundBoxes], size_px: tuple[int, int] = XRAY_SIZE_PX) -> None:
    """Write image → boxes in their order, atomically, once the reader below has found nothing wrong; `no_boxes()` where there are none.

    Raises:
        BadLayout: the predictions make no valid file (see `read_submission`); nothing was written.
        BadSetting: a prediction has not four numbers a box, or not one confidence a box.
    """
    rows = [(image_id, _string(image_id, prediction)) for image_id, prediction in predictions.items()]
    text = table_text(SUBMISSION_COLUMNS, rows)
    _, troubles = predictions_in(Path(path).name, text, size_px)
    if troubles:
        raise BadLayout(listed(Path(path), troubles, "in it could not be scored, so nothing was written"))
    write_text(Path(path), text)


def read_submission(
    path: Path, expected_ids: Collection[str] | None = None, size_px: tuple[int, int] = XRAY_SIZE_PX
) -> dict[str, FoundBoxes]:
    """Read a submission file of any tool.

    Args:
        path: the file, as Kaggle or Excel leaves it: with a byte-order mark, CRLF, quotes, whole or broken numbers.
        expected_ids: the images that must have a prediction, no more and no less; None takes those that are there.
        size_px: (height, width) of the X-rays.

    Returns image → its boxes as corners in pixels, in the order of the file.

    Raises:
        BadLayout: with the first ten things that are wrong, each with its line, what was found and the rule.
    """
    path = Path(path)
    text, troubles = table_text_of(path)
    predictions, more = predictions_in(path.name, text, size_px, expected_ids) if text else ({}, [])
    if troubles or more:
        raise BadLayout(listed(path, troubles + more))
    return predictions


def predictions_in(
    name: str, text: str, size_px: tuple[int, int] = XRAY_SIZE_PX, expected_ids: Collection[str] | None = None
) -> tuple[dict[str, FoundBoxes], list[str]]:
    """Return image → boxes, and one line per thing that is wrong; arguments as in `read_submission`."""
    predictions: dict[str, FoundBoxes] = {}
    troubles: list[str] = []
    words = {
        "one_row": "one row an image, with all its boxes",
        "without_row": "An image where nothing was found has a row too, with an empty PredictionString.",
    }
    for line, image_id, string in rows_of_images(name, _rows(name, text, troubles), expected_ids, troubles, **words):
        predictions[image_id], trouble = _boxes(string, size_px)
        if trouble:
            troubles.append(f"{name}, line {line}: {trouble}")
    return predictions, troubles


def shares_trouble(predictions: Mapping[str, FoundBoxes], size_px: tuple[int, int]) -> str:
    """Return what is wrong where every box of a file lies in the X-ray's first pixels and some are smaller than one; "" else."""
    corners = [prediction.boxes_xyxy_px for prediction in predictions.values() if len(prediction.confidences)]
    # A corner may lie at 2, as the sum of a place and a size that are at most 1 each.
    if not corners or min(size_px) < 8 or max(float(boxes.max()) for boxes in corners) > 2:
        return ""
    if min(float((boxes[:, 2:] - boxes[:, :2]).min()) for boxes in corners) >= 1:
        return ""
    what = f"expected pixels of an X-ray of {size_px[1]} × {size_px[0]} px (width × height). Multiply x and width by {size_px[1]}"
    return f"no box of it reaches beyond 2 px, so they look like shares of the X-ray, 0 to 1; {what}, y and height by {size_px[0]}."


def _rows(name: str, text: str, troubles: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, patientId, PredictionString) of every row that has both; append what is wrong to `troubles`."""
    # strict, so that a quote in the wrong place is an error and does not swallow the rows after it.
    reader, start = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        header = [column.strip() for column in next(reader, [])]
        if tuple(header) != SUBMISSION_COLUMNS:
            hint = separator_hint(header)
            if header[:1] == [""] and tuple(header[1:]) == SUBMISSION_COLUMNS:
                hint = " The first column is pandas' row number; write with index=False."
            troubles.append(f"{name}, line 1: the header is {','.join(header)!r}; expected {','.join(SUBMISSION_COLUMNS)!r}.{hint}")
            return
        start = reader.line_num + 1
        for row in reader:
            line, start = start, reader.line_num + 1
            if len(row) == 2:
                yield line, row[0].strip(), row[1]
            elif any(row):
                expected = "expected two: the numbers are separated by spaces, and an image with no box ends in a comma"
                troubles.append(f"{name}, line {line}: has {len(row)} fields; {expected}.{comma_hint(row)}")
    except csv.Error as error:
        troubles.append(not_csv(name, start, reader.line_num, error))


def _boxes(string: str, size_px: tuple[int, int]) -> tuple[FoundBoxes, str]:
    """Return the boxes of one PredictionString, and what is wrong with the first bad one."""
    fields = string.split()
    if not fields:
        return no_boxes(), ""
    if len(fields) % 5:
        if len(fields) == 1 and fields[0].lower() in NOTHING:
            return no_boxes(), f"PredictionString is {fields[0]!r}; where nothing was found it is empty. Write nothing after the comma."
        if mark := next((mark for mark in ",;|[(" if mark in string), ""):
            found = f"PredictionString is {_shown(string)}, with {mark!r} in it"
            return no_boxes(), f"{found}; expected five numbers a box, with a space between two numbers and nothing else. {ORDER}"
        return no_boxes(), f"PredictionString has {len(fields)} number{'s' * (len(fields) != 1)}; expected five a box. {ORDER}"
    values = [strict_number(field) for field in fields]
    if wrong := [place for place, value in enumerate(values) if math.isnan(value)]:
        hint = number_hint(fields[wrong[0]])
        return no_boxes(), f"number {wrong[0] + 1} of PredictionString is {fields[wrong[0]]!r}; expected a finite number.{hint}"
    numbers = np.array(values).reshape(-1, 5)
    confidences, corners = np.clip(numbers[:, 0], 0, 1), np.hstack([numbers[:, 1:3], numbers[:, 1:3] + numbers[:, 3:5]])
    for row, box in zip(numbers.tolist(), corners.tolist(), strict=True):
        if trouble := _box_trouble(row, box, size_px):
            return no_boxes(), trouble
    return FoundBoxes(corners, confidences), ""


def _shown(string: str) -> str:
    return repr(string if len(string) <= SHOWN_CHARACTERS else f"{string[:SHOWN_CHARACTERS]}…")


def _box_trouble(numbers: list[float], corners: list[float], size_px: tuple[int, int]) -> str:
    confidence, x, y, width, height = numbers
    x0, y0, x1, y1 = corners
    if not -ROUNDED_BY <= confidence <= 1 + ROUNDED_BY:
        return f"a confidence is {confidence:g}; expected 0 to 1. {ORDER}"
    if not (x1 > x0 and y1 > y0):
        return f"the box x {x:g}, y {y:g}, width {width:g}, height {height:g} is empty; width and height must be above 0. {ORDER}"
    over = max(-x0, -y0, x1 - size_px[1], y1 - size_px[0])
    if over > OVER_THE_EDGE_PX:
        found = f"the box x {x:g}, y {y:g}, width {width:g}, height {height:g} reaches {over:g} px beyond its X-ray"
        xray = f"{size_px[1]} × {size_px[0]} px, width × height"
        hint = "Are the last two numbers a corner, or the boxes on another grid?"
        return f"{found} ({xray}); at most {OVER_THE_EDGE_PX:g} px is let through. {hint}"
    return ""


def _string(image_id: str, prediction: FoundBoxes) -> str:
    boxes, confidences = (np.asarray(array, dtype=np.float64) for array in prediction)
    if boxes.size == confidences.size == 0:
        return ""
    if boxes.shape != (len(confidences), 4) or confidences.ndim != 1:
        found = f"boxes of shape {boxes.shape}, confidences of shape {confidences.shape}"
        raise BadSetting(f"{image_id}: {found}; expected (boxes, 4) and (boxes,).")
    numbers = np.hstack([confidences[:, None], boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    return " ".join(_shortest(number) for number in numbers.ravel().tolist())


def _shortest(number: float) -> str:
    """Return the fewest digits that mean this very number, never with an exponent: not every reader knows 1e-05."""
    text = repr(number)
    return np.format_float_positional(number, trim="-") if "e" in text else text.removesuffix(".0")
