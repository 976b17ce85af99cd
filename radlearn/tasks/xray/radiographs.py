"""X-rays ready for training: the case, and its pixels in the cache."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from radlearn.array_store import Words
from radlearn.challenges.folders import stem
from radlearn.challenges.xray_case import XrayCase, with_headers
from radlearn.entry_files import Entry
from radlearn.file_names import called
from radlearn.scans.cache import as_cached, cached_xrays
from radlearn.scans.chest_xray import refuse_no_chest_xray
from radlearn.scans.dicom import RadiographHeader, read_radiograph
from radlearn.scans.look_alikes import thumbnail_of
from radlearn.scans.way_up import say_turned, way_up

# How a data set of X-rays speaks of itself.
XRAYS = Words("X-ray cache", "X-rays", "read", "Repair these files, or remove them and their rows in the tables")

MOST_LOOKED_AT = 200
"Of the X-rays of a data set, evenly, for which way up they lie: tens of thousands would take half a minute."


class RadiographDataset(Protocol):
    """A data set whose items hold an X-ray under `image`: a `MappedDataset`."""

    @property
    def entries(self) -> Sequence[Entry]: ...

    def meta(self, index: int, key: str) -> dict[str, Any]: ...


class PreparedRadiograph(NamedTuple):
    """A case and its pixels at the requested size."""

    case: XrayCase
    # uint8, uint16 or float16 (size, size), or a function that maps it from the disk when it is looked at.
    held: np.ndarray | Callable[[], np.ndarray]
    # (height, width) of the part of the source that the square shows: its own, or the square around it where it was padded.
    canvas_px: tuple[int, int] = (1024, 1024)
    # (height, width) of the source where it was padded; None where the canvas is the source.
    source_px: tuple[int, int] | None = None
    # Height and width of a source pixel in the patient; None where lengths must not be measured by it, as on secondary captures.
    spacing_mm: tuple[float, float] | None = None
    # The header's fields that it comes from.
    spacing_from: str = ""
    # What is doubtful about the image, known where it was read to be predicted for.
    notes: tuple[str, ...] = ()

    @property
    def way(self) -> str:
        """How it lies, as `way_up`, of what is not padding: two black bars say nothing of a chest."""
        pixels = self.pixels[0]
        if self.source_px is not None:
            down, right = (
                int(len(pixels) * (canvas - source) / 2 / canvas + 0.5)
                for canvas, source in zip(self.canvas_px, self.source_px, strict=True)
            )
            pixels = pixels[down : len(pixels) - down, right : len(pixels) - right]
        return way_up(thumbnail_of(pixels))

    @property
    def label(self) -> bool:
        """Whether it shows the finding; False also for an unlabelled X-ray."""
        return bool(self.case.label)

    @property
    def stored(self) -> np.ndarray:
        """uint8, uint16 or float16 (size, size), as the cache holds it."""
        held = self.held() if callable(self.held) else self.held
        return held.reshape(held.shape[-2:])

    @property
    def pixels(self) -> np.ndarray:
        """float32 (1, size, size) in [0, 1], bright where the body is dense; channel first, as MONAI and PyTorch want it."""
        stored = self.stored[None]
        return stored.astype(np.float32) / (1 if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max)

    @property
    def boxes_on_canvas_px(self) -> np.ndarray:
        """The case's boxes (x0, y0, x1, y1) in source pixels from the corner of the canvas, float64 (boxes, 4)."""
        return np.array(self.case.boxes_xyxy_px, float).reshape(-1, 4) + np.tile(self._margin_px, 2)

    def on_canvas(self, boxes_xyxy_px: np.ndarray) -> np.ndarray:
        """Return boxes (boxes, 4) that were counted in pixels of the square, in pixels of the canvas."""
        (height, width), side = self.canvas_px, self.stored.shape[-1]
        return np.asarray(boxes_xyxy_px, float).reshape(-1, 4) * [width / side, height / side, width / side, height / side]

    def in_source(self, boxes_on_canvas_px: np.ndarray) -> np.ndarray:
        """Return boxes (boxes, 4) on the canvas in pixels of the source, cut off at its borders: the way back from `boxes_on_canvas_px`."""
        boxes = np.asarray(boxes_on_canvas_px, float).reshape(-1, 4)
        (right, down), (height, width) = self._margin_px, self.source_px or self.canvas_px
        return np.clip(boxes - [right, down, right, down], 0, [width, height, width, height])

    @property
    def _margin_px(self) -> tuple[float, float]:
        """How far the source lies inside the canvas, from the left and from the top."""
        (canvas_height, canvas_width), (height, width) = self.canvas_px, self.source_px or self.canvas_px
        return (canvas_width - width) / 2, (canvas_height - height) / 2


