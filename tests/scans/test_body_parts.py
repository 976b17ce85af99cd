"""Parts of the body in descriptions of examinations; what is done with them is tested with `chest_xray`."""

import pytest

from radlearn.scans.body_parts import other_part_in


@pytest.mark.parametrize(
    ("descriptions", "part"),
    [
        (["HAND"], "HAND"),
        (["", "Re. Knie 2 Eb."], "KNIE"),
        (["XR_PELVIS_AP"], "PELVIS"),
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
