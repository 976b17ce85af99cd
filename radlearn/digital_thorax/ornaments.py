"""Objects on and beside the patient: side markers, burned-in text, electrodes with wires, tubes and lines, collimator edges.

None depends on the diagnosis. Portable AP X-rays have more of them, because the patient is in bed; that is the only correlation.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.projection import Geometry


def hardware(view: str, thorax: Thorax, geometry: Geometry, draw: np.random.Generator) -> np.ndarray:
    """Return attenuation × length of electrodes, catheters, ports, tubes, snaps of gowns and clips of operations, float32 (size, size)."""
    size = geometry.size_px
    total = np.zeros((size, size), np.float32)
    portable = view == "AP"

    def line(points: np.ndarray, width_px: int, weight: float, hollow: float = 0.0) -> None:
        # Only the part of the X-ray that the line crosses, since most lines are short.
        low = np.clip(np.floor(points.min(0)).astype(int) - width_px, 0, size)
        high = np.clip(np.ceil(points.max(0)).astype(int) + width_px + 1, 0, size)
        if (high <= low).any():
            return
        layer = Image.new("L", tuple((high - low).tolist()))
        pen = ImageDraw.Draw(layer)
        path = [tuple(point) for point in (points - low).tolist()]
        pen.line(path, fill=255, width=width_px, joint="curve")
        if hollow:
            pen.line(path, fill=int(255 * hollow), width=max(width_px - 4, 1), joint="curve")
        total[low[1] : high[1], low[0] : high[0]] += np.asarray(layer, np.float32) * np.float32(weight / 255)

    def at(*points: tuple[float, float, float]) -> np.ndarray:
        places = np.array(points, float) * [thorax.wide, thorax.deep, thorax.high]
        column, row, _ = geometry.project(places.T.astype(np.float32))
        return _curve(np.stack([column, row], 1))

    if draw.random() < (0.5 if portable else 0.03):
        _electrodes(total, line, size, draw)
    if draw.random() < (0.28 if portable else 0.05):
        side = -1 if draw.random() < 0.7 else 1
        if draw.random() < 0.5:
            start = [(side * 40, -30, 200), (side * 32, -20, 150), (side * 24, -15, 118)]
        else:
            start = [(side * 150, -50, 95), (side * 95, -45, 116), (side * 45, -30, 112)]
        line(at(*start, (-24, -12, 80), (-25, -12, draw.uniform(5, 50))), 3, 0.16)
    if portable and draw.random() < 0.14:
        line(at((4, -10, 240), (2, -6, 190), (0, -2, 140), (-2, 2, draw.uniform(65, 100))), 9, 0.10, 0.35)
    if portable and draw.random() < 0.16:
        line(at((-4, 10, 240), (6, 18, 120), (10, 24, 20), (8, 20, -70), (30, 0, -120), (60, -10, -150)), 4, 0.13, 0.4)
    if draw.random() < (0.04 if portable else 0.025):
        column, row = at((82, -80, 88), (84, -80, 80))[0]
        pen_layer = Image.new("L", (size, size))
        pen = ImageDraw.Draw(pen_layer)
        pen.rounded_rectangle((column - 48, row - 40, column + 48, row + 44), 26, fill=255)
        total += np.asarray(pen_layer, np.float32) * np.float32(1.7 / 255)
        line(at((70, -70, 84), (40, -30, 112), (-18, -20, 90), (-22, -15, 10), (10, -40, -50), (30, -55, -62)), 4, 0.5)
    if draw.random() < 0.03:
        for z in np.arange(100, -40, -23.0):
            ring = [(12 * np.cos(t), -70, z + 9 * np.sin(t)) for t in np.linspace(0.3, 6.0, 9)]
            line(at(*ring), 3, 0.9)
    if draw.random() < (0.05 if portable else 0.035):
        side = -1 if draw.random() < 0.75 else 1
        chamber = (side * draw.uniform(60, 92), -96.0, draw.uniform(66, 100))
        _disc(total, at(chamber, (chamber[0], -96.0, chamber[2] - 6))[0], draw.uniform(17, 23), 0.8, 0.45)
        line(at(chamber, (side * 55, -62, 112), (side * 28, -25, 114), (-23, -12, 80), (-24, -12, draw.uniform(5, 45))), 4, 0.3)
    if portable and draw.random() < 0.22:
        for side in (-1, 1):
            line(
                at((side * 26, -70, 205), (side * 72, -100, 150), (side * draw.uniform(95, 140), -112, 60), (side * 168, -90, -50)),
                7,
                0.06,
                0.5,
            )
    if portable and draw.random() < 0.10:
        # A drain, also where there is no effusion: it would else tell what is on the X-ray.
        side = -1 if draw.random() < 0.5 else 1
        top = (side * draw.uniform(55, 95), draw.uniform(-30, 40), draw.uniform(60, 120))
        line(at((side * 175, -10, -55), (side * 132, 0, draw.uniform(-40, 0)), (side * 112, 10, 30), top), 8, 0.22, 0.3)
    if draw.random() < (0.12 if portable else 0.02):
        for _ in range(int(draw.integers(2, 6))):
            place = np.array([draw.uniform(0.08, 0.92), draw.uniform(0.03, 0.3)]) * size
            _disc(total, place, draw.uniform(5, 8), draw.uniform(0.5, 1.4), 0.4)
    if draw.random() < 0.035:
        middle = at((draw.normal(0, 60), -40, draw.normal(20, 55)), (0, -40, 0))[0]
        for _ in range(int(draw.integers(3, 10))):
            start = middle + draw.normal(0, 45, 2)
            line(np.stack([start, start + draw.normal(0, 9, 2)]), 3, 1.2)
    return total


def _disc(total: np.ndarray, place: np.ndarray, radius_px: float, weight: float, hole: float) -> None:
    """Add a metal ring: `weight` at its edge, `hole` times as much in its middle."""
    reach = int(np.ceil(radius_px)) + 1
    column, row = np.rint(place).astype(int)
    size = len(total)
    if not (reach <= column < size - reach and reach <= row < size - reach):
        return
    away = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) / radius_px
    ring = np.where(away < 0.6, hole, 1.0) * (away < 1)
    total[row - reach : row + reach + 1, column - reach : column + reach + 1] += np.float32(weight) * ring.astype(np.float32)


def _electrodes(total: np.ndarray, line, size: int, draw: np.random.Generator) -> None:  # type: ignore[no-untyped-def]
    for _ in range(int(draw.integers(2, 6))):
        x, y = draw.uniform(0.14, 0.86) * size, draw.uniform(0.14, 0.86) * size
        side = -1.0 if x < size / 2 else 1.0
        end = np.array([size / 2 + side * size * 0.56, y + draw.uniform(-60, 330)])
        middle = np.array(
            [[x, y], [x + side * draw.uniform(20, 90), y + draw.uniform(-40, 90)], [x + side * 170, y + draw.uniform(-60, 160)], end]
        )
        line(_curve(middle), 3, 0.10)
        layer = Image.new("L", (32, 32))
        pen = ImageDraw.Draw(layer)
        radius, left, top = draw.uniform(8, 13), int(x) - 16, int(y) - 16
        x, y = x - left, y - top
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=150)
        pen.ellipse((x - 0.5 * radius, y - 0.5 * radius, x + 0.5 * radius, y + 0.5 * radius), fill=255)
        total[top : top + 32, left : left + 32] += np.asarray(layer, np.float32) * np.float32(draw.uniform(0.25, 0.7) / 255)


def _curve(knots: np.ndarray, points: int = 90) -> np.ndarray:
    from scipy.interpolate import CubicSpline

    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1) + 1e-3)]
    return CubicSpline(along, knots)(np.linspace(0, along[-1], points))


def finish(grey: np.ndarray, view: str, draw: np.random.Generator) -> np.ndarray:
    """Return the finished X-ray, uint8: collimator edges, side marker and text over the grey values (uint8)."""
    size = len(grey)
    picture = Image.fromarray(grey)
    if draw.random() < 0.4:
        picture.paste(0, mask=_shutter(size, draw))
    overlay = Image.new("L", (size, size))
    _marker(overlay, view, draw)
    if view == "AP" and draw.random() < 0.6:
        _words(overlay, draw)
    return np.maximum(np.asarray(picture), np.asarray(overlay))


def _shutter(size: int, draw: np.random.Generator) -> Image.Image:
    mask = Image.new("L", (size, size), 255)
    edges = np.where(draw.random(4) < 0.5, draw.exponential(0.014, 4), -0.05) * size
    tilt = draw.normal(0, 0.008) * size
    left, top, right, bottom = edges
    corners = [
        (left + tilt, top - tilt),
        (size - right + tilt, top + tilt),
        (size - right - tilt, size - bottom + tilt),
        (left - tilt, size - bottom - tilt),
    ]
    ImageDraw.Draw(mask).polygon(corners, fill=0)
    return mask


def _marker(overlay: Image.Image, view: str, draw: np.random.Generator) -> None:
    """Draw a lead letter: L on the patient's left, which is the right of the X-ray, or R on the other side."""
    size = overlay.width
    letter = "L" if draw.random() < (0.85 if view == "PA" else 0.7) else "R"
    tall = int(draw.uniform(34, 58))
    font = ImageFont.load_default(tall)
    style = draw.choice(["plain", "turned", "ring", "plate"], p=[0.4, 0.15, 0.25, 0.2])
    tile = Image.new("L", (tall * 2, tall * 2))
    pen = ImageDraw.Draw(tile)
    bright = int(draw.uniform(190, 255))
    if style == "plate":
        pen.rounded_rectangle((tall * 0.35, tall * 0.1, tall * 1.65, tall * 1.9), tall * 0.5, fill=bright)
    elif style == "ring":
        pen.ellipse((tall * 0.2, tall * 0.2, tall * 1.8, tall * 1.8), outline=bright, width=3)
        font = ImageFont.load_default(int(tall * 0.85))
    pen.text(
        (tall, tall), letter, font=font, anchor="mm", fill=20 if style == "plate" else bright, stroke_width=1 if style == "plain" else 0
    )
    tile = tile.rotate(float(draw.normal(0, 25) if style == "turned" else draw.normal(0, 5)), resample=Image.Resampling.BILINEAR)
    across, down = draw.uniform(0.03, 0.13), draw.uniform(0.02, 0.2 if view == "PA" else 0.45)
    x = int(size * (1 - across)) - tall if letter == "L" else int(size * across) - tall
    overlay.paste(tile, (int(np.clip(x, 2, size - 2 * tall)), int(down * size)))


def _words(overlay: Image.Image, draw: np.random.Generator) -> None:
    size = overlay.width
    pen = ImageDraw.Draw(overlay)
    font = ImageFont.load_default(int(draw.uniform(17, 24)))
    x, y = (draw.uniform(0.06, 0.24) if draw.random() < 0.6 else draw.uniform(0.8, 0.92)) * size, draw.uniform(0.03, 0.3) * size
    for word in draw.choice(
        ["AP", "PORTABLE", "SEMI-ERECT", "AP SUPINE", "BEDSIDE", "SUPINE"], size=int(draw.integers(1, 4)), replace=False
    ):
        pen.text((x, y), str(word), font=font, anchor="mm", fill=255, stroke_width=1, stroke_fill=255)
        y += draw.uniform(30, 120)
