"""Two scans in one picture: fade, checkerboard, red and cyan, absolute difference, contours.

The functions know nothing of Slicer; scalars are arrays [y, x], pictures uint8 [y, x, 3].
"""

import functools

import numpy as np

from LongitudinalRegistrationSlicer.views.colour_ramp import colourRamp

DIFFERENCE_COLOURS = (
    (0, 0, 0),
    (27, 12, 65),
    (74, 12, 107),
    (120, 28, 109),
    (165, 44, 96),
    (207, 68, 70),
    (237, 105, 37),
    (251, 155, 6),
    (247, 209, 61),
    (252, 255, 164),
)
CONTOURS = ((200.0, (240, 228, 66)), (-300.0, (86, 180, 233)))


def grey(scalars, window, level):
    """Return scalars through window and level as uint8 of the same shape."""
    scale = np.float32(255.0 / max(window, 1e-6))
    values = np.multiply(scalars, scale, dtype=np.float32)
    values += np.float32(window / 2 - level) * scale
    np.clip(values, 0, 255, out=values)
    return values.astype(np.uint8)


def rgb(greyPicture):
    """Return a grey picture [y, x] as uint8 [y, x, 3]."""
    picture = np.empty((*greyPicture.shape, 3), np.uint8)
    for channel in range(3):
        picture[..., channel] = greyPicture
    return picture


def fade(fixed, moving, opacity):
    """Return two grey pictures mixed: opacity 0 shows the fixed one alone, 1 the moving one."""
    weight = np.uint16(round(256 * opacity))
    mixed = np.multiply(fixed, np.uint16(256) - weight, dtype=np.uint16)
    mixed += np.multiply(moving, weight, dtype=np.uint16)
    mixed >>= 8
    return rgb(mixed.astype(np.uint8))


def redCyan(fixed, moving):
    """Return the fixed grey picture in red and the moving one in cyan: where they agree it is grey."""
    return np.stack([fixed, moving, moving], axis=-1)


def tiles(xyToRAS, width, height, tileMm):
    """Return which tiles of a checkerboard that is fixed to the patient are the moving scan's, bool [y, x]."""
    parities = []
    for axis, count in ((0, width), (1, height)):
        direction = xyToRAS[:3, axis] / np.linalg.norm(xyToRAS[:3, axis])
        along = direction @ xyToRAS[:3, 3] + np.arange(count) * np.linalg.norm(xyToRAS[:3, axis])
        parities.append(np.floor(along / tileMm).astype(np.int64) & 1)
    return (parities[0][None] ^ parities[1][:, None]).astype(bool)


def checkerboard(fixed, moving, isMoving):
    """Return the two grey pictures in turn, by the tiles that are the moving scan's."""
    return rgb(np.where(isMoving, moving, fixed))


@functools.lru_cache(maxsize=4)
def differenceTable(steps=256):
    """Return the colours of the absolute difference, uint8 [steps, 3], black for none."""
    return colourRamp(DIFFERENCE_COLOURS, steps).round().astype(np.uint8)


def absoluteDifference(fixed, moving, inside, largestHu):
    """Return the absolute difference of scalars (HU) in colour, from 0 (black) to largestHu and more (light yellow).

    Black where `inside`, bool [y, x], is false.
    """
    difference = np.subtract(moving, fixed, dtype=np.float32)
    np.abs(difference, out=difference)
    difference *= np.float32(255.0 / largestHu)
    np.minimum(difference, 255, out=difference)
    difference *= inside
    return np.take(differenceTable(), difference.astype(np.intp), axis=0)


def contours(picture, scalars, inside):
    """Return a picture with the outlines of bone (yellow) and skin (blue) of other scalars (HU) drawn into it."""
    drawn = picture.copy()
    for level, colour in CONTOURS:
        above = (scalars > level) & inside
        edge = np.zeros_like(above)
        edge[1:-1, 1:-1] = above[1:-1, 1:-1] & ~(
            above[:-2, 1:-1] & above[2:, 1:-1] & above[1:-1, :-2] & above[1:-1, 2:]
        )
        drawn[edge] = colour
    return drawn
