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
    turned = sitk.DICOMOrient(image, "LPS")  # holds the memory that is looked at
    values = sitk.GetArrayViewFromImage(turned)
    digest = hashlib.sha256(repr(values.shape).encode())
    for plane in values:
        digest.update(np.rint(plane).astype("<i4").tobytes())
    return digest.hexdigest()
