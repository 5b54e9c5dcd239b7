"""All slices of a scan in one picture, each with the outline of its mask."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from TableRemovalLib.overlay_labels import REMOVED_ABOVE_HU

TILE_PIXELS = 128
LOWEST_HU, HIGHEST_HU = -1000.0, 600.0
OUTLINE_COLOUR, REMOVED_COLOUR = (90, 255, 120), (255, 70, 60)
FLAGGED_COLOUR, NUMBER_COLOUR = (255, 190, 40), (235, 235, 235)
REMOVED_SHARE = 0.45
DIGIT_SCALE = 2
_GLYPHS = {
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 2, 2, 2),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
}


def montage(
    array: np.ndarray,
    mask_of: Callable[[int], np.ndarray],
    flagged: Collection[int] = (),
    tile_pixels: int = TILE_PIXELS,
) -> np.ndarray:
    """Lay all slices of a scan into one picture, numbered from 0.

    The outline of a mask is green, what would be removed red, the number of a flagged slice orange with a frame.

    Parameters
    ----------
    array
        Volume in HU, int16 or float32 [k, j, i].
    mask_of
        Gives the mask of slice k, uint8 0/1 [j, i].
    flagged
        Slices to be marked.
    tile_pixels
        Longest side of a slice in the picture.

    Returns
    -------
    np.ndarray
        uint8 [row, column, 3].
    """
    slices, rows, columns = array.shape
    step = max(1, math.ceil(max(rows, columns) / tile_pixels))
    height, width = len(range(0, rows, step)) + 2, len(range(0, columns, step)) + 2
    across = max(1, math.ceil(math.sqrt(slices * height / width * 1.4)))
    picture = np.zeros((math.ceil(slices / across) * height, across * width, 3), dtype=np.uint8)
    for k in range(slices):
        top, left = k // across * height, k % across * width
        picture[top : top + height, left : left + width] = _tile(array[k], mask_of(k), step, k, k in flagged)
    return picture


def write_montage(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture as PNG.

    Parameters
    ----------
    path
        Where to.
    picture
        uint8 [row, column, 3].

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.stem + ".part.png")
    try:
        sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), str(part), useCompression=True)
        os.replace(part, path)
    except RuntimeError as error:
        raise OSError(f"{path} cannot be written: choose another folder") from error


def _tile(image: np.ndarray, mask: np.ndarray, step: int, k: int, is_flagged: bool) -> np.ndarray:
    small, inside = image[::step, ::step].astype(np.float32), mask[::step, ::step] != 0
    grey = np.clip((small - LOWEST_HU) / (HIGHEST_HU - LOWEST_HU), 0, 1) * 255
    tile = np.repeat(grey[:, :, None], 3, axis=2)
    removed = ~inside & (small > REMOVED_ABOVE_HU)
    tile[removed] = (1 - REMOVED_SHARE) * tile[removed] + REMOVED_SHARE * np.array(REMOVED_COLOUR)
    tile[_outline(inside)] = OUTLINE_COLOUR
    framed = np.zeros((tile.shape[0] + 2, tile.shape[1] + 2, 3), dtype=np.uint8)
    framed[:] = FLAGGED_COLOUR if is_flagged else (40, 40, 40)
    framed[1:-1, 1:-1] = tile
    _draw_number(framed, str(k), FLAGGED_COLOUR if is_flagged else NUMBER_COLOUR)
    return framed


def _outline(inside: np.ndarray) -> np.ndarray:
    around = np.pad(inside, 1, mode="edge")
    surrounded = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return inside & ~surrounded


def _draw_number(tile: np.ndarray, text: str, colour: tuple[int, int, int]) -> None:
    left = 4
    for character in text:
        bits = np.array([[row >> (2 - column) & 1 for column in range(3)] for row in _GLYPHS[character]], dtype=bool)
        bits = bits.repeat(DIGIT_SCALE, axis=0).repeat(DIGIT_SCALE, axis=1)
        place = tile[4 : 4 + bits.shape[0], left : left + bits.shape[1]]
        if place.shape[:2] == bits.shape:
            place[bits] = colour
        left += bits.shape[1] + DIGIT_SCALE
