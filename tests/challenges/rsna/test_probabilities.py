"""A table of probabilities is read as any tool leaves it, or refused with line, value and rule."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna.probabilities import probabilities_in, read_probabilities
from radlearn.errors import BadLayout

GOOD = "patientId,probability\na,0.9\nb,0\nc,1e-3\n"
IDS = ("a", "b", "c")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        'patientId,probability\n"a","0.9"\n"b","0"\n"c","0.001"\n',
        "path,patientId,probability,calibrated_probability\nx,a,0.9,0.5\ny,b,0,0.5\nz,c,0.001,0.5\n",
        "probability,patientId\n0.9,a\n0,b\n0.001,c\n",
    ],
)
def test_however_it_was_saved_it_says_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(text.encode())
    read = read_probabilities(tmp_path / "p.csv", IDS)
    assert read.of_image == {"a": 0.9, "b": 0.0, "c": 0.001}
    assert read.notes == ()


@pytest.mark.parametrize("header", ["PatientID,Prob", "image_id,score", "id,prediction", "file name,pneumonia_probability"])
def test_other_names_are_understood_and_said(header: str) -> None:
    found, notes, troubles = probabilities_in("p.csv", GOOD.replace("patientId,probability", header), IDS)
    assert (found["a"], troubles) == (0.9, [])
    assert notes == [f"p.csv: the column {header.partition(',')[2]!r} was read as the probability."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "patientId,probability\na,0.9\nb,0\n",
            "p.csv: 1 of the 3 images has no row, the first being c.",
        ),
        (GOOD + "d,0.5\n", "p.csv, line 5: patientId is 'd', which is none of the 3 images to predict."),
        (
            GOOD.replace("c,", "c.dcm,"),
            "p.csv, line 4: patientId is 'c.dcm', which is none of the 3 images to predict. Write c",
        ),
        (GOOD + "a,0.9\n", "p.csv, line 5: a has a row already, line 2; expected one row an image."),
        (GOOD.replace("a,", ","), "p.csv, line 2: patientId is empty."),
        (GOOD.replace("0.9", "high"), "p.csv, line 2: the probability is 'high'; expected a number from 0 to 1."),
        (GOOD.replace("0.9", ""), "p.csv, line 2: the probability is ''; expected a number"),
        (GOOD.replace("0.9", "nan"), "p.csv, line 2: the probability is 'nan'; expected a number"),
        (GOOD.replace("0.9", "inf"), "p.csv, line 2: the probability is 'inf'; expected a number"),
        (GOOD.replace("0.9", "0_9"), "p.csv, line 2: the probability is '0_9'; expected a number"),
        (GOOD.replace("0.9", "٠.٩"), "p.csv, line 2: the probability is '٠.٩'; expected a number"),
        (GOOD.replace("0.9", "90%"), "p.csv, line 2: the probability is '90%'; expected a number from 0 to 1. Write 0.87 for 87 %."),
        (GOOD.replace("0.9", "90"), "p.csv, line 2: the probability is 90; expected 0 to 1. Is it a percentage?"),
        (
            GOOD.replace("0.9", "2.3"),
            "Is it a percentage? Divide by 100. Is it the logarithm of a probability without its sign?",
        ),
        (GOOD.replace("0.9", "1.2"), "p.csv, line 2: the probability is 1.2; expected 0 to 1. The largest is 1.2, so it is no percentage."),
        (GOOD.replace("0.9", "1.00001"), "p.csv, line 2: the probability is 1.00001; expected 0 to 1."),
        (GOOD.replace("0.9", "913"), "expected 0 to 1. The largest is 913, so it is no percentage."),
        (GOOD.replace("0.9", "-2.5"), "p.csv, line 2: the probability is -2.5; expected 0 to 1. Is it a logit, or the logarithm"),
        (GOOD.replace("0.9", "0,9"), "p.csv, line 2: has 3 fields where the header has 2."),
        (
            GOOD.replace(",", ";"),
            "p.csv, line 1: the header is 'patientId;probability'; there is no column patientId. Expected",
        ),
        (GOOD.replace(",", ";"), "save it with commas"),
        ("a,0.9\nb,0\nc,0.1\n", "p.csv, line 1: the header is 'a,0.9'; there is no column patientId."),
        (GOOD.replace("patientId,probability", "patientId,Target"), "there is no column probability"),
        (GOOD.replace("patientId,probability", "patientId,logit"), "there is no column probability"),
        ("patientId,score,prob\na,1,1\n", "several columns could be the probability: score, prob"),
        ("patientId,probability,probability\na,1,1\n", "several columns could be the probability"),
        ('patientId,probability\na,0.9\n"b,0\n', "p.csv, line 3: is not CSV"),
        ('"patientId,probability\n', "p.csv, line 1: is not CSV"),
        ("patientId,probability\n", "p.csv: all 3 images have no row"),
    ],
)
def test_what_would_get_a_wrong_number_is_refused_by_line_value_and_rule(text: str, words: str) -> None:
    _, _, troubles = probabilities_in("p.csv", text, IDS)
    assert any(words in trouble for trouble in troubles), troubles


def test_a_file_that_is_none_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="there is no such file"):
        read_probabilities(tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(BadLayout, match=r"empty\.csv: is empty"):
        read_probabilities(tmp_path / "empty.csv")
    (tmp_path / "latin.csv").write_bytes("patientId,probability\nä,0.5\n".encode("latin-1"))
    with pytest.raises(BadLayout, match=r"latin\.csv, line 2: is not UTF-8 text \(byte 0xe4\)"):
        read_probabilities(tmp_path / "latin.csv")


def test_many_troubles_are_counted_and_ten_are_shown(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("patientId,probability\n" + "".join(f"i{number},2\n" for number in range(40)))
    with pytest.raises(BadLayout) as refused:
        read_probabilities(tmp_path / "p.csv")
    assert "40 things in it cannot be scored" in str(refused.value)
    assert str(refused.value).count("the probability is 2") == 10


def test_decisions_and_a_single_value_are_said_to_be_what_they_are() -> None:
    _, notes, _ = probabilities_in("p.csv", "patientId,probability\na,1\nb,0\nc,1\n", IDS)
    assert "holds only 0 and 1, which are decisions" in notes[0]
    _, notes, _ = probabilities_in("p.csv", "patientId,probability\na,0.5\nb,0.5\nc,0.5\n", IDS)
    assert "every probability is 0.5" in notes[0]


def test_rounding_of_float32_is_no_error_and_nothing_is_said_of_it() -> None:
    rows = {"a": str(np.float32(1) + np.finfo(np.float32).eps), "b": "-1e-9", "c": "1.0000005", "d": "0.25"}
    found, notes, troubles = probabilities_in("p.csv", "patientId,probability\n" + "".join(f"{one},{p}\n" for one, p in rows.items()))
    assert (notes, troubles) == ([], [])
    assert found == {"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.25}
