"""Three vertebrae made of blocks, of known density, size and height, in scans that lie in any direction."""

import numpy as np
import SimpleITK as sitk

SPACING_MM = 1.0
HALF_WIDTH, HALF_DEPTH, HEIGHT, PITCH = 20.0, 15.0, 24.0, 36.0
IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


def rotation(degrees):
    a = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(a[0]), -np.sin(a[0])], [0, np.sin(a[0]), np.cos(a[0])]])
    about_y = np.array([[np.cos(a[1]), 0, np.sin(a[1])], [0, 1, 0], [-np.sin(a[1]), 0, np.cos(a[1])]])
    return about_x @ about_y


def spine(front=HEIGHT, turned=(0.0, 0.0), hu=(200, 300), direction=None):
    """Three vertebrae, L1 to L3, the middle one's front of another height; scan, labels, parts.

    A body is a block; behind it are the canal, 16 mm deep, two pedicles and a block of processes.
    """
    size = np.array([96, 112, 140])
    direction = np.eye(3) if direction is None else direction
    steps = direction * SPACING_MM
    origin = -steps @ (size - 1) / 2
    index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1)
    x, y, z = np.moveaxis((index @ steps.T + origin) @ rotation(turned), -1, 0)
    labels, parts = np.zeros(x.shape, np.uint8), np.zeros(x.shape, np.uint8)
    for number, value in enumerate((20, 21, 22)):
        up = z - PITCH * (1 - number)
        lost = (HEIGHT - front) * np.clip((HALF_DEPTH - y) / (2 * HALF_DEPTH), 0, 1) if value == 21 else 0.0
        high = (up < HEIGHT / 2 - lost / 2) & (up > -HEIGHT / 2 + lost / 2)
        body = (np.abs(x) < HALF_WIDTH) & (np.abs(y) < HALF_DEPTH) & high
        pedicles = (np.abs(np.abs(x) - 14) < 4) & (y >= HALF_DEPTH) & (y < HALF_DEPTH + 16) & (np.abs(up) < 5)
        arch = (np.abs(x) < 18) & (y >= HALF_DEPTH + 16) & (y < HALF_DEPTH + 34) & (np.abs(up) < 8)
        for part, mask in ((1, body), (2, pedicles | arch)):
            labels[mask], parts[mask] = value, part
    scan = np.where(parts == 1, hu[0], np.where(parts == 2, hu[1], 40)).astype(np.int16)
    images = [sitk.GetImageFromArray(array.transpose(2, 1, 0)) for array in (scan, labels, parts)]
    for image in images:
        image.SetSpacing([SPACING_MM] * 3)
        image.SetDirection(direction.ravel().tolist())
        image.SetOrigin(origin.tolist())
    return images
