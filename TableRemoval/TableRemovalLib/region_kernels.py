"""Compiled steps on one slice: connected regions of a mask, and its holes.

A kernel calls none of another file: numba's cache looks at one file only, and would go on using the old one after that
file has changed. Masks are uint8 [j, i] arrays of 0 and 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _root(parent: np.ndarray, number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


@njit(cache=True, nogil=True)
def _join_row(runs: np.ndarray, first: int, middle: int, last: int, reach: int, parent: np.ndarray) -> None:
    """Join the runs first..middle of one row with middle..last of the next where they touch."""
    upper, lower = first, middle
    while upper < middle and lower < last:
        if runs[upper, 1] < runs[lower, 2] + reach and runs[lower, 1] < runs[upper, 2] + reach:
            a, b = _root(parent, upper), _root(parent, lower)
            if a != b:
                parent[max(a, b)] = min(a, b)
        if runs[upper, 2] < runs[lower, 2]:
            upper += 1
        else:
            lower += 1


@njit(cache=True, nogil=True)
def _scan_row(pixels: np.ndarray, row: int, value: np.uint8, runs: np.ndarray, count: int) -> int:
    within = False
    for column in range(pixels.size):
        if (pixels[column] == value) != within:
            within = not within
            if within:
                runs[count, 0], runs[count, 1] = row, column
            else:
                runs[count, 2] = column
                count += 1
    if within:
        runs[count, 2] = pixels.size
        count += 1
    return count


@njit(cache=True, nogil=True)
def find_runs(mask: np.ndarray, value: int, diagonal: bool) -> tuple[np.ndarray, int]:
    """Find the runs of equal pixels in a slice, and the connected regions that they make up.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    value
        Which pixels: those equal to it.
    diagonal
        Whether pixels that touch by a corner are connected (8 neighbours) or not (4 neighbours).

    Returns
    -------
    tuple of np.ndarray and int
        Runs, int32 [n, 4] (row, first column, stop column, region from 0 on), and how many regions.
    """
    rows, columns = mask.shape
    runs = np.empty((rows * ((columns + 1) // 2), 4), dtype=np.int32)
    starts = np.empty(rows + 1, dtype=np.int32)
    count = 0
    for row in range(rows):
        starts[row] = count
        count = _scan_row(mask[row], row, np.uint8(value), runs, count)
    starts[rows] = count
    runs = runs[:count].copy()
    parent = np.arange(count)
    for row in range(1, rows):
        _join_row(runs, starts[row - 1], starts[row], starts[row + 1], 1 if diagonal else 0, parent)
    return runs, _number_regions(runs, parent)


@njit(cache=True, nogil=True)
def _number_regions(runs: np.ndarray, parent: np.ndarray) -> int:
    regions = 0
    for number in range(parent.size):
        root = _root(parent, number)
        if root == number:
            runs[number, 3] = regions
            regions += 1
        else:
            runs[number, 3] = runs[root, 3]
    return regions


@njit(cache=True, nogil=True)
def touches_edge(runs: np.ndarray, regions: int, rows: int, columns: int) -> np.ndarray:
    """Tell which regions reach the slice's first or last row or column.

    Parameters
    ----------
    runs
        As from `find_runs`, int32 [n, 4]: row, first column, stop column, region.
    regions
        How many regions there are.
    rows
        Rows of the slice.
    columns
        Columns of the slice.

    Returns
    -------
    np.ndarray
        bool [regions].
    """
    touching = np.zeros(regions, dtype=np.bool_)
    for n in range(runs.shape[0]):
        if runs[n, 0] == 0 or runs[n, 0] == rows - 1 or runs[n, 1] == 0 or runs[n, 2] == columns:
            touching[runs[n, 3]] = True
    return touching


@njit(cache=True, nogil=True)
def region_areas(runs: np.ndarray, regions: int) -> np.ndarray:
    """Count the pixels of each region.

    Parameters
    ----------
    runs
        As from `find_runs`, int32 [n, 4]: row, first column, stop column, region.
    regions
        How many regions there are.

    Returns
    -------
    np.ndarray
        int64 [regions].
    """
    areas = np.zeros(regions, dtype=np.int64)
    for n in range(runs.shape[0]):
        areas[runs[n, 3]] += runs[n, 2] - runs[n, 1]
    return areas


@njit(cache=True, nogil=True)
def paint_regions(runs: np.ndarray, values: np.ndarray, mask: np.ndarray) -> None:
    """Set the pixels of each region, in place.

    Parameters
    ----------
    runs
        As from `find_runs`, int32 [n, 4]: row, first column, stop column, region.
    values
        Value of each region, uint8 [regions]; 255 leaves its pixels as they are.
    mask
        uint8 [j, i].
    """
    for n in range(runs.shape[0]):
        value = values[runs[n, 3]]
        if value != 255:
            mask[runs[n, 0], runs[n, 1] : runs[n, 2]] = value


@njit(cache=True, nogil=True)
def fill_holes(mask: np.ndarray) -> None:
    """Fill, in place, what cannot be reached from the edge of a mask.

    The way from the edge goes over the four direct neighbours, so a diagonal line of pixels is a closed border.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].

    Examples
    --------
    >>> import numpy as np
    >>> ring = np.ones((3, 3), dtype=np.uint8)
    >>> ring[1, 1] = 0
    >>> fill_holes(ring)
    >>> int(ring[1, 1])
    1
    """
    runs, regions = find_runs(mask, 0, False)
    outside = touches_edge(runs, regions, mask.shape[0], mask.shape[1])
    values = np.empty(regions, dtype=np.uint8)
    for region in range(regions):
        values[region] = 255 if outside[region] else 1
    paint_regions(runs, values, mask)


@njit(cache=True, nogil=True)
def has_holes(mask: np.ndarray) -> bool:
    """Tell whether a mask has a hole: see `fill_holes`.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].

    Returns
    -------
    bool
        Whether it has.
    """
    runs, regions = find_runs(mask, 0, False)
    return not touches_edge(runs, regions, mask.shape[0], mask.shape[1]).all()


@njit(cache=True, nogil=True)
def _count_wall(
    runs: np.ndarray, outside: np.ndarray, mask: np.ndarray, thick: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (thick pixels, all pixels) of the mask next to each region that is not outside, on its 4 sides."""
    rows, columns = mask.shape
    solid = np.zeros(outside.size, dtype=np.int64)
    wall = np.zeros(outside.size, dtype=np.int64)
    for n in range(runs.shape[0]):
        row, first, stop, region = runs[n, 0], runs[n, 1], runs[n, 2], runs[n, 3]
        if outside[region]:
            continue
        if first > 0:
            wall[region] += 1
            solid[region] += thick[row, first - 1]
        if stop < columns:
            wall[region] += 1
            solid[region] += thick[row, stop]
        for other in (row - np.int32(1), row + np.int32(1)):
            if 0 <= other < rows:
                for column in range(first, stop):
                    wall[region] += mask[other, column]
                    solid[region] += mask[other, column] & thick[other, column]
    return solid, wall


