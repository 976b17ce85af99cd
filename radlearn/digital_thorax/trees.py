"""The trees in the lungs: arteries, veins and bronchi that bifurcate until they end near the pleura.

A tree grows towards points distributed in the lung: at every bifurcation the points are halved and each branch grows toward the mean of
its half. Radii follow Murray's law: the cube of the parent is the sum of the cubes of the children (Murray 1926, PNAS 12:207).
"""

from typing import NamedTuple

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.clouds import Cloud

FORKS = 9
"""Generations of a tree; it ends in 2**FORKS terminal branches."""


class Tree(NamedTuple):
    """Branches as short straight pieces: midpoints (3, pieces), radius and length in mm, and depth in the tree (0 root, 1 terminal)."""

    middles_mm: np.ndarray
    direction: np.ndarray
    radius_mm: np.ndarray
    length_mm: np.ndarray
    generation: np.ndarray


def points_in_lung(thorax: Thorax, side: str, count: int, draw: np.random.Generator) -> np.ndarray:
    """Return `count` points (count, 3) in mm, distributed evenly in one lung."""
    low, high = np.array(thorax.sacs[side].low_mm), np.array(thorax.sacs[side].high_mm)
    low[2] = max(low[2], thorax.dome_z[side] - 75 * thorax.high)
    found = np.zeros((0, 3), np.float32)
    while len(found) < count:
        tried = (low + draw.random((3 * count, 3)) * (high - low)).astype(np.float32)
        found = np.concatenate([found, tried[thorax.lung_holds(side, *tried.T)]])
    return found[:count]


def grow_tree(root: np.ndarray, first_step: np.ndarray, targets: np.ndarray, root_radius_mm: float, draw: np.random.Generator) -> Tree:
    """Grow a bifurcating tree from `root` (3,) toward all `targets` (2**FORKS, 3), leaving the root along `first_step` (3,)."""
    nodes, headings = root[None].astype(np.float64), (first_step / np.linalg.norm(first_step))[None]
    groups = targets[None].astype(np.float64)
    middles, directions, radii, lengths, generations = [], [], [], [], []
    radius = root_radius_mm
    for generation in range(FORKS + 1):
        goal = groups.mean(1)
        share = (
            draw.uniform(*((0.12, 0.24) if generation < 3 else (0.30, 0.46)), (len(nodes), 1))
            if generation < FORKS
            else np.ones((len(nodes), 1))
        )
        ends = nodes + share * (goal - nodes) + draw.normal(0, 0.6, nodes.shape) * (generation > 0)
        reach = np.linalg.norm(ends - nodes, axis=1, keepdims=True)
        # Branches leave in the direction of their parent and bend toward their target.
        bend = nodes + headings * reach * 0.33
        pieces = max(int(np.ceil(reach.mean() / 1.1)), 3)
        times = np.linspace(0, 1, pieces + 1)[:, None, None]
        curve = (1 - times) ** 2 * nodes + 2 * times * (1 - times) * bend + times**2 * ends
        steps = np.diff(curve, axis=0)
        long = np.linalg.norm(steps, axis=2)
        middles.append((curve[1:] - 0.5 * steps).reshape(-1, 3))
        directions.append((steps / np.maximum(long[..., None], 1e-6)).reshape(-1, 3))
        lengths.append(long.ravel())
        taper = np.linspace(1.0, 0.82 if generation < FORKS else 0.45, pieces)[:, None]
        spread = draw.uniform(0.85, 1.12, len(nodes))
        radii.append((radius * taper * spread).ravel())
        generations.append(np.full(long.size, generation / FORKS))
        if generation == FORKS:
            break
        headings = steps[-1] / np.maximum(long[-1][:, None], 1e-6)
        pull = groups - goal[:, None]
        axis = pull[np.arange(len(groups)), np.argmax((pull**2).sum(2), 1)]
        axis = axis + draw.normal(0, 0.35, axis.shape) * np.linalg.norm(axis, axis=1, keepdims=True)
        order = np.argsort((pull * axis[:, None]).sum(2), 1)
        groups = np.take_along_axis(groups, order[..., None], 1).reshape(2 * len(groups), -1, 3)
        nodes, headings = np.repeat(ends, 2, 0), np.repeat(headings, 2, 0)
        radius *= 2 ** (-1 / 3) * 1.02
    parts = [np.concatenate(part).astype(np.float32) for part in (middles, directions, radii, lengths, generations)]
    return Tree(parts[0].T.copy(), parts[1].T.copy(), parts[2], parts[3], parts[4])


