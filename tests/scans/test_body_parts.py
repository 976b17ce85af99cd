"""Parts of the body in descriptions of examinations; what is done with them is tested with `chest_xray`."""

import pytest

from radlearn.scans.body_parts import named_part, names_chest, other_part_in


@pytest.mark.parametrize(
    ("descriptions", "part"),
    [
        (["HAND"], "HAND"),
        (["", "Re. Knie 2 Eb."], "KNIE"),
        (["XR_PELVIS_AP"], "PELVIS"),
        (["LUMBAR SPINE AP"], "LUMBAR"),
        (["Whole spine"], "SPINE"),
        (["XR SINUS"], "SINUS"),
        (["KUB"], "KUB"),
        (["Thoracic spine", "sinusitis?"], ""),
        (["left hip", "portable"], "HIP"),
        (["Chest", "Abdomen"], ""),
        (["Thorax a.p. / Hand"], ""),
        (["CXR and shoulder"], ""),
        (["second hander, shipment, toed"], ""),
        ([], ""),
    ],
)
def test_whole_words_are_found_unless_the_chest_is_named_too(descriptions: list[str], part: str) -> None:
    assert other_part_in(descriptions) == part


def test_what_machines_write_for_nothing_is_no_part_and_the_chest_has_many_names() -> None:
    nothing = ("", "UNKNOWN", "other", "None", "ANY", "n/a", "N.A.", " unspecified ")
    assert [named_part(text) for text in nothing] == [""] * len(nothing)
    assert [named_part(text) for text in ("hand", "ANYTHING", "NON")] == ["HAND", "ANYTHING", "NON"]
    assert all(names_chest(text) for text in ("TORACE", "Tórax", "TORAX", "thoracic spine", "RX toracica", "LUNGS"))
    assert not any(names_chest(text) for text in ("HAND", "", "UNKNOWN", "tor"))
