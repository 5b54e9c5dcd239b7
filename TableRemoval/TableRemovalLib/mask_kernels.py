"""Compiled steps on one slice: connected regions, holes, opening with a disc.

They stand in one file because numba's cache looks at one file only: a compiled function that calls one from another
file goes on using the old one after that file has changed. Masks are uint8 [j, i] arrays of 0 and 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

FARTHEST = 255


def disc_half_heights(radius_mm: float, column_spacing_mm: float, row_spacing_mm: float) -> np.ndarray:
    """Rasterise a disc.

    Parameters
    ----------
    radius_mm
        Its radius, mm.
    column_spacing_mm
        Pixel size along a row, mm.
    row_spacing_mm
        Pixel size along a column, mm.

    Returns
    -------
    np.ndarray
        uint8 [2 n + 1]: how many pixels it reaches up and down, for each column from -n to n.
    """
    columns = int(radius_mm / column_spacing_mm)
    heights = [math.sqrt(radius_mm**2 - (n * column_spacing_mm) ** 2) for n in range(-columns, columns + 1)]
    return np.array([min(FARTHEST - 1, int(h / row_spacing_mm)) for h in heights], dtype=np.uint8)


@njit(cache=True, nogil=True)
def _one_farther(mask: np.ndarray, value: np.uint8, distance: np.ndarray) -> None:
    """Take `distance` of one row to the next row: one more where its `mask` is `value`, 0 elsewhere."""
    for column in range(mask.size):
        farther = min(distance[column], np.uint8(FARTHEST - 1)) + np.uint8(1)
        distance[column] = np.uint8(farther) if mask[column] == value else np.uint8(0)


@njit(cache=True, nogil=True)
def _to_smaller(first: np.ndarray, second: np.ndarray) -> None:
    for column in range(first.size):
        first[column] = min(first[column], second[column])


@njit(cache=True, nogil=True)
def _keep_above(values: np.ndarray, limit: int, kept: np.ndarray) -> None:
    for column in range(kept.size):
        kept[column] &= np.uint8(values[column] > limit)


@njit(cache=True, nogil=True)
def _distance_along_columns(mask: np.ndarray, value: int, distance: np.ndarray) -> None:
    """Pixels from each pixel to the nearest one in its column that differs from `value` (at most 255, 0 there)."""
    rows, columns = mask.shape
    run = np.full(columns, FARTHEST, dtype=np.uint8)
    for row in range(rows):
        _one_farther(mask[row], np.uint8(value), run)
        distance[row] = run
    run[:] = FARTHEST
    for row in range(rows - 1, -1, -1):
        _one_farther(mask[row], np.uint8(value), run)
        _to_smaller(distance[row], run)


@njit(cache=True, nogil=True)
def _keep_deep(distance: np.ndarray, half_heights: np.ndarray, result: np.ndarray) -> None:
    """result: 1 where the disc around a pixel meets no zero distance; beyond the slice there is nothing to meet."""
    rows, columns = distance.shape
    reach = half_heights.size // 2
    for row in range(rows):
        result[row, :] = 1
        for step in range(-reach, reach + 1):
            first, stop = max(0, -step), min(columns, columns - step)
            _keep_above(distance[row, first + step : stop + step], half_heights[step + reach], result[row, first:stop])


@njit(cache=True, nogil=True)
def erode(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Erode a mask by a disc.

    What lies beyond the slice counts as tissue, so a body cut by the slice's edge is not eroded there.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    _distance_along_columns(mask, 1, distance)
    _keep_deep(distance, half_heights, result)


@njit(cache=True, nogil=True)
def dilate(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Dilate a mask by a disc.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    _distance_along_columns(mask, 0, distance)
    _keep_deep(distance, half_heights, result)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = 1 - result[row, column]


@njit(cache=True, nogil=True)
def open_mask(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Open a mask by a disc: erode, then dilate.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        As from `disc_half_heights`, uint8 [2 n + 1].
    distance
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i]; it may be `mask`.
    """
    erode(mask, half_heights, distance, result)
    dilate(result, half_heights, distance, result)


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
def _has_neighbour(mask: np.ndarray, row: int, column: int, value: int) -> bool:
    """Whether one of the four neighbours in the slice has this value."""
    return (
        (row > 0 and mask[row - 1, column] == value)
        or (row + 1 < mask.shape[0] and mask[row + 1, column] == value)
        or (column > 0 and mask[row, column - 1] == value)
        or (column + 1 < mask.shape[1] and mask[row, column + 1] == value)
    )


