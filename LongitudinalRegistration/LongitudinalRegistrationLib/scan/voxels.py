"""The voxels of an image, to be written in place: a large scan has no room for a second copy of itself."""

from __future__ import annotations

import ctypes

import numpy as np
import SimpleITK as sitk


def writable_view(image: sitk.Image) -> np.ndarray:
    """Look at an image's own memory, as sitk.GetArrayViewFromImage, but to write into it.

    Parameters
    ----------
    image
        Scalar or vector, whose memory no other image shares from now on. It must be kept for as long as the array is
        used, and no copy of it made meanwhile: a copy would share the memory.

    Returns
    -------
    numpy.ndarray
        [k, j, i], or [k, j, i, component].

    Examples
    --------
    >>> image = sitk.Image([2, 3, 4], sitk.sitkInt16)
    >>> writable_view(image)[3, 2, 1] = 7
    >>> image[1, 2, 3]
    7
    """
    view = sitk.GetArrayViewFromImage(image)
    memory = (ctypes.c_byte * view.nbytes).from_address(view.ctypes.data)
    return np.frombuffer(memoryview(memory), view.dtype).reshape(view.shape)
