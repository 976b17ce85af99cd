"""The table of what changes of a setting did."""

from tools.knobs import KNOBS, table

H200 = {"device": "NVIDIA H200"}
PRESET, CHANGE = KNOBS["detection"][0].flags, KNOBS["detection"][1].flags


def row_of(flags: str, page: str) -> list[str]:
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {f'`{flags}`' if flags else 'none'} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_gives_the_mean_and_both_ends_and_how_many_seeds_ran_on_which_device() -> None:
    known = {
        PRESET: {"0": {"score": 0.4, **H200}, "1": {"score": 0.5, **H200}},
        CHANGE: {"0": {"score": 0.1}, "1": {"score": 0.3, **H200}, "2": {"score": 0.2}},
    }
    page = table("detection", known, {PRESET: 100.0, CHANGE: 200.0})
    assert row_of(PRESET, page)[1:4] == ["0.450 (0.400 to 0.500)", "2, NVIDIA H200", "6.5"]
    assert row_of(CHANGE, page)[1:4] == ["0.200 (0.100 to 0.300)", "3, 1 on NVIDIA H200", "13"]


def test_one_run_is_called_one_and_what_was_not_measured_is_not_asked() -> None:
    page = table("detection", {CHANGE: {"0": {"score": 0.1}}})
    assert row_of(CHANGE, page)[1:4] == ["0.100, one run, so a part of it is luck", "1", "–"]
    assert page.startswith(f"`{CHANGE}`.")
    assert table("detection", {}) == ""