def tree_cloud(tree: Tree, attenuation: float, radius_scale: np.ndarray | float = 1.0, finer: float = 1.0) -> Cloud:
    """Return a tree as points in its branches' cross-sections, weights `attenuation` × volume; `finer` multiplies the points."""
    radius = (tree.radius_mm * radius_scale).astype(np.float32)
    counts = np.clip(np.round(finer * (radius * radius * 4.0 + radius)), 1, 160 * finer).astype(np.int32)
    piece = np.repeat(np.arange(len(radius)), counts)
    number = np.arange(len(piece), dtype=np.float32)
    angle = number * np.float32(2.3999632)
    out = radius[piece] * np.sqrt((number * np.float32(0.7548777)) % 1.0).astype(np.float32)
    jitter = (((number * np.float32(0.5698403)) % 1.0) - 0.5).astype(np.float32) * tree.length_mm[piece]
    dx, dy, dz = tree.direction
    # Two directions across the branch; the first is horizontal, the second completes the basis.
    level = np.maximum(np.sqrt(dx * dx + dy * dy), 1e-3)
    first = np.stack([-dy / level, dx / level, np.zeros_like(dx)])
    second = np.stack([-dz * dx / level, -dz * dy / level, level])
    places = tree.middles_mm[:, piece] + tree.direction[:, piece] * jitter
    places = places + first[:, piece] * (out * np.cos(angle)) + second[:, piece] * (out * np.sin(angle))
    weight = (attenuation * np.pi) * radius * radius * tree.length_mm / counts
    return Cloud(places.astype(np.float32), weight[piece].astype(np.float32))


def lung_trees(thorax: Thorax, with_bronchi: bool = True) -> dict[str, list[Tree]]:
    """Return arteries, veins and bronchi (in this order) of the `right` and `left` lung, grown at full inspiration, then deformed.

    Growing them in the reference posture keeps a person's trees the same on all X-rays.
    """
    rest = thorax.at_rest()
    trees: dict[str, list[Tree]] = {}
    for side, sign in (("right", -1), ("left", 1)):
        hilum = rest.hilum[side]
        scale = 0.5 * (rest.high + rest.wide)
        grown = []
        for kind, (offset, radius) in enumerate((((0, 0, 3), 5.6), ((2, -12, -14), 4.8), ((-4, 6, 2), 5.0))[: 3 if with_bronchi else 2]):
            draw = np.random.default_rng([thorax.person.tree_seed, kind, sign + 1])
            targets = points_in_lung(rest, side, 2**FORKS, draw)
            root = hilum + np.array([sign * offset[0] - sign * 4, offset[1], offset[2]]) * scale
            grown.append(grow_tree(root, np.array([sign * 1.0, 0.25, -0.35]), targets, radius * scale, draw))
        trees[side] = [_breathed(tree, rest, thorax, side) for tree in grown]
    return trees


def _breathed(tree: Tree, rest: Thorax, now: Thorax, side: str) -> Tree:
    """Compress everything below the hilum by the rise of the diaphragm."""
    hilum_z = rest.hilum[side][2]
    squeeze = (hilum_z - now.dome_z[side]) / (hilum_z - rest.dome_z[side])
    middles = tree.middles_mm.copy()
    middles[2] = np.where(middles[2] < hilum_z, hilum_z + (middles[2] - hilum_z) * np.float32(squeeze), middles[2])
    return tree._replace(middles_mm=middles)
