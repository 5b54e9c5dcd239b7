"""Compiled steps on one slice: connected regions, holes, opening with a disc.

They stand in one file because numba's cache looks at one file only: a compiled function that calls one from another
file goes on using the old one after that file has changed. Masks are uint8 [j, i] arrays of 0 and 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FARTHEST = 255


def disc_half_heights(radius_mm: float, column_spacing_mm: float, row_spacing_mm: float) -> np.ndarray:
    """Return uint8 [2 n + 1]: how many pixels a disc reaches up and down, for each column from -n to n."""
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
    """Erode `mask` (uint8 0/1 [j, i]) by the disc of `disc_half_heights` into `result`.

    What lies beyond the slice counts as tissue, so a body cut by the slice's edge is not eroded there.
    distance, uint8 [j, i], is working memory. result may be mask.
    """
    _distance_along_columns(mask, 1, distance)
    _keep_deep(distance, half_heights, result)


@njit(cache=True, nogil=True)
def dilate(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Dilate `mask` (uint8 0/1 [j, i]) by the disc of `disc_half_heights` into `result`, which may be mask."""
    _distance_along_columns(mask, 0, distance)
    _keep_deep(distance, half_heights, result)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = 1 - result[row, column]


@njit(cache=True, nogil=True)
def open_mask(mask: np.ndarray, half_heights: np.ndarray, distance: np.ndarray, result: np.ndarray) -> None:
    """Open `mask` (erode, then dilate) by the disc of `disc_half_heights` into `result`, which may be mask."""
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
    """Return (runs, regions): the runs of pixels equal to `value` in `mask` (uint8 [j, i]), and how many regions.

    runs is int32 [n, 4]: row, first column, stop column, region from 0 on. With `diagonal` pixels that touch by a
    corner are connected (8 neighbours), without they are not (4 neighbours).
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
    """Return for each region whether it reaches the slice's first or last row or column."""
    touching = np.zeros(regions, dtype=np.bool_)
    for n in range(runs.shape[0]):
        if runs[n, 0] == 0 or runs[n, 0] == rows - 1 or runs[n, 1] == 0 or runs[n, 2] == columns:
            touching[runs[n, 3]] = True
    return touching


@njit(cache=True, nogil=True)
def region_areas(runs: np.ndarray, regions: int) -> np.ndarray:
    """Return the number of pixels of each region."""
    areas = np.zeros(regions, dtype=np.int64)
    for n in range(runs.shape[0]):
        areas[runs[n, 3]] += runs[n, 2] - runs[n, 1]
    return areas


@njit(cache=True, nogil=True)
def paint_regions(runs: np.ndarray, values: np.ndarray, mask: np.ndarray) -> None:
    """Set, in `mask` (uint8 [j, i]), the pixels of each region to values[region]; 255 leaves them as they are."""
    for n in range(runs.shape[0]):
        value = values[runs[n, 3]]
        if value != 255:
            mask[runs[n, 0], runs[n, 1] : runs[n, 2]] = value


@njit(cache=True, nogil=True)
def fill_holes(mask: np.ndarray) -> None:
    """Fill, in place, what cannot be reached from the edge of `mask`, a uint8 [j, i] slice of 0 and 1.

    The way from the edge goes over the four direct neighbours, so a diagonal line of pixels is a closed border.
    """
    runs, regions = find_runs(mask, 0, False)
    outside = touches_edge(runs, regions, mask.shape[0], mask.shape[1])
    values = np.empty(regions, dtype=np.uint8)
    for region in range(regions):
        values[region] = 255 if outside[region] else 1
    paint_regions(runs, values, mask)


