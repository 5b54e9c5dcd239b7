"""The paper's region growing (van Eijnatten et al. 2021, section 3.2.1, eq. 1), one slice at a time.

The order in which candidates are looked at decides the result, because the mean runs along. It is defined
here:

1. The region starts as the seed square. Its pixels, row by row, put their neighbours on the candidate list.
2. Neighbours are listed in the order upper left, upper, upper right, left, right, lower left, lower, lower
   right, unless they are in the region or on the list already.
3. The list is first in, first out. The first candidate p leaves it; where |I(p) - mean of the region| < T_G
   it joins, the mean takes it in, and its neighbours are listed. A candidate that does not join may be listed
   again when another of its neighbours joins.
4. The region is done when the list is empty.

Intensities are mapped linearly to [0, 1] from the fixed range -1024 HU to 3071 HU (12 bits). What lies
outside the range is clamped first, so padding of -3024 and metal change nothing, and a threshold means the
same in every scan.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LOWEST_HU = -1024.0
HIGHEST_HU = 3071.0
RANGE_HU = HIGHEST_HU - LOWEST_HU
THRESHOLDS = tuple((8 + 2 * step) / 100 for step in range(17))
REFERENCE_AREA_PIXELS = 6000
REFERENCE_SLICE_PIXELS = 512 * 512


def least_area_pixels(rows: int, columns: int) -> int:
    """Least area of a region: 6000 pixels on a 512 x 512 slice (the paper), the same share of other slices."""
    return max(1, round(REFERENCE_AREA_PIXELS * rows * columns / REFERENCE_SLICE_PIXELS))


def seed_square(rows: int, columns: int, seed_ij: tuple[int, int] | None, size: int) -> tuple[int, int, int, int]:
    """Return (first row, stop row, first column, stop column) of the seed square, cut at the slice's edge.

    seed_ij is (column, row) of its centre; None is the slice's centre. A 50-pixel square in a 512 x 512 slice covers
    rows and columns 231 to 280.
    """
    i, j = (columns // 2, rows // 2) if seed_ij is None else seed_ij
    row, column = int(j) - size // 2, int(i) - size // 2
    return max(0, row), min(rows, row + size), max(0, column), min(columns, column + size)


@njit(cache=True, nogil=True)
def _unit_intensity(value: float) -> float:
    clamped = min(max(float(value), -1024.0), 3071.0)
    return (clamped + 1024.0) / 4095.0


@njit(cache=True, nogil=True)
def _list_neighbours(row: int, column: int, state: np.ndarray, queue: np.ndarray, head: int, count: int) -> int:
    rows, columns = state.shape
    for dr in range(-1, 2):
        for dc in range(-1, 2):
            r, c = row + dr, column + dc
            if 0 <= r < rows and 0 <= c < columns and state[r, c] == 0:
                state[r, c] = 2
                place = head + count
                queue[place if place < queue.size else place - queue.size] = r * columns + c
                count += 1
    return count


@njit(cache=True, nogil=True)
def grow_slice(image: np.ndarray, square: np.ndarray, threshold: float, state: np.ndarray, queue: np.ndarray) -> int:
    """Grow one region (eq. 1) in a slice.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    square
        First row, stop row, first column, stop column of the seed square, which must not be empty; int64 [4].
    threshold
        T_G in [0, 1], 1 being 4095 HU.
    state
        Comes back 1 in the region, 0 elsewhere; uint8 [j, i].
    queue
        Working memory, int32 with as many entries as the slice has pixels.

    Returns
    -------
    int
        Area of the region, pixels.
    """
    columns = image.shape[1]
    first_row, stop_row, first_column, stop_column = square[0], square[1], square[2], square[3]
    state[:] = 0
    total, area = 0.0, 0
    for row in range(first_row, stop_row):
        for column in range(first_column, stop_column):
            state[row, column] = 1
            total += _unit_intensity(image[row, column])
            area += 1
    head, count = 0, 0
    for row in range(first_row, stop_row):
        for column in range(first_column, stop_column):
            count = _list_neighbours(row, column, state, queue, head, count)
    while count > 0:
        place = queue[head]
        head = head + 1 if head + 1 < queue.size else 0
        count -= 1
        row, column = place // columns, place % columns
        value = _unit_intensity(image[row, column])
        if abs(value - total / area) < threshold:
            state[row, column] = 1
            total += value
            area += 1
            count = _list_neighbours(row, column, state, queue, head, count)
        else:
            state[row, column] = 0
    return area


@njit(cache=True, nogil=True)
def grow_until_area(
    image: np.ndarray, square: np.ndarray, thresholds: np.ndarray, least_area: int, state: np.ndarray, queue: np.ndarray
) -> int:
    """Grow with one threshold after the other until the region is large enough.

    Where none is enough the last one's region stays in `state`.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    square
        First row, stop row, first column, stop column; int64 [4].
    thresholds
        T_G in the order in which they are tried, float64.
    least_area
        Pixels.
    state
        Comes back 1 in the region, 0 elsewhere; uint8 [j, i].
    queue
        Working memory, int32 with as many entries as the slice has pixels.

    Returns
    -------
    int
        Index of the threshold that was enough; how many there are where none was.
    """
    for number in range(thresholds.size):
        area = grow_slice(image, square, thresholds[number], state, queue)
        if area >= least_area:
            return number
    return thresholds.size


def grow_paper_slice(
    image: np.ndarray,
    seed_ij: tuple[int, int] | None = None,
    seed_size: int = 50,
    threshold: float | None = None,
    min_area_pixels: int | None = None,
) -> tuple[np.ndarray, float, bool]:
    """Grow the paper's region in one slice, holes not yet filled.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    seed_ij
        Column and row of the seed square's centre; None: the slice's centre.
    seed_size
        Side of the seed square, pixels.
    threshold
        T_G in [0, 1]; None: from 0.08 to 0.40 until the region has its least area.
    min_area_pixels
        Least area; None: 6000 pixels on 512 x 512, the same share of others.

    Returns
    -------
    tuple
        Region uint8 0/1 [j, i], T_G used, whether the region has its least area.
    """
    rows, columns = image.shape
    square = np.array(seed_square(rows, columns, seed_ij, seed_size), dtype=np.int64)
    thresholds = np.array(THRESHOLDS if threshold is None else (threshold,), dtype=np.float64)
    least = least_area_pixels(rows, columns) if min_area_pixels is None else min_area_pixels
    state = np.empty(image.shape, dtype=np.uint8)
    queue = np.empty(image.size, dtype=np.int32)
    number = grow_until_area(image, square, thresholds, least, state, queue)
    return state, float(thresholds[min(number, thresholds.size - 1)]), number < thresholds.size
