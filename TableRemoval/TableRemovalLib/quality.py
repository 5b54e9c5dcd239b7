"""What quality control wants to know about each slice of a body mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from TableRemovalLib.columns import Columns
from TableRemovalLib.mask_kernels import dilate, disc_half_heights, measure_slice, widest_touching
from TableRemovalLib.region_growing import seed_square
from TableRemovalLib.slice_workers import for_slice_ranges

THRESHOLD_LIMIT = "threshold reached its limit"
EDGE_OF_VIEW = "body touches the edge of the field of view"
SEED_IN_AIR = "seed started in air"
AREA_JUMP = "area jumps against the neighbours"
TABLE_CONTACT = "table contact"
NO_BODY = "no body found"
ALL_FLAGS = (THRESHOLD_LIMIT, EDGE_OF_VIEW, SEED_IN_AIR, AREA_JUMP, TABLE_CONTACT, NO_BODY)

AREA_JUMP_SHARE = 0.12
CONTACT_WIDTH_MM = 40.0
RIM_MM = 3.0
SEED_AIR_HU = -500.0
_NEIGHBOURS = 3


@dataclass(frozen=True)
class SliceRecord:
    """One slice of a body mask.

    index: slice number k. area_mm2: area of the mask. threshold_used: T_G in [0, 1] that decided the slice.
    components: separate regions of the mask (8-connected). flags: what to look at, in words of ALL_FLAGS. seconds: time
    spent on this slice alone; it makes no record differ from another.
    """

    index: int
    area_mm2: float
    threshold_used: float
    components: int
    flags: tuple[str, ...] = ()
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
    between.

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
        jumps[k] = abs(areas[k] - around) > AREA_JUMP_SHARE * max(areas[k], around, 1.0)
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

    Table contact means that something that was removed and is 40 mm wide or more reaches within 3 mm of the body:
    table, mattress or blanket.

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
    edge = columns.edge_of_view()
    rim = disc_half_heights(RIM_MM, spacing_mm[0], spacing_mm[1])
    slices = mask.shape[0]
    measures = np.empty((slices, 4), dtype=np.int64)

    def work(first: int, stop: int) -> None:
        spare, near = np.empty(mask.shape[1:], dtype=np.uint8), np.empty(mask.shape[1:], dtype=np.uint8)
        for k in range(first, stop):
            measures[k, :3] = measure_slice(mask[k], edge)
            dilate(mask[k], rim, spare, near)
            measures[k, 3] = widest_touching(array[k], columns.border_hu, near, spare)

    for_slice_ranges(work, slices)
    areas = measures[:, 0] * spacing_mm[0] * spacing_mm[1]
    found = {
        NO_BODY: measures[:, 0] == 0,
        EDGE_OF_VIEW: measures[:, 1] > 0,
        AREA_JUMP: area_jumps(areas),
        TABLE_CONTACT: measures[:, 3] * spacing_mm[0] >= CONTACT_WIDTH_MM,
    }
    return [
        SliceRecord(
            index=k,
            area_mm2=float(areas[k]),
            threshold_used=float(thresholds[k]),
            components=int(measures[k, 2]),
            flags=(*flags[k], *(flag for flag, raised in found.items() if raised[k])),
        )
        for k in range(slices)
    ]