def prepared_radiographs(cases: Sequence[XrayCase], size_px: int, shape: Literal["stretch", "pad"] = "stretch") -> list[PreparedRadiograph]:
    """Read every X-ray once into the pixel cache, or find it there, and fill in what the headers say.

    Raises:
        UnreadableScan: with all files that cannot be read.
        BadLayout: if a header contradicts the tables, such as a box outside its image.
    """
    cached = cached_xrays([case.path for case in cases], size_px, shape, chest=True)
    held = [partial(entry.array, "pixels") for entry in cached.entries]
    known = with_headers(cases, cached.headers)
    xrays = [prepared_radiograph(case, pixels, header, shape) for case, pixels, header in zip(known, held, cached.headers, strict=True)]
    say_where_turned(xrays)
    return xrays


def radiographs_of(cases: Sequence[XrayCase], dataset: RadiographDataset, shape: Literal["stretch", "pad"]) -> list[PreparedRadiograph]:
    """Return the X-rays of cases whose items a data set holds, in the same order, with what their headers say.

    Raises:
        BadLayout: if a header contradicts the tables, such as a box outside its image.
    """
    headers = [header_of(dataset.meta(index, "image")) for index in range(len(cases))]
    held = [partial(entry.array, "image") for entry in dataset.entries]
    known = with_headers(cases, headers)
    xrays = [prepared_radiograph(case, pixels, header, shape) for case, pixels, header in zip(known, held, headers, strict=True)]
    say_where_turned(xrays)
    return xrays


def say_where_turned(xrays: Sequence[PreparedRadiograph]) -> None:
    """Say in which way most X-rays of a data set lie, of a sample where there are many; nothing where most are upright."""
    numbers = np.linspace(0, len(xrays) - 1, min(len(xrays), MOST_LOOKED_AT)).astype(int)
    say_turned({called(xrays[number].case.path): xrays[number].way for number in numbers})


def header_of(meta: Mapping[str, Any]) -> RadiographHeader:
    """Return the header that a `RadiographReader` wrote into the meta data of an image."""
    known = {name: meta[name] for name in RadiographHeader.__dataclass_fields__}
    height, width = (int(side) for side in known["size_px"])
    age = float(known["age_years"])
    return RadiographHeader(
        **{
            **known,
            "view": known["view"] or None,
            "sex": known["sex"] or None,
            "age_years": None if np.isnan(age) else age,
            "spacing_mm": _lengths(known["spacing_mm"]),
            "spacing_in_patient_mm": _lengths(known["spacing_in_patient_mm"]),
            "size_px": (height, width),
        }
    )


def notes_in(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the notes that a `RadiographReader` wrote into the meta data of an image."""
    return tuple(str(meta.get("notes", "")).splitlines())


def _lengths(kept: Sequence[float]) -> tuple[float, float] | None:
    row_mm, column_mm = (float(length) for length in kept)
    return None if np.isnan(row_mm) else (row_mm, column_mm)


def unlabelled(
    path: Path, pixels: np.ndarray, header: RadiographHeader, shape: Literal["stretch", "pad"], notes: tuple[str, ...] = ()
) -> PreparedRadiograph:
    """Return an X-ray of which nothing is known but its file, and what is doubtful about it."""
    name = stem(path.name)
    case = XrayCase(name, path, None, (), None, header.patient_id or name, header.view, header.sex, header.age_years)
    return prepared_radiograph(case, pixels, header, shape)._replace(notes=notes)


def read_unlabelled(path: Path, size_px: int, shape: Literal["stretch", "pad"]) -> PreparedRadiograph:
    """Read an X-ray as the pixel cache does; errors as `read_radiograph` and `refuse_no_chest_xray`."""
    xray = read_radiograph(path, size_px, shape)
    doubts = refuse_no_chest_xray(path, xray)
    return unlabelled(path, as_cached(xray), xray.header, shape, xray.notes + doubts)


def prepared_radiograph(
    case: XrayCase, held: np.ndarray | Callable[[], np.ndarray], header: RadiographHeader, shape: Literal["stretch", "pad"]
) -> PreparedRadiograph:
    """Return an X-ray that was brought into a square in this way."""
    height, width = header.size_px
    frame, source = (header.size_px, None) if shape == "stretch" or height == width else ((max(height, width),) * 2, header.size_px)
    measurable = header.measurable_spacing_mm
    return PreparedRadiograph(case, held, frame, source, measurable, header.spacing_from if measurable else "")


def labels_of(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    """Return which X-rays show the finding, bool (X-rays,)."""
    return np.array([xray.label for xray in xrays], bool)


def persons_of(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    """Return the person of each X-ray, str (X-rays,)."""
    return np.array([xray.case.person for xray in xrays])


def views_of(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    """Return the view of each X-ray, str (X-rays,); "" where it is unknown."""
    return np.array([xray.case.view or "" for xray in xrays])


def as_images(xrays: Sequence[PreparedRadiograph], model: nn.Module) -> Tensor:
    """Return X-rays as one float32 tensor (X-rays, 1, size, size), where the model's weights lie."""
    return torch.from_numpy(np.stack([xray.pixels for xray in xrays])).to(next(model.parameters()).device)
