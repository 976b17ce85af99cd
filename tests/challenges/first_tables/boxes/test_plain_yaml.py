"""YAML of strangers: nothing in it is run, multiplied or computed."""

from pathlib import Path

import pytest
import yaml

from radlearn.challenges.first_tables.boxes.plain_yaml import MOST_BYTES, plain_yaml
from radlearn.challenges.first_tables.boxes.yolo_names import class_names

NINE = ",".join(["*{0}"] * 9)


def levels(first: str, each: str) -> str:
    """Ten lines of which each names the one before nine times: 3.5 billion at the end, were they followed."""
    lines = [f"a: &a {first}"]
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True):
        lines.append(f"{name}: &{name} {each.format(NINE.format(before))}")
    return "\n".join(lines) + "\nnames: [normal, pneumonia]\n"


BOMBS = {
    "aliases": levels("[x]", "[{}]"),
    "merge keys": levels("{k: 1}", "{{<<: [{}]}}"),
    "a number of base 60": f"nc: 1{':1' * 300_000}\nnames: [normal, pneumonia]",
    "a number of 5,000 digits": f"nc: 0x{'f' * 5000}\nnames: [normal, pneumonia]",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_multiplies_is_read_as_it_stands(bomb: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(BOMBS[bomb])
    found = class_names(tmp_path, [tmp_path / "data.yaml"])
    assert (found.names, found.unclear) == ({"0": "normal", "1": "pneumonia"}, [])
    assert len(found.said) == 1


@pytest.mark.parametrize("key", ["0x" + "f" * 5000, "1" + ":1" * 3000, "9" * 5000])
def test_a_number_of_any_length_is_a_text_as_name_and_as_class(key: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(f"names:\n  ? {key}\n  : a\n  1: {key}\n")
    assert class_names(tmp_path, [tmp_path / "data.yaml"]).names == {key: "a", "1": key}


@pytest.mark.parametrize(
    "tag", ["python/object/apply:os.system", "python/object/new:os.system", "python/name:os.system", "python/module:os"]
)
def test_a_tag_that_asks_for_python_makes_nothing_and_runs_nothing(tag: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(f"names: !!{tag} ['touch {tmp_path / 'owned'}']\nother: !!{tag} x\n")
    said = plain_yaml(tmp_path / "data.yaml")
    assert said == {"names": [f"touch {tmp_path / 'owned'}"], "other": "x"}
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "text", ["names: [a", "a: &a [*a]", "? {a: b}\n: c", "\tnames: x", "--- 1\n--- 2", "[" * 4000, "a: *b", "\x00", "%YAML 9.9\n---\n"]
)
def test_what_cannot_be_read_is_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "data.yml").write_text(text)
    assert plain_yaml(tmp_path / "data.yml") is None


def test_other_files_and_very_large_ones_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("names: [a]")
    (tmp_path / "large.yaml").write_text("names: [a]\n#" + "x" * MOST_BYTES)
    assert plain_yaml(tmp_path / "data.txt") is plain_yaml(tmp_path / "large.yaml") is plain_yaml(tmp_path / "gone.yaml") is None


def test_texts_lists_and_dictionaries_are_those_of_pyyaml(tmp_path: Path) -> None:
    text = "names:\n  0: 'no finding'\n  1: \"opacity\"\nlist: [a, b]\nnested: {x: {y: z}}\nused: &u [q]\nagain: *u\n"
    (tmp_path / "data.yaml").write_text(text)
    witness = yaml.safe_load(text)
    witness["names"] = {str(number): name for number, name in witness["names"].items()}
    assert plain_yaml(tmp_path / "data.yaml") == witness
