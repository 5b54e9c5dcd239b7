"""The robust method: what is thick, soft and changes along the scan is patient.

1. The table's sheets are what is thin, wide and the same in nearly all slices (`table_sheet`).
2. In each slice, at full resolution, tissue without those sheets is closed to a solid: holes are filled, those with
   a thin wall only where most of the wall is thick; then what is thinner than 9 mm is taken away: cloth, cables, the
   rest of the sheets. The chest wall is safe, because the lung behind it has been filled. Tissue is here what is as
   dense as fat, and not metal: foam, and skins of carbon that are thinner than a voxel and as faint as foam, would
   close to a solid plate, and that at some voxel sizes only. The skin's outermost 2 mm, partly air, are given back;
   what is darker than fat there, up to 3 mm of it, is the cover of a mattress at the skin and goes (`peel`).
3. What is shorter than 8 mm along the scan goes: the wall at the end of a board, a seam.
4. Regions that overlap from slice to slice are joined to bodies, and the bodies that are patient are kept
   (`regions`): the largest, limbs, and what touches them and is not of the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from TableRemovalLib.borders import Borders, tissue_of
from TableRemovalLib.columns import column_statistics
from TableRemovalLib.disc_kernels import disc_half_heights, grow_into, keep_lasting, open_mask
from TableRemovalLib.label_kernels import overlaps, region_tissues, relabel
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.outline_kernels import either, peel, threshold_slice
from TableRemovalLib.quality import SliceRecord, seed_flag, slice_records, with_seconds
from TableRemovalLib.region_growing import seed_square
from TableRemovalLib.region_kernels import fill_holes, fill_walled_holes, has_holes, label_slice
from TableRemovalLib.regions import (
    AIR_HU,
    TISSUE_BORDERS_HU,
    Bodies,
    SliceRegions,
    body_counts,
    join_regions,
    patient_bodies,
)
from TableRemovalLib.slice_workers import for_slice_ranges
from TableRemovalLib.table_sheet import table_sheets

SHEET_RADIUS_MM = 2.0
CLOTH_RADIUS_MM = 4.5
LEAST_WALL_SHARE = 0.65
RIM_MM = 2.0
COVER_MM = 3.0
LEAST_REGION_MM2 = 60.0
LEAST_LENGTH_MM = 8.0
SLACK_MM = 3.0


class SliceMaker:
    """Makes the solid regions of single slices; holds the working memory of one thread."""

    def __init__(self, shape: tuple[int, int], spacing_mm: tuple[float, float, float]) -> None:
        self._sheet_disc = disc_half_heights(SHEET_RADIUS_MM, spacing_mm[0], spacing_mm[1])
        self._cloth_disc = disc_half_heights(CLOTH_RADIUS_MM, spacing_mm[0], spacing_mm[1])
        rim_mm = max(RIM_MM, spacing_mm[0], spacing_mm[1])
        self._rim_disc = disc_half_heights(rim_mm, spacing_mm[0], spacing_mm[1])
        self._cover_layers = max(1, round(COVER_MM / spacing_mm[1]))
        self._least_area = LEAST_REGION_MM2 / (spacing_mm[0] * spacing_mm[1])
        self._tissue = np.empty(shape, dtype=np.uint8)
        self._solid = np.empty(shape, dtype=np.uint8)
        self._rim_work = np.empty((2, *shape), dtype=np.uint8)
        self._work = self._rim_work[0]

    def solid(self, image: np.ndarray, blocked: np.ndarray, borders: Borders) -> np.ndarray:
        """Find the solid parts of a slice.

        Parameters
        ----------
        image
            A slice in HU, int16 or float32 [j, i].
        blocked
            1 where the table is, uint8 [j, i].
        borders
            Those of the scan's tissue.

        Returns
        -------
        np.ndarray
            uint8 0/1 [j, i]; it belongs to this object and is overwritten by the next call.
        """
        threshold_slice(image, borders.dense_hu, borders.metal_hu, blocked, self._tissue)
        open_mask(self._tissue, self._sheet_disc, self._work, self._solid)
        fill_holes(self._solid)
        either(self._solid, self._tissue, self._tissue)
        if has_holes(self._tissue):
            open_mask(self._tissue, self._sheet_disc, self._work, self._solid)
            fill_walled_holes(self._tissue, self._solid, LEAST_WALL_SHARE)
        open_mask(self._tissue, self._cloth_disc, self._work, self._solid)
        threshold_slice(image, borders.air_hu, borders.dense_hu, blocked, self._tissue)
        grow_into(self._solid, self._rim_disc, self._tissue, self._rim_work)
        peel(image, self._solid, borders.cover_hu, self._cover_layers)
        return self._solid

    def regions(self, image: np.ndarray, solid: np.ndarray, static: np.ndarray, labels: np.ndarray) -> SliceRegions:
        """Number the solid regions of a slice and count their tissues.

        Parameters
        ----------
        image
            A slice in HU, int16 or float32 [j, i].
        solid
            As from `solid`, uint8 0/1 [j, i].
        static
            1 where the scan hardly changes along k, uint8 [j, i].
        labels
            Where the numbers go, uint8 [j, i].

        Returns
        -------
        SliceRegions
            What each region consists of.
        """
        count = label_slice(solid, self._least_area, labels)
        return SliceRegions(region_tissues(image, labels, static, count, TISSUE_BORDERS_HU, AIR_HU))


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
    borders = tissue_of(array).borders(options.threshold)
    columns = column_statistics(array, borders.air_hu)
    sheets = table_sheets(columns, spacing_mm, array.shape[0])
    seconds = np.empty(array.shape[0])
    labels, regions = _label_slices(
        array, _solid_slices(array, sheets, spacing_mm, borders, progress, seconds), columns.static(), spacing_mm
    )
    bodies = join_regions(regions, _share_slices(labels, regions))
    trunk = None if options.seed_ij is None else _body_at_seed(labels, bodies, options)
    totals, lengths = body_counts(regions, bodies)
    keep = np.append(patient_bodies(totals, lengths, bodies.touching, spacing_mm, trunk), False)
    for k in range(labels.shape[0]):
        relabel(labels[k], keep[bodies.numbers[k]].astype(np.uint8))
    flags = _seed_flags(array, options)
    records = slice_records(array, columns, labels, spacing_mm, np.full(labels.shape[0], borders.threshold), flags)
    return labels, with_seconds(records, seconds)


def _solid_slices(
    array: np.ndarray,
    sheets: np.ndarray,
    spacing_mm: tuple[float, float, float],
    borders: Borders,
    progress: Callable[[float], None] | None,
    seconds: np.ndarray,
) -> np.ndarray:
    solids = np.empty(array.shape, dtype=np.uint8)

    def work(first: int, stop: int) -> None:
        maker = SliceMaker(array.shape[1:], spacing_mm)
        for k in range(first, stop):
            started = time.perf_counter()
            solids[k] = maker.solid(array[k], sheets, borders)
            seconds[k] = time.perf_counter() - started

    for_slice_ranges(work, array.shape[0], progress)
    return solids


def _label_slices(
    array: np.ndarray, solids: np.ndarray, static: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[np.ndarray, list[SliceRegions]]:
    """Number the regions of all slices, without what is too short along the scan; labels uint8 [k, j, i]."""
    labels = np.empty_like(solids)
    least = max(1, round(LEAST_LENGTH_MM / spacing_mm[2]))
    slack = disc_half_heights(max(SLACK_MM, spacing_mm[2]), spacing_mm[0], spacing_mm[1])

    def work(first: int, stop: int) -> list[SliceRegions]:
        maker, found = SliceMaker(array.shape[1:], spacing_mm), []
        spare, lasting = np.empty(array.shape[1:], dtype=np.uint8), np.empty(array.shape[1:], dtype=np.uint8)
        for k in range(first, stop):
            keep_lasting(solids, k, least, slack, spare, lasting)
            found.append(maker.regions(array[k], lasting, static, labels[k]))
        return found

    return labels, [regions for part in for_slice_ranges(work, array.shape[0]) for regions in part]


def _share_slices(labels: np.ndarray, regions: list[SliceRegions]) -> list[np.ndarray]:
    def work(first: int, stop: int) -> list[np.ndarray]:
        return [
            overlaps(labels[k], labels[k + 1], regions[k].number, regions[k + 1].number) for k in range(first, stop)
        ]

    return [counts for part in for_slice_ranges(work, labels.shape[0] - 1) for counts in part]


def _body_at_seed(labels: np.ndarray, bodies: Bodies, options: TableRemovalOptions) -> int | None:
    """Number of the body that fills most of the seed squares of all slices; None where there is none."""
    _slices, rows, columns = labels.shape
    first_row, stop_row, first_column, stop_column = seed_square(rows, columns, options.seed_ij, options.seed_size)
    votes = np.zeros(2 + max(b.max() for b in bodies.numbers), dtype=np.int64)
    for k, numbers in enumerate(bodies.numbers):
        square = labels[k, first_row:stop_row, first_column:stop_column]
        np.add.at(votes, numbers[square.ravel()], 1)
    return int(np.argmax(votes[:-1])) if votes[:-1].any() else None


def _seed_flags(array: np.ndarray, options: TableRemovalOptions) -> list[tuple[str, ...]]:
    if options.seed_ij is None:
        return [()] * array.shape[0]
    return [seed_flag(image, options.seed_ij, options.seed_size) for image in array]
