"""Whether two scans are the same voxels, whatever file they come from."""

from __future__ import annotations

import hashlib

import numpy as np
import SimpleITK as sitk


def voxel_checksum(image: sitk.Image) -> str:
    """Name a scan by its voxels: the same for a DICOM series and for a faithful copy of it in another format.

    Parameters
    ----------
    image
        3-D, HU, any scalar type; rounded to whole HU. Turned and flipped grids of the same voxels are the same, where
        the grid lies does not count.

    Returns
    -------
    str
        SHA-256 of size and voxels in the order of the LPS axes that are nearest to the grid's, 64 hexadecimal digits.

    Examples
    --------
    >>> scan = sitk.Image([2, 3, 4], sitk.sitkInt16) + 7
    >>> scan[0, 0, 0] = -1000
    >>> flipped = sitk.Flip(scan, [False, False, True])
    >>> voxel_checksum(scan) == voxel_checksum(flipped) != voxel_checksum(scan + 1)
    True
    """
    values = _along_lps(image)
    digest = hashlib.sha256(repr(values.shape).encode())
    for plane in values:
        digest.update(np.rint(plane).astype("<i4").tobytes())
    return digest.hexdigest()


def _along_lps(image: sitk.Image) -> np.ndarray:
    """Look at an image's voxels [k, j, i] in the order of the LPS axes nearest to its own; nothing is copied."""
    one = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    one.SetDirection(image.GetDirection())
    turn = sitk.DICOMOrientImageFilter()
    turn.SetDesiredCoordinateOrientation("LPS")
    turn.Execute(one)
    order, flips = turn.GetPermuteOrder(), turn.GetFlipAxes()
    values = sitk.GetArrayViewFromImage(image).transpose([2 - axis for axis in reversed(order)])
    return values[tuple(slice(None, None, -1 if flip else 1) for flip in reversed(flips))]
