"""What quality control wants to know about each slice of a body mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from TableRemovalLib.borders import tissue_of
from TableRemovalLib.columns import Columns
from TableRemovalLib.outline_checks import OutlineChecker
from TableRemovalLib.region_growing import seed_square
from TableRemovalLib.region_kernels import measure_slice
from TableRemovalLib.slice_workers import for_slice_ranges
from TableRemovalLib.table_sheet import table_sheets

THRESHOLD_LIMIT = "threshold reached its limit"
SEED_IN_AIR = "seed started in air"
AREA_JUMP = "area jumps against the neighbours"
TISSUE_LEFT_OUT = "soft tissue left out"
AIR_INSIDE = "air or foam inside the outline"
HOLE = "hole or leak"
APART = "object kept beside the body"
NO_BODY = "no body found"
ALL_FLAGS = (THRESHOLD_LIMIT, SEED_IN_AIR, AREA_JUMP, TISSUE_LEFT_OUT, AIR_INSIDE, HOLE, APART, NO_BODY)

AREA_JUMP_SHARE = 0.12
LEAST_TISSUE_MM2 = 1000.0
SEED_AIR_HU = -500.0
_NEIGHBOURS = 3


@dataclass(frozen=True)
class SliceRecord:
    """One slice of a body mask.

    index: slice number k. area_mm2: area of the mask. threshold_used: T_G in [0, 1] that decided the slice.
    components: separate regions of the mask (8-connected). flags: what is likely wrong, in words of ALL_FLAGS. at_edge:
    whether the body touches the edge of the field of view. seconds: time spent on this slice alone; it makes no record
    differ from another.
    """

    index: int
    area_mm2: float
    threshold_used: float
    components: int
    flags: tuple[str, ...] = ()
    at_edge: bool = False
    seconds: float = field(default=0.0, compare=False)


def seed_flag(image: np.ndarray, seed_ij: tuple[int, int] | None, seed_size: int) -> tuple[str, ...]:
    """Tell whether the seed square lies in air: its mean is below -500 HU.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    seed_ij
        Column and row of the seed square's centre; None: the slice's centre.
    seed_size
        Side of the seed square, pixels.

    Returns
    -------
    tuple of str
        (SEED_IN_AIR,) or ().
    """
    rows, columns = image.shape
    first_row, stop_row, first_column, stop_column = seed_square(rows, columns, seed_ij, seed_size)
    mean = np.mean(image[first_row:stop_row, first_column:stop_column])
    return (SEED_IN_AIR,) if mean < SEED_AIR_HU else ()


def area_jumps(areas_mm2: np.ndarray) -> np.ndarray:
    """Find slices whose area is far from the median of the three slices on either side of it.

    Far is more than 12 % of the larger one. A steady taper is no jump: the median of both sides lies in
    between. Slices without a body, and those whose neighbours have none, are left out.

    Parameters
    ----------
    areas_mm2
        Area of each slice, mm2 [k].

    Returns
    -------
    np.ndarray
        bool [k].
    """
    areas = np.asarray(areas_mm2, dtype=float)
    jumps = np.zeros(areas.size, dtype=bool)
    for k in range(areas.size):
        first = max(0, min(k - _NEIGHBOURS, areas.size - 2 * _NEIGHBOURS - 1))
        window = areas[first : first + 2 * _NEIGHBOURS + 1]
        if window.size < 3:
            continue
        around = np.median(np.delete(window, k - first))
        jumps[k] = bool(np.all(window > 0)) and abs(areas[k] - around) > AREA_JUMP_SHARE * max(areas[k], around, 1.0)
    return jumps


def with_seconds(records: Sequence[SliceRecord], seconds: Iterable[float]) -> list[SliceRecord]:
    """Return the records with the time spent on each slice."""
    return [replace(record, seconds=float(spent)) for record, spent in zip(records, seconds, strict=True)]


def slice_records(
    array: np.ndarray,
    columns: Columns,
    mask: np.ndarray,
    spacing_mm: tuple[float, float, float],
    thresholds: np.ndarray,
    flags: list[tuple[str, ...]],
) -> list[SliceRecord]:
    """Measure a finished mask and add what that says to the flags.

    What needs intensities in HU is not looked for in a scan that has others (`outline_checks`).

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    columns
        The scan's statistics along k.
    mask
        uint8 0/1 [k, j, i].
    spacing_mm
        Voxel size along i, j, k, mm.
    thresholds
        T_G used in each slice, [k].
    flags
        Those that the method itself has raised, for each slice.

    Returns
    -------
    list of SliceRecord
        One for each slice.
    """
    edge, in_hu = columns.edge_of_view(), tissue_of(array).in_hu
    sheets = table_sheets(columns, spacing_mm, mask.shape[0])
    slices = mask.shape[0]
    measures = np.empty((slices, 3), dtype=np.int64)
    tissue = np.empty(slices, dtype=np.int64)
    findings = np.zeros((slices, 4), dtype=bool)

    def work(first: int, stop: int) -> None:
        checker = OutlineChecker(spacing_mm, sheets, columns.measured, in_hu)
        for k in range(first, stop):
            measures[k] = measure_slice(mask[k], edge)
            tissue[k] = np.count_nonzero(array[k] > columns.border_hu) if measures[k, 0] == 0 else 0
            if measures[k, 0] > 0:
                found = checker.check(array[k], mask[k])
                findings[k] = found.left_out, found.air_inside, found.hole, found.apart

    for_slice_ranges(work, slices)
    pixel_mm2 = spacing_mm[0] * spacing_mm[1]
    areas = measures[:, 0] * pixel_mm2
    found = {
        NO_BODY: tissue * pixel_mm2 >= LEAST_TISSUE_MM2,
        AREA_JUMP: area_jumps(areas),
        TISSUE_LEFT_OUT: findings[:, 0],
        AIR_INSIDE: findings[:, 1],
        HOLE: findings[:, 2],
        APART: findings[:, 3],
    }
    return [
        SliceRecord(
            index=k,
            area_mm2=float(areas[k]),
            threshold_used=float(thresholds[k]),
            components=int(measures[k, 2]),
            flags=(*flags[k], *(flag for flag, raised in found.items() if raised[k])),
            at_edge=bool(measures[k, 1] > 0),
        )
        for k in range(slices)
    ]
