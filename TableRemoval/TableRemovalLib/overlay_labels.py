"""The preview's picture of one slice as labels, ready for a colour table."""

from __future__ import annotations

import numpy as np
from numba import njit

NOTHING, KEPT, REMOVED, OUTLINE, SEED_ON_KEPT, SEED = range(6)
REMOVED_ABOVE_HU = -850.0
LINE_PIXELS = 2


@njit(cache=True, nogil=True)
def label_overlay(image: np.ndarray, mask: np.ndarray, removed_above_hu: float, labels: np.ndarray) -> None:
    """Write the labels of one slice.

    OUTLINE is the outermost layer of the mask (4 neighbours), KEPT the rest of it; REMOVED is what is outside the mask
    and above a border.

    Parameters
    ----------
    image
        A slice in HU, int16 or float32 [j, i].
    mask
        uint8 0/1 [j, i].
    removed_above_hu
        That border, HU.
    labels
        Where the labels go, uint8 [j, i].
    """
    rows, columns = mask.shape
    for row in range(rows):
        for column in range(columns):
            if mask[row, column] == 0:
                labels[row, column] = 2 if image[row, column] > removed_above_hu else 0
                continue
            inner = (
                (row == 0 or mask[row - 1, column] != 0)
                and (row + 1 == rows or mask[row + 1, column] != 0)
                and (column == 0 or mask[row, column - 1] != 0)
                and (column + 1 == columns or mask[row, column + 1] != 0)
            )
            labels[row, column] = 1 if inner else 3


def draw_square(labels: np.ndarray, square: tuple[int, int, int, int]) -> None:
    """Draw the outline of the seed square, two pixels wide, in place.

    Parameters
    ----------
    labels
        As from `label_overlay`, uint8 [j, i].
    square
        First row, stop row, first column, stop column.
    """
    top, stop, left, right = square
    line = np.ones((max(0, stop - top), max(0, right - left)), dtype=bool)
    line[LINE_PIXELS:-LINE_PIXELS, LINE_PIXELS:-LINE_PIXELS] = False
    place = labels[top:stop, left:right]
    place[line] = np.where(is_kept(place[line]), SEED_ON_KEPT, SEED)


def is_kept(labels: np.ndarray) -> np.ndarray:
    """Tell what labels stand for.

    Parameters
    ----------
    labels
        As from `label_overlay`, uint8 [j, i].

    Returns
    -------
    np.ndarray
        The mask, uint8 0/1 [j, i].
    """
    return np.array((0, 1, 0, 1, 1, 0), dtype=np.uint8)[labels]
