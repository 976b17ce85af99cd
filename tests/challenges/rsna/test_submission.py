"""The submission file: what is written is read again, Kaggle's own files are read as they are, and what is wrong is named by line."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.challenges.rsna.submission import predictions_in, read_submission, write_submission
from radlearn.errors import BadLayout, BadSetting
from radlearn.metrics.boxes import FoundBoxes, no_boxes

HEADER = "patientId,PredictionString\n"
GOOD = HEADER + "a,0.5 0 0 100 100\nb,\nc,0.9 10.5 20 30 40.25 1 0 0 1024 1024\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "submission.csv"
    path.write_bytes(text.encode(encoding))
    return path


def assert_same(first: dict[str, FoundBoxes], second: dict[str, FoundBoxes]) -> None:
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name].confidences, second[name].confidences)
        np.testing.assert_allclose(first[name].boxes_xyxy_px, second[name].boxes_xyxy_px, rtol=0, atol=1e-9)


def test_five_numbers_are_confidence_and_a_box_by_its_corner_and_size(tmp_path: Path) -> None:
    predictions = read_submission(written(tmp_path, GOOD))
    assert list(predictions) == ["a", "b", "c"]
    assert predictions["a"].boxes_xyxy_px.tolist() == [[0, 0, 100, 100]]
    assert predictions["b"].boxes_xyxy_px.shape == (0, 4)
    assert predictions["c"].boxes_xyxy_px.tolist() == [[10.5, 20, 40.5, 60.25], [0, 0, 1024, 1024]]
    assert predictions["c"].confidences.tolist() == [0.9, 1]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.rstrip("\n"),
        GOOD.replace(",0.", ", 0.").replace("100\n", "100 \n"),
        GOOD.replace(" ", "  "),
        GOOD.replace("0.5 0 0 100 100", '"0.5 0 0 100 100"').replace("b,", '"b",""'),
        GOOD.replace("0.5 0 0 100 100", "5e-1 0.0 0.0 1e2 100.0"),
        GOOD.replace("0 0 100", "0\u00a00 100"),
    ],
    ids=["byte-order mark", "CRLF", "blank lines", "no last line end", "spaces around", "two spaces", "quotes", "floats", "hard spaces"],
)
def test_the_same_file_in_other_clothes_is_the_same(tmp_path: Path, text: str) -> None:
    assert_same(read_submission(written(tmp_path, text)), predictions_in("x", GOOD)[0])


def test_kaggles_sample_with_its_one_constant_box_is_valid(tmp_path: Path) -> None:
    ids = [f"{number:08x}-0e68-4ca4-b1af-167204a7e0bc" for number in range(3000)]
    text = HEADER + "".join(f"{image_id},0.5 0 0 100 100\n" for image_id in ids)
    predictions = read_submission(written(tmp_path, text), ids)
    assert len(predictions) == 3000
    assert {tuple(prediction.boxes_xyxy_px[0]) for prediction in predictions.values()} == {(0.0, 0.0, 100.0, 100.0)}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,0.5 0 0 100", "line 2: PredictionString has 4 numbers; expected five a box. The order is: confidence x y width height."),
        ("x,0.5 0 0 100 100 0.4", "line 2: PredictionString has 6 numbers"),
        ("x,0.5 0 zero 100 100", "line 2: number 3 of PredictionString is 'zero'; expected a finite number"),
        ("x,nan 0 0 100 100", "line 2: number 1 of PredictionString is 'nan'"),
        ("x,0.5 0 0 inf 100", "line 2: number 4 of PredictionString is 'inf'"),
        ("x,0.5 0 0 1e999 100", "number 4 of PredictionString is '1e999'"),
        ("x,0.5 0 0 1_0 100", "number 4 of PredictionString is '1_0'"),
        ("x,0.5 0 0 １０ 100", "number 4 of PredictionString is '１０'"),
        ("x,87 0 0 100 100", "line 2: a confidence is 87; expected 0 to 1"),
        ("x,-0.1 0 0 100 100", "a confidence is -0.1"),
        ("x,0.9 1 2 3 4 1.5 1 2 3 4", "a confidence is 1.5"),
        ("x,100 100 50 50 0.9", "a confidence is 100; expected 0 to 1. The order is: confidence x y width height."),
        ("x,0.5 10 10 0 100", "line 2: the box x 10, y 10, width 0, height 100 is empty; width and height must be above 0"),
        ("x,0.5 10 10 100 -3", "height -3 is empty"),
        ("x,0.5 10 10 1e-20 5", "width 1e-20, height 5 is empty"),
        ("x,0.5 600 600 500 100", "width 500, height 100 reaches 76 px beyond its X-ray (1024 × 1024 px, width × height); at most 1 px"),
        ("x,0.5 -1.5 0 100 100", "reaches 1.5 px beyond its X-ray"),
        ("x,0.5 0 0 100 1025.5", "reaches 1.5 px beyond its X-ray"),
        ("x", "line 2: has 1 fields; expected two"),
        ("x,0.5,0,0,100,100", "line 2: has 6 fields; expected two: the numbers are separated by spaces"),
        (",0.5 0 0 100 100", "line 2: patientId is empty"),
        ("x,\nx,", "line 3: x has a row already, line 2; expected one row an image, with all its boxes"),
        ('x,"0.5 0 0 1 1\ny,', "is not CSV"),
    ],
)
def test_what_cannot_be_scored_is_named_with_line_value_and_rule(tmp_path: Path, row: str, words: str) -> None:
    path = written(tmp_path, HEADER + row + "\n")
    with pytest.raises(BadLayout) as refused:
        read_submission(path)
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"{path}: one thing in it cannot be scored:\n  submission.csv")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("PatientId,PredictionString", "line 1: the header is 'PatientId,PredictionString'; expected 'patientId,PredictionString'."),
        ("PredictionString,patientId", "line 1: the header is 'PredictionString,patientId'"),
        ("patientId,x,y,width,height,Target", "the header is 'patientId,x,y,width,height,Target'"),
        (",patientId,PredictionString", "The first column is pandas' row number; write with index=False."),
        ("patientId;PredictionString", "It is separated by semicolons; save it with commas, and numbers with points."),
        ("a,0.5 0 0 100 100", "the header is 'a,0.5 0 0 100 100'"),
    ],
)
def test_another_header_is_refused(tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(BadLayout) as refused:
        read_submission(written(tmp_path, header + "\n"), ["a"])
    assert words in str(refused.value)
    assert "have no row" not in str(refused.value)


def test_a_row_number_is_the_editors_though_a_quoted_string_runs_over_two_lines(tmp_path: Path) -> None:
    with pytest.raises(BadLayout) as refused:
        read_submission(written(tmp_path, HEADER + 'a,"0.5 0 0\n100 100"\nb,"5 0 0\n1 1"\nc,7 0 0 1 1\n'))
    assert "line 4: a confidence is 5" in str(refused.value)
    assert "line 6: a confidence is 7" in str(refused.value)


def test_one_pixel_over_the_edge_is_let_through_as_it_is(tmp_path: Path) -> None:
    predictions = read_submission(written(tmp_path, HEADER + "a,0.5 -1 -0.25 100 100 0.4 924.5 900 100 125\n"))
    assert predictions["a"].boxes_xyxy_px.tolist() == [[-1, -0.25, 99, 99.75], [924.5, 900, 1024.5, 1025]]


def test_xrays_of_another_size_have_another_edge(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,0.5 0 0 300 200\n")
    assert len(read_submission(path, size_px=(200, 300))["a"].confidences) == 1
    with pytest.raises(BadLayout, match=r"reaches 100 px beyond its X-ray \(200 × 300 px, width × height\)"):
        read_submission(path, size_px=(300, 200))


def test_images_that_are_missing_unknown_or_called_by_their_files_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,\nb.dcm,\nq,\n")
    with pytest.raises(BadLayout) as refused:
        read_submission(path, ["a", "b", "c", "d"])
    told = str(refused.value)
    assert "line 3: patientId is 'b.dcm', which is none of the 4 images to predict. Write b, without .dcm." in told
    assert "line 4: patientId is 'q', which is none of the 4 images to predict.\n" in told
    assert "submission.csv: 3 of the 4 images have no row, the first being b." in told
    assert list(read_submission(written(tmp_path, HEADER + "b,\na,\n"), ["a", "b"])) == ["b", "a"]


def test_the_first_ten_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    with pytest.raises(BadLayout) as refused:
        read_submission(written(tmp_path, HEADER + "".join(f"i{number},2 0 0 1 1\n" for number in range(13))))
    told = str(refused.value).splitlines()
    assert told[0].endswith("13 things in it cannot be scored:")
    assert told[10].startswith("  submission.csv, line 11:")
    assert told[11:] == ["  … and 3 more.", "Mend this, then try again."]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"none\.csv: there is no such file; expected a CSV file"):
        read_submission(tmp_path / "none.csv")
    with pytest.raises(BadLayout, match="is a folder; expected a CSV file"):
        read_submission(tmp_path)
    with pytest.raises(BadLayout, match="is empty"):
        read_submission(written(tmp_path, ""))
    with pytest.raises(BadLayout, match="is not UTF-8"):
        read_submission(written(tmp_path, GOOD.replace("a,", "ä,"), "latin-1"))


def test_no_row_at_all_is_no_prediction_for_anything(tmp_path: Path) -> None:
    assert read_submission(written(tmp_path, HEADER)) == {}
    with pytest.raises(BadLayout, match="both images have no row"):
        read_submission(written(tmp_path, HEADER), ["a", "b"])


numbers = st.floats(0, 1000, allow_subnormal=False)
boxes = st.tuples(st.floats(0, 1), numbers, numbers, st.floats(0.01, 1000), st.floats(0.01, 1000))


@given(st.lists(st.lists(boxes, max_size=4), max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, xrays: list[list[tuple[float, ...]]]) -> None:
    path = tmp_path_factory.mktemp("submissions") / "submission.csv"
    predictions = {}
    for number, xray in enumerate(xrays):
        rows = np.array(xray).reshape(-1, 5)
        predictions[f"image {number}"] = FoundBoxes(np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:]]), rows[:, 0])
    write_submission(path, predictions, (2000, 2000))
    assert_same(read_submission(path, predictions, (2000, 2000)), predictions)
    assert "e" not in path.read_text().split("\n", 1)[1].replace("image", "")


def test_whole_numbers_are_written_as_the_challenge_writes_them(tmp_path: Path) -> None:
    predictions = {"a": FoundBoxes(np.array([[264, 152, 477, 531]]), np.array([0.91])), "b": no_boxes()}
    write_submission(tmp_path / "s.csv", predictions)
    assert (tmp_path / "s.csv").read_bytes() == b"patientId,PredictionString\na,0.91 264 152 213 379\nb,\n"


@pytest.mark.parametrize(
    ("box", "confidence", "words"),
    [
        ([0, 0, 10, np.nan], 0.5, "number 5 of PredictionString is 'nan'"),
        ([0, 0, 10, 10], 1.01, "line 3: a confidence is 1.01"),
        ([10, 0, 10, 10], 0.5, "width 0, height 10 is empty"),
        ([0, 0, 10, 1030], 0.5, "reaches 6 px beyond"),
    ],
)
def test_what_could_not_be_scored_is_not_written(tmp_path: Path, box: list[float], confidence: float, words: str) -> None:
    path = written(tmp_path, GOOD)
    predictions = {"a": no_boxes(), "b": FoundBoxes(np.array([box], dtype=float), np.array([confidence]))}
    with pytest.raises(BadLayout, match=words) as refused:
        write_submission(path, predictions)
    assert "could not be scored, so nothing was written" in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["submission.csv"]
    assert path.read_text() == GOOD


def test_an_prediction_with_more_boxes_than_confidences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"a: boxes of shape \(1, 4\), confidences of shape \(2,\)"):
        write_submission(tmp_path / "s.csv", {"a": FoundBoxes(np.array([[0, 0, 1, 1]]), np.ones(2))})
    assert not list(tmp_path.iterdir())


def test_a_confidence_that_float32_rounded_beyond_1_is_1() -> None:
    text = "patientId,PredictionString\na,1.0000001 10 20 30 40 -1e-8 50 60 70 80\nb,0.5 1 2 3 4\n"
    found, troubles = predictions_in("s.csv", text)
    assert troubles == []
    assert found["a"].confidences.tolist() == [1.0, 0.0]
    assert "a confidence is 1.001" in predictions_in("s.csv", text.replace("1.0000001", "1.001"))[1][0]


@pytest.mark.parametrize(
    "string", ["0.9,1,2,30,40", "0.9;1;2;30;40", "[0.9 1 2 30 40 5]", "(0.9, 1, 2, 30)", "0.9 1 2 30 40|0.8 1 2 30 40"]
)
def test_numbers_between_other_marks_are_told_by_the_mark(string: str) -> None:
    _, (trouble,) = predictions_in("s.csv", f'patientId,PredictionString\na,"{string}"\n')
    assert f"s.csv, line 2: PredictionString is '{string}'" in trouble
    assert "with a space between two numbers" in trouble
    assert "has 1 number" not in trouble


def test_a_quote_that_is_never_closed_is_told_where_it_is_opened() -> None:
    rows = [f"{number},0.5 1 2 30 40" for number in range(60)]
    rows[2] = '"' + rows[2]
    _, troubles = predictions_in("s.csv", "\n".join(["patientId,PredictionString", *rows]) + "\n")
    assert troubles[0].startswith("s.csv, line 4: is not CSV: the quote that is opened in this row is not closed before line 61")


def test_a_pipe_and_a_device_are_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(BadLayout, match="is a pipe or a device, not a file; expected a CSV file"):
            read_submission(path)


@pytest.mark.parametrize("string", ["nan", "NaN", "None", "null", "NA", "[]", "-"])
def test_what_a_program_writes_for_an_empty_cell_is_to_be_empty(string: str) -> None:
    _, (trouble,) = predictions_in("s.csv", f"patientId,PredictionString\na,{string}\n")
    assert trouble.startswith(f"s.csv, line 2: PredictionString is {string!r}; where nothing was found it is empty.")


@pytest.mark.parametrize(("known", "said"), [("M\xfcller", "Mu\u0308ller"), ("Mu\u0308ller", "M\xfcller")])
def test_an_id_may_store_its_letters_otherwise(tmp_path: Path, known: str, said: str) -> None:
    predictions = read_submission(written(tmp_path, f"{HEADER}{said},0.5 0 0 100 100\n"), [known, "other"][:1])
    assert list(predictions) == [known]
    with pytest.raises(BadLayout, match="has a row already"):
        read_submission(written(tmp_path, f"{HEADER}{said},0.5 0 0 100 100\n{known},0.5 0 0 100 100\n"), [known])
