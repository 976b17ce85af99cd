"""The cohort of X-rays as a table: people, number of X-rays, views and findings, before anything is rendered.

Shares follow the RSNA training set (26,684 images): 45.6 % AP; pneumonia on 38.3 % of AP and 9.3 % of PA X-rays, normal 13.4 % and 49.7 %;
57 % men; ages with quartiles 34, 49 and 59. A plan depends only on the seed and its place in the cohort. Classes that have occurred
too rarely so far are drawn with a higher probability, so that small cohorts have the right shares too.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np

CATEGORIES = ("Lung Opacity", "No Lung Opacity / Not Normal", "Normal")
AP_SHARE = 0.456
SHARES = {"AP": (0.383, 0.483, 0.134), "PA": (0.093, 0.410, 0.497)}
"""Shares of CATEGORIES in each view."""
SHARES_WITHOUT_SHORTCUT = (0.2253, 0.443, 0.3317)
AGE_QUANTILES = ((0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0), (3, 18, 23, 34, 49, 59, 67, 72, 80, 92))
BOX_SHARES = {"AP": (0.357, 0.619, 0.0214, 0.0026), "PA": (0.7045, 0.2805, 0.0143, 0.0007)}
"""Shares of positive X-rays with one to four boxes, by view."""
UNSEEN_SHARES = {"AP": 0.07, "PA": 0.1}
"""Shares of opacities without a box, because fewer than two of three readers see them (measured on rendered X-rays)."""
OTHER_FINDINGS = ("effusion", "cardiomegaly", "atelectasis", "nodule", "oedema", "scar", "emphysema", "low volume")
OTHER_WEIGHTS = {
    "AP": (0.29, 0.18, 0.18, 0.06, 0.18, 0.03, 0.02, 0.06),
    "PA": (0.20, 0.19, 0.18, 0.18, 0.08, 0.11, 0.06, 0.0),
}


@dataclass(frozen=True)
class PlannedXray:
    """One X-ray of the cohort, not yet rendered. These values are all that rendering needs, on any machine and in any order."""

    seed: int
    person: int
    image: int
    view: str
    sex: str
    age_years: int
    category: str
    opacities: int
    findings: tuple[str, ...]
    photometric: str = "MONOCHROME2"
    spacing_known: bool = True

    @property
    def person_id(self) -> str:
        """Return the person's name in the tables."""
        return f"p{self.person:05d}"

    @property
    def image_id(self) -> str:
        """Return the X-ray's name, a UUID as in the challenge."""
        digest = hashlib.sha256(f"radlearn {self.seed} {self.person} {self.image}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    def draw(self, purpose: int, of_person: bool = False) -> np.random.Generator:
        """Return a random generator for one purpose of this X-ray (or of its person, the same on all of their X-rays)."""
        return np.random.default_rng(
            [self.seed, self.person, purpose] if of_person else [self.seed, self.person, self.image + 1000, purpose]
        )


def plan_xrays(xrays: int, seed: int = 0, view_shortcut: bool = True) -> list[PlannedXray]:
    """Plan a cohort of `xrays` X-rays; a longer one begins with the shorter one.

    Args:
        xrays: number of X-rays.
        seed: of people and illness.
        view_shortcut: whether AP X-rays are more often positive, as in the real data; otherwise the shares of the classes are equal in
            both views.
    """
    planned: list[PlannedXray] = []
    so_far: Counter[tuple[str, ...]] = Counter()
    person = 0
    while len(planned) < xrays:
        planned += _xrays_of(person, so_far, seed, view_shortcut)
        person += 1
    return planned[:xrays]


def expected_labels(xrays: Sequence[PlannedXray]) -> dict[str, np.ndarray]:
    """Return the expected labels of a planned cohort without rendering it.

    Returns:
        by view ("AP", "PA", and "all"): float (5,), the expected number of X-rays with no, one, … four boxes.
    """
    expected = {view: np.zeros(5) for view in ("AP", "PA", "all")}
    for xray in xrays:
        seen = _thinned(xray.opacities, UNSEEN_SHARES[xray.view])
        for view in (xray.view, "all"):
            expected[view][: xray.opacities + 1] += seen
    return expected


def _thinned(opacities: int, unseen: float) -> np.ndarray:
    """Return the probabilities that none, one, … all of `opacities` are seen, each missed with probability `unseen`."""
    return np.array([comb(opacities, k) * (1 - unseen) ** k * unseen ** (opacities - k) for k in range(opacities + 1)])


@cache
def _drawn_shares(view: str, view_shortcut: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the shares of CATEGORIES, and of one to four opacities, to draw from so that the *labels* have the real shares.

    A positive X-ray whose opacities are not seen is labelled as otherwise abnormal, so a few more are drawn positive, and a few fewer
    otherwise abnormal.
    """
    ill, abnormal, normal = SHARES[view] if view_shortcut else SHARES_WITHOUT_SHORTCUT
    # thinning[k, n]: an X-ray with n + 1 opacities gets k + 1 boxes.
    thinning = np.zeros((4, 4))
    for number in range(1, 5):
        thinning[:number, number - 1] = _thinned(number, UNSEEN_SHARES[view])[1:]
    drawn = np.maximum(np.linalg.solve(thinning, ill * np.array(BOX_SHARES[view])), 0)
    total = float(drawn.sum())
    return (total, abnormal - (total - ill), normal), tuple((drawn / total).tolist())


def _spread(seed: int, place: int, purpose: int) -> float:
    """Return the value at `place` in an evenly distributed sequence on [0, 1); `purpose` selects the sequence."""
    start = np.random.default_rng([seed, 9000, purpose]).random()
    # Square roots of primes: sequences that are evenly distributed alone and together.
    return float((start + (place + 1) * np.sqrt((2, 3, 5)[purpose])) % 1.0)


def _next(choices: dict[tuple[str, ...], float], so_far: Counter[tuple[str, ...]], draw: np.random.Generator) -> tuple[str, ...]:
    """Return one of `choices` (name → share); those below their share among the ones `so_far` are more likely."""
    total = sum(so_far[choice] for choice in choices) + 1
    lag = np.array([max(share * total - so_far[choice], 0.02 * share) for choice, share in choices.items()])
    return list(choices)[int(draw.choice(len(choices), p=lag / lag.sum()))]


def _xrays_of(person: int, so_far: Counter[tuple[str, ...]], seed: int, view_shortcut: bool) -> list[PlannedXray]:
    """Return the X-rays of one person and count them in `so_far`."""
    draw = np.random.default_rng([seed, person, 11])
    count = 1 if _spread(seed, person, 0) < 0.66 else int(np.clip(1 + draw.geometric(0.52), 2, 12))
    sex = "M" if _spread(seed, person, 1) < 0.568 else "F"
    age = float(np.interp(_spread(seed, person, 2), *AGE_QUANTILES))
    xrays: list[PlannedXray] = []
    days = 0.0
    for image in range(count):
        own = np.random.default_rng([seed, person, image, 12])
        # A person's X-rays resemble each other: most have the same view, and illness lasts.
        again = own.random(2) < (0.6, 0.5) if xrays else (False, False)
        view = xrays[0].view if again[0] else _next({("AP",): AP_SHARE, ("PA",): 1 - AP_SHARE}, so_far, own)[0]
        shares, opacity_shares = _drawn_shares(view, view_shortcut)
        classes: dict[tuple[str, ...], float] = {(view, name): share for name, share in zip(CATEGORIES, shares, strict=True)}
        category = xrays[-1].category if again[1] and xrays[-1].view == view else _next(classes, so_far, own)[1]
        opacities = 0
        if category == CATEGORIES[0]:
            boxes: dict[tuple[str, ...], float] = {
                (view, "boxes", str(number)): share for number, share in enumerate(opacity_shares, start=1)
            }
            chosen = _next(boxes, so_far, own)
            opacities = int(chosen[2])
            so_far[chosen] += 1
        so_far.update([(view,), (view, category)])
        awkward = own.random(2)
        days += float(own.gamma(1.0, 90.0))
        xrays.append(
            PlannedXray(
                seed=seed,
                person=person,
                image=image,
                view=view,
                sex=sex,
                age_years=int(age + days / 365.0),
                category=category,
                opacities=opacities,
                findings=_findings(category, view, own),
                photometric="MONOCHROME1" if awkward[0] < 0.015 else "MONOCHROME2",
                spacing_known=bool(awkward[1] > 0.02),
            )
        )
    return xrays


def _findings(category: str, view: str, draw: np.random.Generator) -> tuple[str, ...]:
    weights = np.array(OTHER_WEIGHTS[view])
    weights = weights / weights.sum()
    if category == "Normal":
        return ()
    count = 1 + int(draw.random() < 0.45) if category == CATEGORIES[1] else int(draw.random() < 0.35)
    chosen = draw.choice(len(OTHER_FINDINGS), size=count, replace=False, p=weights)
    return tuple(OTHER_FINDINGS[index] for index in sorted(chosen))
