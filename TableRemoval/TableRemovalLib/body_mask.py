"""Body mask of a CT scan: what is patient, without table, mattress, cloth and cables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from TableRemovalLib.borders import tissue_of
from TableRemovalLib.errors import InputError
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.paper import paper_mask
from TableRemovalLib.quality import SliceRecord
from TableRemovalLib.robust import robust_mask
from TableRemovalLib.validate import validate_ct


@dataclass(frozen=True)
class BodyMaskResult:
    """A body mask and what was found on the way.

    mask: uint8 image of 0 and 1 on the scan's grid. slices: one record per slice k. seconds: wall time. remark: one
    sentence about the whole scan where its intensities are not HU, empty otherwise.
    """

    mask: sitk.Image
    slices: tuple[SliceRecord, ...]
    seconds: float
    remark: str = ""


def compute_body_mask(
    image: sitk.Image,
    options: TableRemovalOptions | None = None,
    progress: Callable[[float], None] | None = None,
) -> BodyMaskResult:
    """Find the patient in a CT volume in HU.

    Deterministic, whatever the number of threads.

    Parameters
    ----------
    image
        CT volume in HU.
    options
        None: the defaults, the robust method.
    progress
        Called with the fraction done, 0 to 1, in the caller's thread; an exception that it raises ends the run.

    Returns
    -------
    BodyMaskResult
        The mask on the image's grid, and a record of each slice.

    Raises
    ------
    InputError
        Before any work, if the image is no CT volume (see `validate_ct`) or the options are not valid or do not fit it.
    """
    options = TableRemovalOptions() if options is None else options
    validate_ct(image)
    started = time.perf_counter()
    order = _axial_order(image)
    axial = image if order == (0, 1, 2) else sitk.PermuteAxes(image, order)
    check_options(axial, options)
    find = paper_mask if options.method == "paper" else robust_mask
    array = numeric_view(axial)
    mask, records = find(array, axial.GetSpacing(), options, progress)
    result = sitk.GetImageFromArray(mask)
    if order != (0, 1, 2):
        result = sitk.PermuteAxes(result, tuple(order.index(axis) for axis in range(3)))
    result.CopyInformation(image)
    return BodyMaskResult(result, tuple(records), time.perf_counter() - started, tissue_of(array).remark())


def apply_body_mask(image: sitk.Image, mask: sitk.Image, fill_hu: float = -1024) -> sitk.Image:
    """Fill what lies outside a mask.

    Parameters
    ----------
    image
        CT volume in HU.
    mask
        uint8 0/1 on the image's grid.
    fill_hu
        Value outside, HU.

    Returns
    -------
    sitk.Image
        A copy of the image with `fill_hu` wherever the mask is 0; same pixel type and geometry.

    Raises
    ------
    InputError
        If the mask is on another grid or the pixel type cannot hold `fill_hu`.
    """
    if mask.GetSize() != image.GetSize() or not _same_place(image, mask):
        raise InputError("the mask is on another grid than the image: compute it from this image")
    _check_fill(image, fill_hu)
    placed = sitk.Image(mask)
    placed.CopyInformation(image)
    return sitk.Mask(image, placed, fill_hu)


def check_options(image: sitk.Image, options: TableRemovalOptions) -> None:
    """Refuse options that are not valid or do not fit an image.

    Parameters
    ----------
    image
        Volume whose axes run across, front to back and along the patient.
    options
        See TableRemovalOptions.

    Raises
    ------
    InputError
        If they do not; one line that says what to do.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    if options.seed_ij is not None:
        columns, rows = image.GetSize()[:2]
        i, j = options.seed_ij
        if i >= columns or j >= rows:
            raise InputError(f"seed {i},{j} lies outside the slices of {columns} x {rows} pixels: choose one inside")


def _check_fill(image: sitk.Image, fill_hu: float) -> None:
    kind = sitk.GetArrayViewFromImage(image).dtype
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not limits.min <= fill_hu <= limits.max:
            raise InputError(
                f"voxels of type {image.GetPixelIDTypeAsString()} cannot hold {fill_hu} HU: "
                f"choose a value from {limits.min} to {limits.max} or convert the image first"
            )


def _same_place(first: sitk.Image, second: sitk.Image) -> bool:
    tolerance = 1e-3 * min(first.GetSpacing())
    return (
        np.allclose(first.GetSpacing(), second.GetSpacing(), rtol=1e-4)
        and np.allclose(first.GetOrigin(), second.GetOrigin(), atol=tolerance)
        and np.allclose(first.GetDirection(), second.GetDirection(), atol=1e-4)
    )


def _axial_order(image: sitk.Image) -> tuple[int, int, int]:
    """Order of the image's axes that makes them run across, front to back and along the patient."""
    direction = np.abs(np.reshape(image.GetDirection(), (3, 3)))
    last = int(np.argmax(direction[2]))
    first, second = (axis for axis in range(3) if axis != last)
    if direction[0, second] > direction[0, first]:
        first, second = second, first
    return first, second, last


def numeric_view(image: sitk.Image) -> np.ndarray:
    """Voxels in one of two types, so that the kernels are compiled twice at most; no copy where they are that already.

    Parameters
    ----------
    image
        Volume of any scalar type.

    Returns
    -------
    np.ndarray
        int16 or float32 [k, j, i]; values outside of int16 are clamped.
    """
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype in (np.int16, np.float32):
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return np.clip(array, -32768, 32767).astype(np.int16)
