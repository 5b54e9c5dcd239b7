"""Finding the sheets of a table: thin, wide, and the same in nearly all slices."""

from __future__ import annotations

import numpy as np

from TableRemovalLib.columns import Columns
from TableRemovalLib.disc_kernels import disc_half_heights, open_mask
from TableRemovalLib.region_kernels import find_runs, region_areas

LEAST_PRESENCE = 0.85
THICKEST_MM = 7.0
NARROWEST_MM = 30.0
MOST_DEVIATION_HU = 90.0
TRACE_MM = 3.0
SHORTEST_SCAN_MM = 80.0


def table_sheets(columns: Columns, spacing_mm: tuple[float, float, float], slices: int) -> np.ndarray:
    """Find the sheets of a table, also under the patient's skin that rests on them.

    A sheet is at most 7 mm thick and at least 30 mm wide, is there in 85 % of the slices, and hardly changes its HU
    along the scan, which tells it from a thin wall of the chest. Where the skin rests on it in most slices it cannot
    be seen as a sheet; there its outer side is followed and its thickness taken from the rest. None are looked for in
    scans shorter than 8 cm, where the patient hardly changes either.

    Parameters
    ----------
    columns
        The scan's statistics along k.
    spacing_mm
        Voxel size along i, j, k, mm.
    slices
        How many slices the scan has.

    Returns
    -------
    np.ndarray
        uint8 0/1 [j, i].
    """
    present = (columns.presence >= LEAST_PRESENCE).astype(np.uint8)
    if slices * spacing_mm[2] < SHORTEST_SCAN_MM:
        return np.zeros_like(present)
    thick = np.empty_like(present)
    radius_mm = max(THICKEST_MM / 2, spacing_mm[0], spacing_mm[1])
    disc = disc_half_heights(radius_mm, spacing_mm[0], spacing_mm[1])
    open_mask(present, disc, np.empty_like(present), thick)
    sheets = _wide_and_static(present & (1 - thick), columns.deviation, spacing_mm)
    if sheets.any() and thick.any():
        _trace_contact(sheets, present, _largest_region(thick), spacing_mm)
    return sheets


def _wide_and_static(thin: np.ndarray, deviation: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    runs, regions = find_runs(thin, 1, True)
    sheets = np.zeros_like(thin)
    for region in range(regions):
        own = runs[runs[:, 3] == region]
        if (own[:, 2].max() - own[:, 1].min()) * spacing_mm[0] < NARROWEST_MM:
            continue
        shape = _pixels(own, thin.shape)
        if np.median(deviation[shape]) <= MOST_DEVIATION_HU:
            sheets[shape] = 1
    return sheets


def _pixels(runs: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for row, first, stop, _ in runs:
        mask[row, first:stop] = True
    return mask


def _largest_region(mask: np.ndarray) -> np.ndarray:
    runs, regions = find_runs(mask, 1, True)
    return _pixels(runs[runs[:, 3] == np.argmax(region_areas(runs, regions))], mask.shape)


def _trace_contact(
    sheets: np.ndarray, present: np.ndarray, trunk: np.ndarray, spacing_mm: tuple[float, float, float]
) -> None:
    """Add to `sheets` (uint8 [j, i]) the part of the table's surface that the patient rests on.

    The surface is seen to the left and right of the patient; a parabola through it tells where to look in between.
    """
    trunk_rows = np.flatnonzero(trunk.any(axis=1))
    below = np.median(np.flatnonzero(sheets.any(axis=1))) > np.median(trunk_rows)
    step, edge = (1, trunk_rows[-1]) if below else (-1, trunk_rows[0])
    reach = max(1, round(TRACE_MM / spacing_mm[1]))
    inner, outer = _nearest_runs(sheets != 0, step)
    heights = np.abs(outer - inner) + 1
    surface = (inner >= 0) & (heights * spacing_mm[1] <= THICKEST_MM) & (step * (outer - edge) <= reach)
    seen = np.flatnonzero(surface)
    middle = np.median(np.flatnonzero(trunk.any(axis=0)))
    if min((seen < middle).sum(), (seen > middle).sum()) * spacing_mm[0] < NARROWEST_MM / 2:
        return
    height = int(np.median(heights[seen]))
    curve = np.polynomial.Polynomial.fit(seen, outer[seen], 2)
    for column in np.setdiff1d(np.arange(seen[0], seen[-1]), seen):
        row = _outer_edge(present[:, column], round(float(curve(column))), step, reach)
        if row is not None:
            first, last = sorted((row, row - step * (height - 1)))
            sheets[max(0, first) : last + 1, column] = 1


def _nearest_runs(sheet: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last row of the first run of the sheet in each column, in the direction of `step`; -1: none."""
    rows = sheet.shape[0]
    turned = sheet if step > 0 else sheet[::-1]
    first = turned.argmax(axis=0)
    behind = np.arange(rows)[:, None] > first
    ended = (~turned) & behind
    last = np.where(ended.any(axis=0), ended.argmax(axis=0), rows) - 1
    found = sheet.any(axis=0)
    if step < 0:
        first, last = rows - 1 - first, rows - 1 - last
    return np.where(found, first, -1), np.where(found, last, -1)


def _outer_edge(present: np.ndarray, expected: int, step: int, reach: int) -> int | None:
    """Row nearest to `expected` where tissue ends towards the outside, or None."""
    for offset in sorted(range(-reach, reach + 1), key=abs):
        row = expected + offset
        if 0 < row < present.size - 1 and present[row] and not present[row + step]:
            return row
    return None
