"""The paper's method for a whole scan: eq. 1 in each slice, holes filled."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from TableRemovalLib.columns import column_statistics
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.quality import THRESHOLD_LIMIT, SliceRecord, seed_flag, slice_records, with_seconds
from TableRemovalLib.region_growing import grow_paper_slice
from TableRemovalLib.region_kernels import fill_holes
from TableRemovalLib.slice_workers import for_slice_ranges

AIR_HU = -500.0


def paper_slice(image: np.ndarray, options: TableRemovalOptions) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Body mask of one slice: the region of eq. 1 with its holes filled.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    options
        See TableRemovalOptions.

    Returns
    -------
    tuple
        Mask uint8 0/1 [j, i], T_G used in [0, 1], flags. See `region_growing` for the definition.
    """
    mask, threshold, reached = grow_paper_slice(
        image, options.seed_ij, options.seed_size, options.threshold, options.min_area_pixels
    )
    fill_holes(mask)
    flags = () if reached else (THRESHOLD_LIMIT,)
    return mask, threshold, flags + seed_flag(image, options.seed_ij, options.seed_size)


def paper_mask(
    array: np.ndarray,
    spacing_mm: tuple[float, float, float],
    options: TableRemovalOptions,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, list[SliceRecord]]:
    """Body mask of a volume by the paper's method.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    spacing_mm
        Voxel size along i, j, k, mm.
    options
        See TableRemovalOptions.
    progress
        Called with the fraction done, 0 to 1, in the caller's thread; an exception that it raises ends the run.

    Returns
    -------
    tuple
        Mask uint8 0/1 [k, j, i], a record of each slice.
    """
    mask = np.empty(array.shape, dtype=np.uint8)
    thresholds = np.empty(array.shape[0])
    seconds = np.empty(array.shape[0])
    flags: list[tuple[str, ...]] = [()] * array.shape[0]

    def work(first: int, stop: int) -> None:
        for k in range(first, stop):
            started = time.perf_counter()
            mask[k], thresholds[k], flags[k] = paper_slice(array[k], options)
            seconds[k] = time.perf_counter() - started

    for_slice_ranges(work, array.shape[0], progress)
    records = slice_records(array, column_statistics(array, AIR_HU), mask, spacing_mm, thresholds, flags)
    return mask, with_seconds(records, seconds)
