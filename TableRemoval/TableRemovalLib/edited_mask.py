"""The mask of a whole scan with the overrides in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from TableRemovalLib.body_mask import BodyMaskResult, compute_body_mask
from TableRemovalLib.borders import tissue_of
from TableRemovalLib.columns import column_statistics
from TableRemovalLib.components import apply_clicks
from TableRemovalLib.edit_state import EditState
from TableRemovalLib.errors import InputError
from TableRemovalLib.overrides import ScanOverrides
from TableRemovalLib.preview import ct_view, grown_by_hand
from TableRemovalLib.quality import SEED_IN_AIR, THRESHOLD_LIMIT, SliceRecord, slice_records, with_seconds


@dataclass(frozen=True)
class EditedMask:
    """mask: uint8 0/1 on the scan's grid. records: one per slice. base: by slice index, the mask (uint8 0/1 [j, i])
    without its override, of the slices that have one. seconds: wall time. remark: as of `BodyMaskResult`."""

    mask: sitk.Image
    records: tuple[SliceRecord, ...]
    base: dict[int, np.ndarray]
    seconds: float
    remark: str


def is_axial(image: sitk.Image) -> bool:
    """Tell whether slices can be edited: only where the k axis follows the patient's long axis.

    Parameters
    ----------
    image
        Any volume, LPS.

    Returns
    -------
    bool
        Whether it does.
    """
    along = np.abs(np.reshape(image.GetDirection(), (3, 3))[2])
    return int(np.argmax(along)) == 2


def compute_edited_mask(
    image: sitk.Image,
    state: EditState,
    progress: Callable[[float], None] | None = None,
    whole: BodyMaskResult | None = None,
) -> EditedMask:
    """Find the patient in a CT volume in HU, slice overrides included.

    Parameters
    ----------
    image
        CT volume in HU.
    state
        Options and overrides.
    progress
        Called with the fraction done, 0 to 1, in the caller's thread; an exception that it raises ends the run.
    whole
        An earlier result for the same image and options, which saves its time.

    Returns
    -------
    EditedMask
        The mask with overrides, and of slices that have one what they replace.

    Raises
    ------
    InputError
        As `compute_body_mask`, and if the overrides do not fit the image.
    """
    started = time.perf_counter()
    if state.overrides.slices:
        _check_fits(image, state.overrides)
    result = whole or compute_body_mask(image, state.options, progress)
    if not state.overrides.slices:
        return EditedMask(result.mask, result.slices, {}, time.perf_counter() - started, result.remark)
    array, mask = ct_view(sitk.GetArrayViewFromImage(image)), sitk.GetArrayFromImage(result.mask)
    base = {k: mask[k].copy() for k in state.overrides.slices}
    thresholds = np.array([record.threshold_used for record in result.slices])
    flags = [tuple(flag for flag in r.flags if flag in (THRESHOLD_LIMIT, SEED_IN_AIR)) for r in result.slices]
    seconds = [record.seconds for record in result.slices]
    for k, own in state.overrides.slices.items():
        began = time.perf_counter()
        grown = grown_by_hand(array[k], own, state.slice_options(k))
        if grown is not None:
            mask[k], flags[k] = grown.mask, grown.flags
            thresholds[k] = thresholds[k] if grown.threshold is None else grown.threshold
        mask[k] = apply_clicks(array[k], mask[k], own.clicks)
        seconds[k] = time.perf_counter() - began
    columns = column_statistics(array, tissue_of(array).borders(None).air_hu)
    records = slice_records(array, columns, mask, image.GetSpacing(), thresholds, flags)
    edited = sitk.GetImageFromArray(mask)
    edited.CopyInformation(image)
    timed = tuple(with_seconds(records, seconds))
    return EditedMask(edited, timed, base, time.perf_counter() - started, result.remark)


def _check_fits(image: sitk.Image, overrides: ScanOverrides) -> None:
    if tuple(overrides.size) != image.GetSize():
        made_for, size = (" x ".join(map(str, s)) for s in (overrides.size, image.GetSize()))
        raise InputError(
            f"the slice overrides belong to a scan of {made_for} voxels, this one has {size}: clear them, or choose "
            "the scan they were made for"
        )
    if not is_axial(image):
        raise InputError("slice overrides need axial slices: clear them, or resample the scan to axial slices first")