@njit(cache=True, nogil=True)
def fill_walled_holes(mask: np.ndarray, thick: np.ndarray, least_share: float) -> None:
    """Fill, in place, those holes of a mask whose wall is mostly thick.

    A hole in the patient (lung, bowel gas) has thick walls nearly all round; a pocket of air between the back and
    a sheet has skin on one side and the sheet on the other.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    thick
        The thick parts of the mask, uint8 0/1 [j, i].
    least_share
        Least share of a hole's wall that has to be thick, 0 to 1.
    """
    runs, regions = find_runs(mask, 0, False)
    outside = touches_edge(runs, regions, mask.shape[0], mask.shape[1])
    solid, wall = _count_wall(runs, outside, mask, thick)
    values = np.full(regions, 255, dtype=np.uint8)
    for region in range(regions):
        if not outside[region] and solid[region] >= least_share * wall[region]:
            values[region] = 1
    paint_regions(runs, values, mask)


@njit(cache=True, nogil=True)
def label_slice(mask: np.ndarray, least_area: float, labels: np.ndarray) -> int:
    """Number the 8-connected regions of a mask from 1 on.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    least_area
        Smaller regions are left out, pixels.
    labels
        Where the numbers go, uint8 [j, i]; other pixels get 0.

    Returns
    -------
    int
        How many were numbered: at most 254, the first ones from the top.
    """
    runs, regions = find_runs(mask, 1, True)
    areas = region_areas(runs, regions)
    values = np.zeros(regions, dtype=np.uint8)
    count = 0
    for region in range(regions):
        if areas[region] >= least_area and count < 254:
            count += 1
            values[region] = count
    labels[:] = 0
    paint_regions(runs, values, labels)
    return count


@njit(cache=True, nogil=True)
def measure_slice(mask: np.ndarray, edge: np.ndarray) -> tuple[int, int, int]:
    """Measure a mask.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    edge
        1 at the edge of what was measured, uint8 [j, i].

    Returns
    -------
    tuple of int
        Area, pixels that lie on `edge`, number of 8-connected regions.
    """
    area, touching = 0, 0
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            area += mask[row, column]
            touching += mask[row, column] & edge[row, column]
    return area, touching, find_runs(mask, 1, True)[1]
