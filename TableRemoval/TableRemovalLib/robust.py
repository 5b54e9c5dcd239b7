"""The robust method: what is thick, soft and changes along the scan is patient.

1. The table's sheets are what is thin, wide and the same in nearly all slices (`table_sheet`).
2. In each slice, at full resolution, tissue without those sheets is closed to a solid: holes are filled, those with
   a thin wall only where most of the wall is thick; then what is thinner than 9 mm is taken away: cloth, cables, the
   rest of the sheets. The chest wall is safe, because the lung behind it has been filled. What is darker than fat at
   the outside, up to 3 mm of it, is the cover of a mattress pressed against the skin and goes too (`peel`).
3. Regions that overlap from slice to slice are joined to bodies, and the bodies that are patient are kept
   (`regions`): the largest, and limbs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from TableRemovalLib.columns import column_statistics
from TableRemovalLib.mask_kernels import (
    disc_half_heights,
    either,
    fill_holes,
    fill_walled_holes,
    has_holes,
    label_slice,
    open_mask,
    overlaps,
    peel,
    region_tissues,
    relabel,
    threshold_slice,
)
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.quality import SliceRecord, seed_flag, slice_records, with_seconds
from TableRemovalLib.region_growing import RANGE_HU, seed_square
from TableRemovalLib.regions import TISSUE_BORDERS_HU, SliceRegions, body_counts, join_regions, patient_bodies
from TableRemovalLib.slice_workers import for_slice_ranges
from TableRemovalLib.table_sheet import table_sheets

BORDER_HU = -500.0
SOFT_TISSUE_HU = (-250.0, 200.0)
TYPICAL_TISSUE_HU = 32.0
SHEET_RADIUS_MM = 2.0
CLOTH_RADIUS_MM = 4.5
LEAST_WALL_SHARE = 0.65
COVER_HU = -120.0
COVER_MM = 3.0
LEAST_REGION_MM2 = 60.0


class SliceMaker:
    """Makes the solid regions of single slices; holds the working memory of one thread."""

    def __init__(self, shape: tuple[int, int], spacing_mm: tuple[float, float, float]) -> None:
        self._sheet_disc = disc_half_heights(SHEET_RADIUS_MM, spacing_mm[0], spacing_mm[1])
        self._cloth_disc = disc_half_heights(CLOTH_RADIUS_MM, spacing_mm[0], spacing_mm[1])
        self._cover_layers = max(1, round(COVER_MM / spacing_mm[1]))
        self._least_area = LEAST_REGION_MM2 / (spacing_mm[0] * spacing_mm[1])
        self._tissue = np.empty(shape, dtype=np.uint8)
        self._solid = np.empty(shape, dtype=np.uint8)
        self._work = np.empty(shape, dtype=np.uint8)

    def solid(self, image: np.ndarray, blocked: np.ndarray, border_hu: float) -> np.ndarray:
        """Find the solid parts of a slice.

        Parameters
        ----------
        image
            A slice in HU, int16 or float32 [j, i].
        blocked
            1 where the table is, uint8 [j, i].
        border_hu
            Border between air and tissue, HU.

        Returns
        -------
        np.ndarray
            uint8 0/1 [j, i]; it belongs to this object and is overwritten by the next call.
        """
        threshold_slice(image, border_hu, blocked, self._tissue)
        open_mask(self._tissue, self._sheet_disc, self._work, self._solid)
        fill_holes(self._solid)
        either(self._solid, self._tissue, self._tissue)
        if has_holes(self._tissue):
            open_mask(self._tissue, self._sheet_disc, self._work, self._solid)
            fill_walled_holes(self._tissue, self._solid, LEAST_WALL_SHARE)
        open_mask(self._tissue, self._cloth_disc, self._work, self._solid)
        peel(image, self._solid, COVER_HU, self._cover_layers)
        return self._solid

    def regions(
        self, image: np.ndarray, blocked: np.ndarray, static: np.ndarray, border_hu: float, labels: np.ndarray
    ) -> SliceRegions:
        """Number the solid regions of a slice and count their tissues.

        Parameters
        ----------
        image
            A slice in HU, int16 or float32 [j, i].
        blocked
            1 where the table is, uint8 [j, i].
        static
            1 where the scan hardly changes along k, uint8 [j, i].
        border_hu
            Border between air and tissue, HU.
        labels
            Where the numbers go, uint8 [j, i].

        Returns
        -------
        SliceRegions
            What each region consists of.
        """
        count = label_slice(self.solid(image, blocked, border_hu), self._least_area, labels)
        return SliceRegions(region_tissues(image, labels, static, count, TISSUE_BORDERS_HU))


def robust_mask(
    array: np.ndarray,
    spacing_mm: tuple[float, float, float],
    options: TableRemovalOptions,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, list[SliceRecord]]:
    """Body mask of a volume by the robust method.

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
    border_hu, threshold = border_between_air_and_tissue(array, options.threshold)
    columns = column_statistics(array, border_hu)
    sheets = table_sheets(columns, spacing_mm, array.shape[0])
    labels: np.ndarray = np.empty(array.shape, dtype=np.uint8)
    seconds = np.empty(array.shape[0])
    regions = _label_slices(array, labels, sheets, columns.static(), spacing_mm, border_hu, progress, seconds)
    bodies = join_regions(regions, _share_slices(labels, regions))
    trunk = None if options.seed_ij is None else _body_at_seed(labels, bodies, options)
    keep = np.append(patient_bodies(*body_counts(regions, bodies), spacing_mm, trunk), False)
    for k in range(labels.shape[0]):
        relabel(labels[k], keep[bodies[k]].astype(np.uint8))
    flags = _seed_flags(array, options)
    records = slice_records(array, columns, labels, spacing_mm, np.full(labels.shape[0], threshold), flags)
    return labels, with_seconds(records, seconds)