@njit(cache=True, nogil=True)
def peel(image: np.ndarray, mask: np.ndarray, border_hu: float, layers: int) -> int:
    """Take from a mask, in place, what is darker than a border at its outside.

    Up to `layers` layers of pixels go, one after the other (4 neighbours); the pixels next to what stays are given
    back, because the outermost pixel of the skin is part air.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    mask
        uint8 0/1 [j, i].
    border_hu
        What is darker goes, HU.
    layers
        Most layers of pixels.

    Returns
    -------
    int
        How many pixels went.
    """
    rows, columns = mask.shape
    removed = np.empty((mask.size, 2), dtype=np.int32)
    count = 0
    for row in range(rows):
        for column in range(columns):
            if mask[row, column] and image[row, column] < border_hu and _has_neighbour(mask, row, column, 0):
                removed[count, 0], removed[count, 1] = row, column
                count += 1
    start = 0
    for layer in range(layers):
        stop = count
        for n in range(start, stop):
            mask[removed[n, 0], removed[n, 1]] = 0
        if layer + 1 == layers:
            break
        for n in range(start, stop):
            for side in range(4):
                row = removed[n, 0] + (side == 0) - (side == 1)
                column = removed[n, 1] + (side == 2) - (side == 3)
                if not (0 <= row < rows and 0 <= column < columns):
                    continue
                if mask[row, column] == 1 and image[row, column] < border_hu:
                    mask[row, column] = 2
                    removed[count, 0], removed[count, 1] = row, column
                    count += 1
        start = stop
    given_back = 0
    for n in range(count):
        if _has_neighbour(mask, removed[n, 0], removed[n, 1], 1):
            removed[given_back] = removed[n]
            given_back += 1
    for n in range(given_back):
        mask[removed[n, 0], removed[n, 1]] = 1
    return count - given_back


@njit(cache=True, nogil=True)
def threshold_slice(
    image: np.ndarray, lowest_hu: float, highest_hu: float, blocked: np.ndarray, mask: np.ndarray
) -> None:
    """Find what lies between two borders and is not blocked.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    lowest_hu
        What is above it is found, HU.
    highest_hu
        What is above it is not, HU.
    blocked
        1 where the table is, uint8 [j, i].
    mask
        Where the answer goes, uint8 0/1 [j, i].
    """
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            value = image[row, column]
            mask[row, column] = (
                np.uint8(value > lowest_hu) & np.uint8(value <= highest_hu) & (blocked[row, column] == 0)
            )


