"""What each vertebra measures on one scan: density, volume, heights of its body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects

from ..field.box_warp import sample
from ..scan.labels import VERSE_NAMES
from .vertebra_frame import BODY, HALF_MM, PROCESSES, Frame, frames_of, mask_of, parts_of_vertebrae

HEIGHT_STEP_MM = 0.5
HEIGHT_VARIANCE = 1 / 6
"""Variance of a height that is counted in voxels, both of whose ends are known to half a voxel, in squared voxels."""
STRIP = 0.25
FRONT, CENTRE, BACK = (0.08, 0.25), (0.4, 0.6), (0.75, 0.92)
"""Which parts of the way from the body's front to its back wall are front, middle and back."""


@dataclass(frozen=True)
class RegionMeasures:
    """A region on one scan; NaN and 0 ml where it is not there."""

    mean_hu: float
    volume_ml: float


@dataclass(frozen=True)
class BodyHeights:
    """Heights of a vertebral body along its own axis, mm; NaN where they cannot be measured (cut by the scan)."""

    front_mm: float
    middle_mm: float
    back_mm: float


@dataclass(frozen=True)
class VertebraMeasures:
    """A vertebra on one scan: all of it, its body, its processes, the heights of its body.

    height_error_mm: standard deviation of each height, of the voxels' size along the vertebra alone; cut: whether the
    scan ends in it.
    """

    whole: RegionMeasures
    body: RegionMeasures
    processes: RegionMeasures
    heights: BodyHeights
    height_error_mm: float
    cut: bool

    @staticmethod
    def unknown() -> VertebraMeasures:
        """Say that a scan does not show a vertebra."""
        nothing = RegionMeasures(math.nan, math.nan)
        return VertebraMeasures(nothing, nothing, nothing, _UNKNOWN, math.nan, False)


_UNKNOWN = BodyHeights(math.nan, math.nan, math.nan)


def measure_vertebrae(
    image: sitk.Image, labels: sitk.Image, parts: sitk.Image | None = None
) -> dict[int, VertebraMeasures]:
    """Measure the vertebrae of a scan.

    Parameters
    ----------
    image
        CT, HU.
    labels
        VerSe numbers, on its grid; other labels are passed over.
    parts
        1 is the body of a vertebra, 2 its processes, on its grid; None: found from the vertebra's shape.

    Returns
    -------
    dict
        Label to measures.
    """
    numbers = sitk.GetArrayViewFromImage(labels)
    boxes = {
        value: box
        for value, box in enumerate(find_objects(numbers), start=1)
        if box is not None and value in VERSE_NAMES
    }
    if not boxes:
        return {}
    frames = frames_of(labels)
    of_parts = parts_of_vertebrae(labels, frames) if parts is None else sitk.GetArrayViewFromImage(parts)
    hu, voxel_ml = sitk.GetArrayViewFromImage(image), float(np.prod(labels.GetSpacing())) / 1000
    found = {}
    for value, box in boxes.items():
        mask = numbers[box] == value
        regions = [mask, mask & (of_parts[box] == BODY), mask & (of_parts[box] == PROCESSES)]
        whole, body, processes = (_region(hu[box][region], voxel_ml) for region in regions)
        cut = any(side.start == 0 or side.stop == size for side, size in zip(box, numbers.shape, strict=True))
        heights = _UNKNOWN if cut else body_heights(mask_of(labels, value, box), frames[value])
        error = height_error(labels, frames[value])
        found[value] = VertebraMeasures(whole, body, processes, heights, error, cut)
    return found


def _region(values: np.ndarray, voxel_ml: float) -> RegionMeasures:
    mean = float(values.mean(dtype=np.float64)) if values.size else math.nan
    return RegionMeasures(mean, values.size * voxel_ml)


def body_heights(mask: sitk.Image, frame: Frame) -> BodyHeights:
    """Measure the height of a vertebral body near its front, in its middle and near its back wall.

    Parameters
    ----------
    mask
        The vertebra, float32, 1 inside and 0 outside, any grid.
    frame
        How it lies.

    Returns
    -------
    BodyHeights
        Medians over columns along its own axis, in the middle half of its width.
    """
    values = sample(mask, frame.grid(HEIGHT_STEP_MM), outside=0.0) > 0.5
    k, j, i = (int(half / HEIGHT_STEP_MM) for half in HALF_MM[::-1])
    width = np.flatnonzero(values[k, j])
    depth = np.flatnonzero(values[k, : j + int(frame.wall_mm / HEIGHT_STEP_MM) + 1, i])
    if not width.size or not depth.size:
        return _UNKNOWN
    half = max(int(STRIP * (width[-1] - width[0] + 1)), 1)
    middle = (width[0] + width[-1]) // 2
    strip = values[:, :, middle - half : middle + half + 1]
    heights = [
        _height(strip, depth[0] + np.array(part) * (depth[-1] - depth[0] + 1), k) for part in (FRONT, CENTRE, BACK)
    ]
    return BodyHeights(*heights)


def height_error(labels: sitk.Image, frame: Frame) -> float:
    """Say how far off a height is, one standard deviation, by the size of the label's voxels along the vertebra.

    Parameters
    ----------
    labels
        Of which only the geometry counts.
    frame
        How the vertebra lies.

    Returns
    -------
    float
        mm. How well the label fits the bone is not in it.
    """
    along = np.reshape(labels.GetDirection(), (3, 3)).T @ frame.axes[:, 2]
    voxel_mm = np.linalg.norm(along * np.array(labels.GetSpacing()))
    return float(np.sqrt(HEIGHT_VARIANCE * (voxel_mm**2 + HEIGHT_STEP_MM**2)))


def _height(strip: np.ndarray, part: np.ndarray, middle: int) -> float:
    """Median length of the columns of a part of the depth through the middle level, mm; NaN where there is none."""
    first, last = np.round(part).astype(int)
    columns = strip[:, first : max(last, first + 1)]
    columns = columns.reshape(len(columns), -1)
    columns = columns[:, columns[middle]]
    if not columns.shape[1]:
        return math.nan
    up, down = columns[middle:], columns[middle::-1]
    lengths = [np.where(side.all(axis=0), len(side), np.argmin(side, axis=0)) for side in (up, down)]
    return float(np.median(lengths[0] + lengths[1] - 1)) * HEIGHT_STEP_MM
