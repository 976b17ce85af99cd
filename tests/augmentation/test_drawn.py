"""What was drawn is said in words that a reader can check against the image."""

import dataclasses

import pytest

from radlearn.augmentation.drawn import LPS_AXES, PICTURE_AXES, Drawn, Told, drawn_words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rotated_clockwise_degrees": -6.2}, "rotated 6.2° anticlockwise"),
        ({"rotated_clockwise_from_feet_degrees": 6.2}, "rotated 6.2° clockwise seen from the feet"),
        (
            {"rotated_back_to_head_degrees": 3.0, "rotated_head_to_left_degrees": -4.0},
            "rotated 3.0° from back to head, then 4.0° from left to head",
        ),
        ({"shifted_down_px": 1.0, "shifted_right_px": 3.1}, "shifted 3.1 px right and 1.0 px down"),
        (
            {"shifted_left_voxels": -2.0, "shifted_back_voxels": 0.0, "shifted_head_voxels": 1.5},
            "shifted 2.0 voxels right and 1.5 voxels head",
        ),
        ({"zoomed_height": 0.94, "zoomed_width": 1.08}, "zoomed 0.94 in height, 1.08 in width"),
        ({"zoomed_height": 0.94, "zoomed_width": 0.94}, "zoomed 0.94"),
        ({"zoomed_right_left": 1.09, "zoomed_front_back": 0.97, "zoomed_feet_head": 1.0}, "zoomed 1.09 right–left, 0.97 front–back"),
        ({"sheared": 0.05}, "sheared 0.05"),
        ({"mirrored": ("width",)}, "mirrored left–right"),
        ({"mirrored": ("right_left", "feet_head")}, "mirrored left–right and feet–head"),
        ({"gamma": 1.31}, "gamma 1.31"),
        ({"noise_std": 0.0184}, "noise, standard deviation 0.018"),
        ({"blurred_height_px": 0.4, "blurred_width_px": 0.8}, "blurred, standard deviation in px 0.40 in height, 0.80 in width"),
        ({"intensity_factor": 1.07}, "intensities × 1.07"),
        ({"intensity_factor": (1.07, 0.9)}, "intensities × 1.07 and 0.90"),
        ({"intensity_factor": 1.1, "intensity_shift": -0.05}, "intensities × 1.10 − 0.05"),
        ({"bent_std_px": 1.3, "bent_every_px": (20.0, 20.0)}, "bent by 1.3 px (standard deviation) at points 20×20 px apart"),
        (
            {"holes_px": ((30, 71, 16, 20), (2, 3, 5, 5))},
            "2 holes: 16×20 px at row 30, column 71; 5×5 px at row 2, column 3",
        ),
        ({"holes_voxels": ((1, 2, 3, 8, 8, 4),)}, "1 hole: 8×8×4 voxels at (1, 2, 3)"),
        ({"kept_px": ((0, 0, 4, 4),)}, "1 kept block: 4×4 px at row 0, column 0"),
        ({"patch_px": (32, 48), "patch_first": (5, 9)}, "patch of 32×48 px, first row 5, column 9"),
        (
            {
                "patch_voxels": (8, 8, 4),
                "patch_first": (1, 1, 1),
                "patch_centre": (5, 5, 3),
                "patch_for": (5, 5, 3),
                "patch_of": "foreground",
            },
            "patch of 8×8×4 voxels, centre (5, 5, 3), in the foreground",
        ),
        (
            {"patch_voxels": (8, 8, 4), "patch_centre": (5, 5, 3), "patch_for": (0, 5, 3), "patch_of": "background"},
            "patch of 8×8×4 voxels, centre (5, 5, 3), moved inside from (0, 5, 3), in the background",
        ),
        ({"boxes": 3, "boxes_dropped": 1}, "1 of 3 boxes dropped"),
        ({"boxes": 1, "boxes_clipped": 0}, "none of 1 box clipped at the border"),
        ({"boxes": 0, "boxes_dropped": 0}, "no box"),
        ({"alpha_value": 0.25, "kind": "soft"}, "alpha value 0.25, kind soft"),
    ],
)
def test_values_are_said_with_units_and_directions(values: dict, words: str) -> None:
    assert str(Drawn("RandSomething", True, values)) == words


def test_what_is_too_small_to_be_seen_is_not_said() -> None:
    assert (
        drawn_words({"rotated_clockwise_degrees": 0.01, "shifted_right_px": 0.02, "zoomed": 1.001, "intensity_factor": 1.0}) == "unchanged"
    )
    assert drawn_words({"zoomed_height": 1.0, "zoomed_width": 1.2}) == "zoomed 1.20 in width"


def test_what_was_not_applied_says_how_probable_it_was_or_why() -> None:
    assert str(Drawn("RandFlip", False, {"probability": 0.5})) == "not applied (probability 0.5)"
    assert str(Drawn("RandFlip", False, {"why": "no Image among its inputs"})) == "not applied (no Image among its inputs)"
    assert str(Drawn("RandFlip", False, {})) == "not applied"


def test_what_cannot_be_read_is_said_to_be_so() -> None:
    assert str(Drawn("RandUnheard", True, {})) == "drew something that cannot be read"


def test_what_was_drawn_cannot_be_changed_and_what_is_told_can_be_unpacked() -> None:
    drawn = Drawn("RandFlip", True, {"mirrored": ("width",)})
    with pytest.raises(dataclasses.FrozenInstanceError):
        drawn.applied = False  # type: ignore[misc]
    result, all_drawn, images = Told(1, [drawn], [2])
    assert (result, all_drawn, images) == (1, [drawn], [2])


def test_axes_point_down_and_right_and_to_the_left_back_and_head() -> None:
    assert [axis.toward for axis in PICTURE_AXES] == ["down", "right"]
    assert [axis.toward for axis in LPS_AXES] == ["left", "back", "head"]