@njit(cache=True, nogil=True)
def either(first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
    """Join two masks.

    Parameters
    ----------
    first
        uint8 0/1 [j, i].
    second
        uint8 0/1 [j, i].
    result
        1 where either is, uint8 [j, i]; it may be one of them.
    """
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = first[row, column] | second[row, column]


@njit(cache=True, nogil=True)
def grow_into(mask: np.ndarray, half_heights: np.ndarray, allowed: np.ndarray, work: np.ndarray) -> None:
    """Grow a mask, in place, into another one within a disc around it.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    half_heights
        The disc, as from `disc_half_heights`, uint8 [2 n + 1].
    allowed
        Where it may grow, uint8 0/1 [j, i].
    work
        Working memory, uint8 [2, j, i].
    """
    dilate(mask, half_heights, work[0], work[1])
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            mask[row, column] |= work[1, row, column] & allowed[row, column]


@njit(cache=True, nogil=True)
def _lasts(masks: np.ndarray, k: int, row: int, column: int, least: int) -> bool:
    """Whether a pixel is 1 in so many slices in a row; what lies beyond the ends of the scan counts as 1."""
    length = 1
    for step in (-1, 1):
        other = k + step
        while length < least:
            if other < 0 or other >= masks.shape[0]:
                return True
            if masks[other, row, column] == 0:
                break
            length += 1
            other += step
    return length >= least


@njit(cache=True, nogil=True)
def keep_lasting(
    masks: np.ndarray, k: int, least: int, half_heights: np.ndarray, work: np.ndarray, result: np.ndarray
) -> None:
    """Find what of a slice's mask is there in several slices in a row, or within a disc around that.

    Parameters
    ----------
    masks
        Masks of all slices, uint8 0/1 [k, j, i].
    k
        Which slice.
    least
        Slices in a row; those beyond the ends of the scan count.
    half_heights
        The disc, as from `disc_half_heights`, uint8 [2 n + 1].
    work
        Working memory, uint8 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i].
    """
    gone = False
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            lasting = masks[k, row, column] != 0 and _lasts(masks, k, row, column, least)
            gone |= (masks[k, row, column] != 0) and not lasting
            result[row, column] = np.uint8(lasting)
    if gone:
        dilate(result, half_heights, work, result)
        for row in range(result.shape[0]):
            for column in range(result.shape[1]):
                result[row, column] &= masks[k, row, column]


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
def _beside(image: np.ndarray, row: int, column: int, lowest_hu: int, highest_hu: int) -> bool:
    """Whether one of the four neighbours is outside of two borders."""
    rows, columns = image.shape
    for side in range(4):
        r = row + (side == 0) - (side == 1)
        c = column + (side == 2) - (side == 3)
        if 0 <= r < rows and 0 <= c < columns and not lowest_hu <= image[r, c] < highest_hu:
            return True
    return False


@njit(cache=True, nogil=True)
def region_tissues(
    image: np.ndarray, labels: np.ndarray, static: np.ndarray, regions: int, borders_hu: np.ndarray, air_hu: int
) -> np.ndarray:
    """Count what each region of a slice consists of.

    A pixel beside air or metal is of no tissue: it is partly the one and partly the other, and looks like anything.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    labels
        Numbers of regions from 1 on, 0 elsewhere; uint8 [j, i].
    static
        1 where the scan hardly changes along k, uint8 [j, i].
    regions
        How many there are.
    borders_hu
        Five ascending HU values, int64: the borders of four tissues; metal is above the last.
    air_hu
        Pixels below it count as air, HU.

    Returns
    -------
    np.ndarray
        int64 [regions + 1, 6]: pixels in all, pixels of each tissue, pixels where `static` is 1; row 0 is unused.
    """
    counts = np.zeros((regions + 1, 6), dtype=np.int64)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label == 0:
                continue
            value = image[row, column]
            counts[label, 0] += 1
            counts[label, 5] += static[row, column]
            if value < borders_hu[0] or value >= borders_hu[4]:
                continue
            if _beside(image, row, column, air_hu, borders_hu[4]):
                continue
            tissue = 1
            while value >= borders_hu[tissue]:
                tissue += 1
            counts[label, tissue] += 1
    return counts


@njit(cache=True, nogil=True)
def overlaps(first: np.ndarray, second: np.ndarray, first_regions: int, second_regions: int) -> np.ndarray:
    """Count the pixels that the regions of two slices share.

    Parameters
    ----------
    first
        Labels of one slice, uint8 [j, i].
    second
        Labels of the other, uint8 [j, i].
    first_regions
        How many regions the first has.
    second_regions
        How many the second has.

    Returns
    -------
    np.ndarray
        int64 [first_regions + 1, second_regions + 1]; row and column 0 are unused.
    """
    counts = np.zeros((first_regions + 1, second_regions + 1), dtype=np.int64)
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            if first[row, column] and second[row, column]:
                counts[first[row, column], second[row, column]] += 1
    return counts


@njit(cache=True, nogil=True)
def relabel(labels: np.ndarray, values: np.ndarray) -> None:
    """Replace labels, in place.

    Parameters
    ----------
    labels
        Numbers of regions from 1 on, 0 elsewhere; uint8 [j, i].
    values
        New value of each label, uint8.
    """
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            labels[row, column] = values[labels[row, column]]


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


class ColumnSums(NamedTuple):
    """What is known of each column of voxels along k.

    present: voxels above the border, int32 [j, i]; total: sum of HU clamped to -1024..1000, float32 [j, i]; squares:
    sum of their squares, float32 [j, i]; measured: 1 where a voxel is above -1024 HU, uint8 [j, i].
    """

    present: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    measured: np.ndarray


@njit(cache=True, nogil=True)
def add_columns(array: np.ndarray, first: int, stop: int, border_hu: float, sums: ColumnSums) -> None:
    """Add slices of a volume to what is known of each column of voxels along k.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    first
        First slice.
    stop
        The slice after the last one.
    border_hu
        Border between air and tissue, HU.
    sums
        Added to.
    """
    present, total, squares, measured = sums
    rows, columns = present.shape
    for k in range(first, stop):
        for row in range(rows):
            for column in range(columns):
                value = np.float32(min(max(array[k, row, column], -1024), 1000))
                present[row, column] += value > border_hu
                total[row, column] += value
                squares[row, column] += value * value
                measured[row, column] |= np.uint8(value > -1024)


@njit(cache=True, nogil=True)
def surrounded(mask: np.ndarray, result: np.ndarray) -> None:
    """Find what lies outside a mask and has it to the left, to the right, above and below.

    Parameters
    ----------
    mask
        uint8 0/1 [j, i].
    result
        Where the answer goes, uint8 0/1 [j, i].
    """
    rows, columns = mask.shape
    above, below = np.zeros(columns, dtype=np.uint8), np.zeros(columns, dtype=np.uint8)
    for row in range(rows):
        left, right = np.uint8(0), np.uint8(0)
        for column in range(columns):
            left |= mask[row, column]
            above[column] |= mask[row, column]
            result[row, column] = left & above[column] & (1 - mask[row, column])
        for column in range(columns - 1, -1, -1):
            right |= mask[row, column]
            result[row, column] &= right
    for row in range(rows - 1, -1, -1):
        for column in range(columns):
            below[column] |= mask[row, column]
            result[row, column] &= below[column]


@njit(cache=True, nogil=True)
def count_dark(image: np.ndarray, outer: np.ndarray, inner: np.ndarray, apart: np.ndarray, border_hu: float) -> int:
    """Count the pixels of one mask that are darker than a border, without those of two others.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    outer
        Where to count, uint8 0/1 [j, i].
    inner
        Where not, uint8 0/1 [j, i].
    apart
        Where not either, uint8 0/1 [j, i].
    border_hu
        HU.

    Returns
    -------
    int
        How many.
    """
    count = 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if outer[row, column] and not inner[row, column] and not apart[row, column]:
                count += image[row, column] < border_hu
    return count
