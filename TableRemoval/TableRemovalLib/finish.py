"""What is made of a scan and its finished mask: a volume with the rest filled, softly if wished, cropped if wished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from TableRemovalLib.body_mask import apply_body_mask
from TableRemovalLib.disc_kernels import dilate, disc_half_heights
from TableRemovalLib.errors import InputError
from TableRemovalLib.slice_workers import for_slice_ranges

STEPS = 6


@dataclass(frozen=True)
class FinishOptions:
    """fill_hu: value outside. soft_edge_mm: width of the blend outside the mask, 0 is a hard edge. crop: whether to cut
    to the body's box. crop_margin_mm: what stays around it."""

    fill_hu: float = -1024.0
    soft_edge_mm: float = 0.0
    crop: bool = False
    crop_margin_mm: float = 10.0


def finish(image: sitk.Image, mask: sitk.Image, options: FinishOptions) -> tuple[sitk.Image, sitk.Image]:
    """Fill, soften and crop a scan.

    Inside the mask the volume is as it was. With a soft edge the first soft_edge_mm around it, slice by slice, go over
    from the scan to fill_hu in steps.

    Parameters
    ----------
    image
        CT volume in HU.
    mask
        uint8 0/1 on its grid.
    options
        See FinishOptions.

    Returns
    -------
    tuple of sitk.Image
        Volume in HU and mask, cropped alike.

    Raises
    ------
    InputError
        As `apply_body_mask`, and if an empty mask should be cropped to.
    """
    box = body_box(mask, options.crop_margin_mm) if options.crop else None
    result = apply_body_mask(image, mask, options.fill_hu)
    if options.soft_edge_mm > 0:
        result = _with_soft_edge(image, mask, result, options)
    if box is None:
        return result, mask
    start, size = box
    return sitk.RegionOfInterest(result, size, start), sitk.RegionOfInterest(mask, size, start)


def body_box(mask: sitk.Image, margin_mm: float) -> tuple[list[int], list[int]]:
    """Find the box around a mask with a margin, inside the image.

    Parameters
    ----------
    mask
        uint8 0/1 [k, j, i].
    margin_mm
        What stays around it, mm.

    Returns
    -------
    tuple of list
        First index and size, each (i, j, k).

    Raises
    ------
    InputError
        If the mask is empty.
    """
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    if not statistics.HasLabel(1):
        raise InputError("no body was found, so there is nothing to crop to: switch cropping off or mend the mask")
    box = statistics.GetBoundingBox(1)
    start, size = [], []
    for axis in range(3):
        margin = int(np.ceil(margin_mm / mask.GetSpacing()[axis]))
        first = max(0, box[axis] - margin)
        start.append(first)
        size.append(min(mask.GetSize()[axis], box[axis] + box[axis + 3] + margin) - first)
    return start, size


def _with_soft_edge(image: sitk.Image, mask: sitk.Image, hard: sitk.Image, options: FinishOptions) -> sitk.Image:
    spacing = image.GetSpacing()
    discs = [disc_half_heights(options.soft_edge_mm * n / STEPS, spacing[0], spacing[1]) for n in range(1, STEPS)]
    scan, inside = sitk.GetArrayViewFromImage(image), sitk.GetArrayFromImage(mask)
    result = sitk.GetArrayFromImage(hard)

    def work(first: int, stop: int) -> None:
        spare, near = np.empty(inside.shape[1:], dtype=np.uint8), np.empty(inside.shape[1:], dtype=np.uint8)
        for k in range(first, stop):
            share = inside[k].astype(np.float32)
            for disc in discs:
                dilate(inside[k], disc, spare, near)
                share += near
            edge = (share > 0) & (inside[k] == 0)
            blend = share[edge] / STEPS
            result[k][edge] = blend * scan[k][edge] + (1 - blend) * options.fill_hu

    for_slice_ranges(work, result.shape[0])
    soft = sitk.GetImageFromArray(result)
    soft.CopyInformation(image)
    return soft
