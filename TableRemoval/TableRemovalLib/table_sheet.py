"""Finding the sheets of a table: thin, wide, and the same in nearly all slices."""

from __future__ import annotations

import numpy as np

from TableRemovalLib.columns import Columns
from TableRemovalLib.mask_kernels import disc_half_heights, find_runs, open_mask

LEAST_PRESENCE = 0.85
THICKEST_MM = 7.0
NARROWEST_MM = 80.0
MOST_DEVIATION_HU = 90.0
TRACE_MM = 3.0


def table_sheets(columns: Columns, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return uint8 [j, i]: 1 where a sheet of the table lies, also under the patient's skin that rests on it.

    A sheet is at most 7 mm thick and at least 80 mm wide, is there in 85 % of the slices, and hardly changes its HU
    along the scan, which tells it from a thin wall of the chest. Where the skin rests on it in most slices it cannot
    be seen as a sheet; there its outer side is followed and its thickness taken from the rest.
    """
    present = (columns.presence >= LEAST_PRESENCE).astype(np.uint8)
    thick = np.empty_like(present)
    widths = disc_half_heights(THICKEST_MM / 2, spacing_mm[0], spacing_mm[1])
    open_mask(present, widths, np.empty_like(present), thick)
    thin = present & (1 - thick)
    runs, regions = find_runs(thin, 1, True)
    sheets = np.zeros_like(present)
    for region in range(regions):
        own = runs[runs[:, 3] == region]
        if (own[:, 2].max() - own[:, 1].min()) * spacing_mm[0] < NARROWEST_MM:
            continue
        shape = _pixels(own, present.shape)
        if np.median(columns.deviation[shape]) > MOST_DEVIATION_HU:
            continue
        sheets[shape] = 1
        _trace_contact(shape, present, thick, spacing_mm, sheets)
    return sheets


def _pixels(runs: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for row, first, stop, _ in runs:
        mask[row, first:stop] = True
    return mask


def _trace_contact(sheet, present, thick, spacing_mm, sheets) -> None:
    """Add to `sheets` the part of one sheet (bool [j, i]) that the patient rests on."""
    seen = np.flatnonzero(sheet.any(axis=0))
    top = sheet.argmax(axis=0)[seen]
    bottom = sheet.shape[0] - 1 - sheet[::-1].argmax(axis=0)[seen]
    height = int(np.median(bottom - top)) + 1
    hidden = np.setdiff1d(np.arange(seen[0], seen[-1] + 1), seen)
    if not hidden.size or not thick.any():
        return
    below = np.median(bottom) > np.median(np.flatnonzero(thick.any(axis=1)))
    outer = np.interp(hidden, seen, bottom if below else top)
    step = 1 if below else -1
    reach = max(1, round(TRACE_MM / spacing_mm[1]))
    for column, expected in zip(hidden, outer, strict=True):
        row = _outer_edge(present[:, column], int(round(expected)), step, reach)
        if row is not None:
            first, last = sorted((row, row - step * (height - 1)))
            sheets[max(0, first) : last + 1, column] = 1


def _outer_edge(present, expected, step, reach):
    """Row nearest to `expected` where tissue ends towards the outside, or None."""
    for offset in sorted(range(-reach, reach + 1), key=abs):
        row = expected + offset
        if 0 < row < present.size - 1 and present[row] and not present[row + step]:
            return row
    return None
