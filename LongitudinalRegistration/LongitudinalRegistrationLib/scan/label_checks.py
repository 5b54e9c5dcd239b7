"""Whether an image can be labels, and on the grid of another."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError


def check_label_volume(image: sitk.Image, name: str) -> None:
    """Check that an image can be labels.

    Parameters
    ----------
    image
        Anything that was read as labels.
    name
        What error messages call it, in the plural.

    Raises
    ------
    InputError
        If it is not 3-D, has several values a voxel, or has values that are no numbers of labels, as a scan has.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{name} are no 3-D label volume: give one integer a voxel.")
    if "integer" not in image.GetPixelIDTypeAsString():
        raise InputError(f"{name} are not integers: give a label volume, not a scan.")
    if sitk.GetArrayViewFromImage(image).min() < 0:
        raise InputError(f"{name} have negative values: give a label volume, not a scan.")


def same_grid(image: sitk.Image, other: sitk.Image) -> bool:
    """Whether two images have the same voxels, to 0.1 mm.

    Parameters
    ----------
    image, other
        Of which only the geometry counts.

    Returns
    -------
    bool
        Size the same, spacing to a thousandth, place and direction as said.
    """
    return (
        image.GetSize() == other.GetSize()
        and np.allclose(image.GetSpacing(), other.GetSpacing(), rtol=1e-3)
        and np.allclose(image.GetOrigin(), other.GetOrigin(), atol=0.1)
        and np.allclose(image.GetDirection(), other.GetDirection(), atol=1e-3)
    )