@njit(cache=True, nogil=True)
def has_holes(mask: np.ndarray) -> bool:
    """Return whether `mask` has a hole: see `fill_holes`."""
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
    """Fill, in place, those holes of `mask` whose wall is mostly thick.

    A hole in the patient (lung, bowel gas) has thick walls nearly all round; a pocket of air between the back and
    a sheet has skin on one side and the sheet on the other. thick (uint8 0/1 [j, i]) tells the thick parts of the
    mask; least_share is the least share, 0..1, of a hole's wall that has to be thick.
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
    """Take from `mask`, in place, what is darker than border_hu at its outside; return how many pixels.

    image is the slice in HU. Up to `layers` layers of pixels go, one after the other (4 neighbours); the pixels next
    to what stays are given back, because the outermost pixel of the skin is part air.
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
def threshold_slice(image: np.ndarray, border_hu: float, blocked: np.ndarray, mask: np.ndarray) -> None:
    """mask: 1 where the slice (HU [j, i]) is above border_hu and `blocked` (uint8 [j, i]) is 0."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            mask[row, column] = np.uint8(image[row, column] > border_hu) & np.uint8(blocked[row, column] == 0)


@njit(cache=True, nogil=True)
def either(first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
    """result: 1 where either mask is 1; it may be one of them."""
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            result[row, column] = first[row, column] | second[row, column]


@njit(cache=True, nogil=True)
def label_slice(mask: np.ndarray, least_area: float, labels: np.ndarray) -> int:
    """Number the 8-connected regions of at least `least_area` pixels from 1 on, into `labels` (uint8 [j, i]).

    Returns how many were numbered: at most 254, the first ones from the top; other pixels get 0.
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
def region_tissues(
    image: np.ndarray, labels: np.ndarray, static: np.ndarray, regions: int, borders_hu: np.ndarray
) -> np.ndarray:
    """Count what each region of a slice consists of; returns int64 [regions + 1, 6].

    Its columns: pixels in all; pixels in the four ranges from borders_hu[0] on (five ascending HU values, int64);
    pixels where `static` (uint8 [j, i]) is 1.
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
            tissue = 1
            while value >= borders_hu[tissue]:
                tissue += 1
            counts[label, tissue] += 1
    return counts


@njit(cache=True, nogil=True)
def overlaps(first: np.ndarray, second: np.ndarray, first_regions: int, second_regions: int) -> np.ndarray:
    """Return int64 [first_regions + 1, second_regions + 1]: pixels that two label slices share, per pair."""
    counts = np.zeros((first_regions + 1, second_regions + 1), dtype=np.int64)
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            if first[row, column] and second[row, column]:
                counts[first[row, column], second[row, column]] += 1
    return counts


@njit(cache=True, nogil=True)
def relabel(labels: np.ndarray, values: np.ndarray) -> None:
    """Replace, in place, each label by values[label]."""
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            labels[row, column] = values[labels[row, column]]


@njit(cache=True, nogil=True)
def measure_slice(mask: np.ndarray, edge: np.ndarray) -> tuple[int, int, int]:
    """Return (area in pixels, pixels that lie on `edge` (uint8 [j, i]), number of 8-connected regions) of a mask."""
    area, touching = 0, 0
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            area += mask[row, column]
            touching += mask[row, column] & edge[row, column]
    return area, touching, find_runs(mask, 1, True)[1]


@njit(cache=True, nogil=True)
def add_columns(
    array: np.ndarray,
    first: int,
    stop: int,
    border_hu: float,
    present: np.ndarray,
    total: np.ndarray,
    squares: np.ndarray,
    measured: np.ndarray,
) -> None:
    """Add the slices first..stop of a volume (HU [k, j, i]) to what is known of each column of voxels along k.

    present (int32 [j, i]) counts voxels above border_hu; total and squares (float32 [j, i]) sum HU and HU squared,
    clamped to -1024..1000; measured (uint8 [j, i]) becomes 1 where a voxel is above -1024.
    """
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
def widest_touching(image: np.ndarray, border_hu: float, mask: np.ndarray, work: np.ndarray) -> int:
    """Width in columns of the widest region outside `mask` that is above border_hu and touches the mask; else 0.

    image is a slice in HU, work uint8 [j, i] working memory. Regions and touching go over the 8 neighbours.
    """
    rows, columns = mask.shape
    for row in range(rows):
        for column in range(columns):
            work[row, column] = np.uint8(image[row, column] > border_hu) & (1 - mask[row, column])
    runs, regions = find_runs(work, 1, True)
    left = np.full(regions, columns)
    right = np.zeros(regions, dtype=np.int64)
    touching = np.zeros(regions, dtype=np.bool_)
    for n in range(runs.shape[0]):
        row, first, stop, region = runs[n, 0], runs[n, 1], runs[n, 2], runs[n, 3]
        left[region], right[region] = min(left[region], first), max(right[region], stop)
        for other in range(max(0, row - 1), min(rows, row + 2)):
            for column in range(max(0, first - 1), min(columns, stop + 1)):
                if mask[other, column]:
                    touching[region] = True
    widest = 0
    for region in range(regions):
        if touching[region]:
            widest = max(widest, right[region] - left[region])
    return widest
