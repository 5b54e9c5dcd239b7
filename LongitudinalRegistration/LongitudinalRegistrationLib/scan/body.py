"""The patient's body in a scan, as the registration uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import SimpleITK as sitk
from TableRemovalLib.body_mask import apply_body_mask, compute_body_mask

SOLID_HU = -500


@dataclass(frozen=True)
class Body:
    """mask: 0/1 on the scan's grid; clean: the scan with air outside the mask, or as it came."""

    mask: sitk.Image
    clean: sitk.Image


def find_body(image: sitk.Image, table_removal: bool = True, progress: Callable[[float], None] | None = None) -> Body:
    """Find the body, and put air outside it; without table removal all that is not air counts as body.

    Parameters
    ----------
    image
        CT in HU, any grid.
    table_removal
        Whether to find the body; else all that is not air is body, and the scan stays as it is.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    Body
        On the image's grid.

    Raises
    ------
    InputError
        If the image is no CT.
    """
    mask = find_mask(image, table_removal, progress)
    return Body(mask, apply_body_mask(image, mask) if table_removal else image)


def find_mask(
    image: sitk.Image, table_removal: bool = True, progress: Callable[[float], None] | None = None
) -> sitk.Image:
    """Find the body alone.

    Parameters
    ----------
    image, table_removal, progress
        As of find_body.

    Returns
    -------
    SimpleITK.Image
        0/1, uint8, on the image's grid.

    Raises
    ------
    InputError
        If the image is no CT.
    """
    if table_removal:
        return compute_body_mask(image, progress=progress).mask
    return sitk.Cast(image >= SOLID_HU, sitk.sitkUInt8)
