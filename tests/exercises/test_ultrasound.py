"""The right answers of the ultrasound exercises, by the phantom, MONAI, SciPy and hand counts, and what a learner would hand over."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage, stats

from radlearn.challenges.run_lengths import decoded, encoded
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.ultrasound import (
    areas,
    class_dice,
    empty_images,
    probe,
    q1,
    q2,
    q3,
    q4,
    q5,
    q6,
    q7,
    q8,
    q9,
    readers,
    run_lengths,
    sound,
    speckle,
)
from radlearn.scans.label_map_files import read_label_map
from radlearn.ultrasound_phantom.sound import scan_converted


def told(exercise: Exercise, **changed: Any) -> str:
    """Return the message for the right answers with these in place of some of them."""
    result = exercise.check(exercise.right() | changed)
    assert not result.right
    return result.message


def test_the_way_through_fat_takes_the_time_that_is_given() -> None:
    right = q1.right()
    true_mm = right["depth_mm"] - right["too_deep_mm"]
    there_us = sound.FAT_MM / 1.45 + (true_mm - sound.FAT_MM) / 1.54
    assert 2 * there_us == pytest.approx(sound.TIME_US)
    assert q1.check({"depth_mm": 30.0, "too_deep_mm": 0.74}).right
    assert q1.check({"depth_mm": "30", "too_deep_mm": 0.74}).right is False
    for changed, says in (
        ({"depth_mm": 60.1}, "there and back"),
        ({"depth_mm": 15.0}, "halved twice"),
        ({"depth_mm": 3.003}, "centimetres"),
        ({"depth_mm": 28.3}, "speed in fat for the whole way"),
        ({"depth_mm": 29.3}, "This is where the nerve is"),
        ({"too_deep_mm": -0.74}, "The sign is the other way round"),
        ({"too_deep_mm": 0.70}, "measured 12 mm on the image"),
        ({"too_deep_mm": 1.49}, "half of a way"),
        ({"too_deep_mm": 1.86}, "whole depth for fat"),
        ({"too_deep_mm": 12.74}, "Subtract how thick"),
        ({"too_deep_mm": 29.29}, "The difference was asked for"),
    ):
        message = told(q1, **changed)
        assert says in message
        assert "Right so far" in message
        assert "Expected" not in message


def test_grey_values_are_linear_in_decibels() -> None:
    def by_hand(envelope: np.ndarray, range_db: float) -> np.ndarray:
        decibels = 10 * np.log10(np.maximum((envelope / envelope.max()) ** 2, 1e-30))
        return np.interp(decibels, [-range_db, 0], [0, 1])

    assert q2.check(by_hand).right
    # Ten times weaker is 20 dB; a thousandth is the end of 60 dB.
    assert q2.right(np.array([1, 0.1, 0.01, 0.001, 1e-5]), 60.0) == pytest.approx([1, 2 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (lambda a, r: np.clip(1 + 10 * np.log10(a / a.max()) / r, 0, 1), "whose square is a power"),
        (lambda a, r: np.clip(1 + 20 * np.log(a / a.max()) / r, 0, 1), "natural logarithm"),
        (lambda a, r: np.clip(1 + np.log10(a / a.max()) / r, 0, 1), "The factor 20 is missing"),
        (lambda a, r: 1 + 20 * np.log10(a / a.max()) / r, "They are shown as 0"),
        (lambda a, r: a / a.max(), "linear in the amplitude"),
        (lambda a, r: np.clip(1 + 20 * np.log10(a) / r, 0, 1), "relative to an amplitude of 1"),
        (lambda a, r: np.log1p(a) / np.log1p(a).max(), "depends on the unit"),
        (lambda a, r: 255 * np.clip(1 + 20 * np.log10(a / a.max()) / r, 0, 1), "0 to 255; 0 to 1"),
        (lambda a, r: (255 * np.clip(1 + 20 * np.log10(a / a.max()) / r, 0, 1)).round().astype(np.uint8), "whole numbers from 0 to 255"),
        (lambda a, r: np.clip(-20 * np.log10(a / a.max()) / r, 0, 1), "exchanged"),
        (lambda a, r: np.clip(20 * np.log10(a / a.max()), -r, 0), "Bring −range_db to 0"),
        (lambda a, r: np.clip(20 * np.log10(a / a.max()) + r, 0, r), "divide by the dynamic range"),
        (lambda a, r: 20 * np.log10(a / a.max()), "These are decibels"),
        (lambda a, r: np.clip(1 + 20 * np.log10(a / a.mean()) / r, 0, 1), "0 dB is the mean echo"),
    ],
)
def test_each_wrong_compression_is_told(shown: Any, says: str) -> None:
    assert says in q2.check(shown).message


def test_speckle_is_that_of_rayleigh_and_only_independent_frames_even_it_out() -> None:
    right, frames = q3.right(), q3.data()
    rayleigh = stats.rayleigh.mean() / stats.rayleigh.std()
    assert rayleigh == pytest.approx(1.913, abs=0.001)
    # A few thousand independent grains, and a little noise.
    assert right["one"] == pytest.approx(rayleigh, rel=0.02)
    assert right["still"] == pytest.approx(rayleigh, rel=0.04)
    assert right["moved"] == pytest.approx(np.sqrt(speckle.FRAMES) * rayleigh, rel=0.03)
    for name, alike in (("still", True), ("moved", False)):
        between = np.corrcoef(frames[name].reshape(speckle.FRAMES, -1))[np.triu_indices(speckle.FRAMES, 1)]
        assert (between > 0.9).all() if alike else (abs(between) < 0.1).all()


def test_each_wrong_ratio_of_speckle_is_told() -> None:
    frames, right = q3.data(), q3.right()
    one, still, moved = frames["still"][0], frames["still"], frames["moved"]
    assert q3.check({name: np.round(value, 2) for name, value in right.items()}).right
    assert q3.check({"one": stats.variation(one.ravel()) ** -1, "still": right["still"], "moved": right["moved"]}).right
    for changed, says in (
        ({name: 1 / value for name, value in right.items()}, "The mean is above the line"),
        ({"one": one.std() / one.mean()}, "mean and standard deviation are exchanged"),
        ({"one": one.mean() / one.var()}, "take its root"),
        ({"one": (one**2).mean() / (one**2).std()}, "the intensity"),
        ({"one": moved[0].mean() / moved[0].std()}, "Take the one of `still`"),
        ({"still": right["one"] * 8**0.5}, "if frames were independent"),
        ({"still": (still.mean(0) / still.std(0)).mean()}, "how steady each pixel is"),
        ({"still": still.mean() / still.std()}, "For `still` nothing was averaged"),
        ({"moved": moved.mean() / moved.std()}, "For `moved` nothing was averaged"),
        ({"moved": np.mean([frame.mean() / frame.std() for frame in moved])}, "For `moved` nothing was averaged"),
        ({"moved": 8 * right["one"]}, "not eight times"),
        ({"still": right["moved"], "moved": right["still"]}, "`still` and `moved` are exchanged"),
    ):
        assert says in told(q3, **changed)


def test_depth_and_angle_are_those_of_the_scan_conversion() -> None:
    rows, columns, radius, size_mm = 181, 241, 45.0, (36.0, 50.0)
    spacing = size_mm[0] / (rows - 1), size_mm[1] / (columns - 1)
    widest = 0.72 * size_mm[1] / 2 / radius
    # An echo that says how deep it is, and one that says which beam it is of.
    deep = np.repeat(np.linspace(0, size_mm[0], rows)[:, None], 400, axis=1)
    beam = np.repeat(np.linspace(-np.degrees(widest), np.degrees(widest), 400)[None], rows, axis=0)
    depths, angles = (scan_converted(one, radius, size_mm, columns) for one in (deep, beam))
    for row, column in ((1, 120), (90, 120), (90, 150), (60, 80), (150, 100)):
        found = q4.right(row, column, columns, spacing, radius)
        assert found == {
            "depth_mm": pytest.approx(depths[row, column], abs=1e-3),
            "angle_deg": pytest.approx(angles[row, column], abs=1e-3),
        }
    assert probe.q4 is q4


def by_arctangent(row: int, column: int, columns: int, spacing_mm: tuple[float, float], radius_mm: float, **way: Any) -> dict[str, float]:
    x, z = (column - (columns - 1) / 2) * spacing_mm[1], row * spacing_mm[0] + radius_mm * way.get("above", 1)
    angle = np.arctan2(x, z) if not way.get("exchanged") else np.arctan2(z, x)
    return {
        "depth_mm": np.sqrt(x**2 + z**2) - radius_mm * way.get("subtracted", 1),
        "angle_deg": way.get("sign", 1) * (angle if way.get("radians") else np.degrees(angle)),
    }


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ({"subtracted": 0}, "subtract the radius"),
        ({"above": 0, "subtracted": 0}, "leave from one point"),
        ({"radians": True}, "The angle is in radians"),
        ({"exchanged": True}, "exchange the arguments"),
        ({"sign": -1}, "Left and right are exchanged"),
        ({"above": -1}, "lies above the image"),
    ],
)
def test_each_wrong_place_is_told(way: dict[str, Any], says: str) -> None:
    assert q4.check(by_arctangent).right
    assert says in q4.check(lambda *pixel: by_arctangent(*pixel, **way)).message
    assert "is no dictionary" in q4.check(lambda *pixel: tuple(by_arctangent(*pixel, **way).values())).message


def test_areas_are_those_of_the_indices_and_colours_cannot_tell_them() -> None:
    data = q5.data()
    read = read_label_map(data["path"]).labels
    pixels = ndimage.sum_labels(np.ones(read.shape), read, [areas.NERVE, areas.VESSEL])
    nerve, vessel = pixels * np.prod(data["spacing_mm"])
    assert q5.check({"nerve_mm2": nerve, "vessel_mm2": vessel}).right
    assert min(nerve, vessel) > 5
    opened = Image.open(data["path"])
    coloured = np.asarray(opened.convert("RGB")).any(-1)
    assert len({tuple(colour) for colour in np.asarray(opened.convert("RGB")).reshape(-1, 3)}) == 2
    area = np.prod(data["spacing_mm"])
    for changed, says in (
        ({"nerve_mm2": coloured.sum() * area}, "counted together"),
        ({"vessel_mm2": coloured.sum() * area}, "whatever is not 0"),
        ({"vessel_mm2": (np.asarray(opened.convert("L")) == 2).sum() * area}, "No pixel was counted as vessel"),
        ({"nerve_mm2": vessel, "vessel_mm2": nerve}, "exchanged"),
        ({"nerve_mm2": float(pixels[0]), "vessel_mm2": float(pixels[1])}, "These are pixels"),
        (
            {"nerve_mm2": pixels[0] * data["spacing_mm"][0] ** 2, "vessel_mm2": pixels[1] * data["spacing_mm"][0] ** 2},
            "as wide as they are",
        ),
        ({"nerve_mm2": nerve / 100, "vessel_mm2": vessel / 100}, "cm²"),
        ({"vessel_mm2": read[read == 2].sum() * area}, "each is 2"),
    ):
        assert says in told(q5, **changed)


def test_class_dice_is_that_of_monai() -> None:
    from monai.metrics import compute_dice
    from monai.networks.utils import one_hot

    def by_monai(predicted: np.ndarray, truth: np.ndarray, classes: int) -> torch.Tensor:
        maps = (one_hot(torch.tensor(one.astype(int))[None, None], classes + 1) for one in (predicted, truth))
        # By itself MONAI leaves out whatever the truth lacks, also where it was marked, which is a 0 here.
        scores = compute_dice(*maps, include_background=False, ignore_empty=False)[0]
        absent = [not (predicted == number).any() and not (truth == number).any() for number in range(1, classes + 1)]
        return torch.where(torch.tensor(absent), torch.nan, scores)

    assert q6.check(by_monai).right
    swapped = next(case for case in class_dice._maps() if "every nerve" in case.what)
    assert q6.right(*swapped.arguments) == [0, 0]
    assert ((swapped.arguments[0] > 0) == (swapped.arguments[1] > 0)).all()
    for wrong, says in (
        (lambda p, t, n: [2 * ((p > 0) & (t > 0)).sum() / ((p > 0).sum() + (t > 0).sum() or np.nan)] * n, "whatever is not background"),
        (lambda p, t, n: [np.float64(by_monai(p, t, n)[k - 1]) if (t == k).any() else np.nan for k in range(1, n + 1)], "cost nothing"),
        (lambda p, t, n: np.nan_to_num(by_monai(p, t, n).numpy()), "punishes what is right"),
        (lambda p, t, n: np.nan_to_num(by_monai(p, t, n).numpy(), nan=1.0), "the challenge counts 1"),
        (lambda p, t, n: float(np.nan_to_num(by_monai(p, t, n).numpy()).mean()), "The shape is ()"),
    ):
        result = q6.check(wrong)
        assert not result.right
        assert says in result.message


def test_runs_are_what_the_challenge_reads() -> None:
    for case in run_lengths._masks():
        (mask,) = case.arguments
        runs = " ".join(map(str, q7.right(mask)))
        assert runs == encoded(mask)
        assert (decoded(runs, mask.shape) == (mask > 0)).all()
    assert q7.right(np.array([[0, 1, 1], [0, 1, 0]])) == [3, 3]

    def by_hand(mask: np.ndarray) -> list[int]:
        runs: list[int] = []
        inside, number = False, 0
        for column in mask.T:
            for value in column:
                number += 1
                if value and inside:
                    runs[-1] += 1
                elif value:
                    runs += [number, 1]
                inside = bool(value)
        return runs

    assert q7.check(by_hand).right
    for wrong, says in (
        (lambda mask: by_hand(mask.T), "row by row"),
        (lambda mask: [n - (k % 2 == 0) for k, n in enumerate(by_hand(mask))], "counted from 0"),
        (lambda mask: [n for a, b in zip(by_hand(mask)[::2], by_hand(mask)[1::2], strict=True) for n in (a, a + b - 1)], "start and end"),
        (lambda mask: np.flatnonzero(mask.T.ravel()) + 1, "numbers of all marked pixels"),
        (lambda mask: by_hand(mask == 1), "marked pixels are 255"),
        (lambda mask: encoded(mask), "is no array of numbers"),
        (lambda mask: np.reshape(by_hand(mask), (-1, 2)), "The shape is"),
    ):
        result = q7.check(wrong)
        assert not result.right
        assert says in result.message


def test_the_smallest_size_is_the_best_one_on_validation_people() -> None:
    data = q8.data()
    nerve, area, dice = data["nerve"], data["area_px"], data["dice"]
    # What is given is possible: nothing marked is right or wrong, and a mark where nothing is has no overlap.
    assert (dice[area == 0] == ~nerve[area == 0]).all()
    assert (dice[(area > 0) & ~nerve] == 0).all()
    means = {}
    for subset in ("validation", "test"):
        part = data["subset"] == subset
        kept = {s: part & (area >= s) for s in data["candidates_px"]}
        # What is kept wins its Dice, what is empty now wins 1 where there is no nerve.
        means[subset] = {s: (dice[rows].sum() + (part & ~rows & ~nerve).sum()) / part.sum() for s, rows in kept.items()}
    best = max(means["validation"], key=lambda s: means["validation"][s])
    nothing = (~nerve & (data["subset"] == "test")).sum() / (data["subset"] == "test").sum()
    assert q8.right() == {"nothing": pytest.approx(nothing), "smallest_px": best, "test_score": pytest.approx(means["test"][best])}
    # What the exercise says it shows.
    assert means["test"][0] < nothing < means["test"][best]
    assert best != max(means["test"], key=lambda s: means["test"][s])


def test_each_wrong_size_and_score_is_told_and_what_follows_from_it_is_not() -> None:
    right = q8.right()
    for size in empty_images.CANDIDATES_PX:
        if size == right["smallest_px"]:
            continue
        message = told(q8, smallest_px=size, test_score=empty_images._score("test", size))
        assert "'test_score'" not in message
        assert "Right so far: nothing" in message
    assert "not one of the candidates" in told(q8, smallest_px=1750)
    assert "not worth 0" in told(q8, nothing=0)
    assert "in percent" in told(q8, nothing=100 * right["nothing"])
    assert "on whom s was chosen" in told(q8, test_score=empty_images._score("validation", right["smallest_px"]))
    assert "The test people" in told(q8, nothing=1 - empty_images._part("validation")["nerve"].mean())


def test_no_answers_of_a_network_exceed_the_ceiling_and_some_reach_it() -> None:
    data, right = q9.data(), q9.right()
    places = sorted(set(data["place"]))
    outlined = {place: [drawn for one, drawn in zip(data["place"], data["outlined"], strict=True) if one == place] for place in places}

    def score(marked: dict[str, bool]) -> float:
        worth = [0.9 * drawn if marked[place] else 1.0 - drawn for place in places for drawn in outlined[place]]
        return float(np.mean(worth))

    rng = np.random.default_rng(0)
    tried = [score({place: bool(rng.random() < 0.5) for place in places}) for _ in range(300)]
    assert max(tried) < right["ceiling"]
    # Beginning anywhere, each place by itself is changed if that is better.
    marked = dict.fromkeys(places, True)
    for place in places:
        marked = max(({**marked, place: answer} for answer in (True, False)), key=score)
    assert score(marked) == pytest.approx(right["ceiling"])
    assert right["contradicted"] == sum(len(set(drawn)) == 2 for drawn in outlined.values())
    assert score(dict.fromkeys(places, False)) < right["ceiling"]


def test_each_wrong_ceiling_is_told() -> None:
    data, right = q9.data(), q9.right()
    images, places = len(data["place"]), len(set(data["place"]))
    outlined = sum(data["outlined"])
    for changed, says in (
        ({"ceiling": 1}, "never contradicts himself"),
        ({"ceiling": (0.9 * outlined + images - outlined) / images}, "one answer for a place"),
        ({"ceiling": (images - outlined) / images}, "marking nothing at all"),
        ({"ceiling": 0.9 * outlined / images}, "marking everything"),
        ({"ceiling": 100 * right["ceiling"]}, "in percent"),
        ({"ceiling": 1 - right["contradicted"] / places}, "share of places without a contradiction"),
        ({"contradicted": places}, "how many places there are"),
        ({"contradicted": right["contradicted"] + 1}, "too high"),
    ):
        assert says in told(q9, **changed)
    assert places == readers.PLACES