def border_between_air_and_tissue(array: np.ndarray, threshold: float | None) -> tuple[float, float]:
    """Find the border between air and tissue.

    It is -500 HU, half-way between air and skin, or, where a threshold is given, the median of the volume's soft tissue
    (-250 to 200 HU) minus threshold * 4095 HU.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    threshold
        T_G in [0, 1], or None.

    Returns
    -------
    tuple of float
        The border in HU; the same as T_G below the typical intensity of soft tissue.
    """
    if threshold is None:
        return BORDER_HU, (TYPICAL_TISSUE_HU - BORDER_HU) / RANGE_HU
    sample = array[:: max(1, array.shape[0] // 24), ::4, ::4]
    soft = sample[(sample > SOFT_TISSUE_HU[0]) & (sample < SOFT_TISSUE_HU[1])]
    middle = float(np.median(soft)) if soft.size else TYPICAL_TISSUE_HU
    return middle - threshold * RANGE_HU, threshold


def _label_slices(
    array: np.ndarray,
    labels: np.ndarray,
    sheets: np.ndarray,
    static: np.ndarray,
    spacing_mm: tuple[float, float, float],
    border_hu: float,
    progress: Callable[[float], None] | None,
    seconds: np.ndarray,
) -> list[SliceRegions]:
    def work(first: int, stop: int) -> list[SliceRegions]:
        maker, found = SliceMaker(array.shape[1:], spacing_mm), []
        for k in range(first, stop):
            started = time.perf_counter()
            found.append(maker.regions(array[k], sheets, static, border_hu, labels[k]))
            seconds[k] = time.perf_counter() - started
        return found

    return [regions for part in for_slice_ranges(work, array.shape[0], progress) for regions in part]


def _share_slices(labels: np.ndarray, regions: list[SliceRegions]) -> list[np.ndarray]:
    def work(first: int, stop: int) -> list[np.ndarray]:
        return [
            overlaps(labels[k], labels[k + 1], regions[k].number, regions[k + 1].number) for k in range(first, stop)
        ]

    return [counts for part in for_slice_ranges(work, labels.shape[0] - 1) for counts in part]


def _body_at_seed(labels: np.ndarray, bodies: list[np.ndarray], options: TableRemovalOptions) -> int | None:
    """Number of the body that fills most of the seed squares of all slices; None where there is none."""
    _slices, rows, columns = labels.shape
    first_row, stop_row, first_column, stop_column = seed_square(rows, columns, options.seed_ij, options.seed_size)
    votes = np.zeros(2 + max(b.max() for b in bodies), dtype=np.int64)
    for k, numbers in enumerate(bodies):
        square = labels[k, first_row:stop_row, first_column:stop_column]
        np.add.at(votes, numbers[square.ravel()], 1)
    return int(np.argmax(votes[:-1])) if votes[:-1].any() else None


def _seed_flags(array: np.ndarray, options: TableRemovalOptions) -> list[tuple[str, ...]]:
    if options.seed_ij is None:
        return [()] * array.shape[0]
    return [seed_flag(image, options.seed_ij, options.seed_size) for image in array]
