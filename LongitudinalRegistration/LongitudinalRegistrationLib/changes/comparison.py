"""Two registered scans brought to one grid and one resolution, that of the coarser one along each axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter1d
from TableRemovalLib.errors import InputError

from ..field.box_warp import parts_of, sample
from ..scan.decimate import decimated, is_decimated
from ..scan.grid import MIN_COMMON_MM
from ..system.parallel import together
from .refine_grid import finer_by, refined

UNSEEN_HU = -1e6
BOX_VARIANCE, LINEAR_VARIANCE, DECIMATED_VARIANCE = 1 / 12, 1 / 6, 1 / 4
"""Variance of what a voxel shows: of itself, of linear interpolation (on average), of decimation; in squared sides."""
REACH = 3.0


@dataclass(frozen=True)
class Compared:
    """Both scans as they are compared.

    Attributes
    ----------
    reference
        Image with the grid, along the fixed scan's axes.
    baseline, followup
        [k, j, i], float32, HU; both see a point through the same Gaussian.
    body
        [k, j, i], bool: the fixed body where both scans have data.
    followup_spacing_mm
        (3,): the follow-up's own voxels along the baseline's axes x, y, z, which may be others of its.
    """

    reference: sitk.Image
    baseline: np.ndarray
    followup: np.ndarray
    body: np.ndarray
    followup_spacing_mm: np.ndarray


def compared(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    fixed_body: sitk.Image,
    moving_body: sitk.Image,
    spacing_mm: float,
) -> Compared:
    """Bring two scans to one grid and one resolution.

    A slice shows its thickness (taken for the distance of slices), a pixel its side; what is interpolated is blurred by
    that too. The sharper of the two is blurred by what the other is less sharp, along each axis of its own.

    Parameters
    ----------
    fixed, moving
        CT, HU.
    transform
        Fixed points to moving points, LPS mm.
    fixed_body, moving_body
        uint8, 0 or 1, each on its scan's grid; outside there is air.
    spacing_mm
        Finest voxels of the grid.

    Returns
    -------
    Compared
        On voxels of the fixed scan, decimated where it is finer than `spacing_mm`.

    Raises
    ------
    InputError
        If the scans share less than 30 mm of the body.
    """
    first, second = together(
        [partial(_coarse, *scan, spacing_mm) for scan in ((fixed, fixed_body), (moving, moving_body))]
    )
    reference = _around_body(first, fixed_body)
    axes = _axes(fixed, moving, transform)
    own = _variances(fixed, spacing_mm, interpolated=False)
    other = _variances(moving, spacing_mm, interpolated=True)
    target = np.maximum(own, other[axes])
    back = np.argsort(axes)
    baseline, followup = together(
        [
            lambda: sample(_blurred(first, target - own), reference),
            lambda: sample(
                refined(_blurred(second, target[back] - other), spacing_mm), reference, transform, outside=UNSEEN_HU
            ),
        ]
    )
    body = (sample(fixed_body, reference, labels=True) > 0) & (followup > UNSEEN_HU)
    _check_common(body, reference)
    unseen = followup <= UNSEEN_HU
    followup[unseen] = baseline[unseen]
    return Compared(reference, baseline, followup, body, np.array(moving.GetSpacing())[axes])


def _coarse(image: sitk.Image, body: sitk.Image, spacing_mm: float) -> sitk.Image:
    """The scan without table, decimated, as an image."""
    values, to_world = decimated(image, body, spacing_mm)
    coarse = sitk.GetImageFromArray(values)
    coarse.SetDirection(image.GetDirection())
    coarse.SetSpacing(np.linalg.norm(to_world[:3, :3], axis=0).tolist())
    coarse.SetOrigin(to_world[:3, 3].tolist())
    return coarse


def _around_body(reference: sitk.Image, body: sitk.Image) -> sitk.Image:
    """Cut a grid to the box of a body, whose slices stay."""
    inside = sample(body, reference, labels=True) > 0
    if not inside.any():
        raise InputError("No body was found in the baseline: check that it is a CT in HU.")
    (i, last_i), (j, last_j) = (np.flatnonzero(inside.any(axis=axes))[[0, -1]].tolist() for axes in ((0, 1), (0, 2)))
    return reference[i : last_i + 1, j : last_j + 1, :]


def _axes(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """For each axis of the fixed scan, the one of the moving scan that lies nearest to it: (3,), a permutation."""
    parts = parts_of(transform)
    linear = np.eye(3) if parts is None else parts.matrix[:3, :3]
    own, other = (np.reshape(image.GetDirection(), (3, 3)) for image in (fixed, moving))
    along = np.abs(np.linalg.inv(other) @ linear @ own)
    axes = np.argmax(along, axis=0)
    return axes if len(set(axes.tolist())) == 3 else np.arange(3)


def _variances(image: sitk.Image, spacing_mm: float, *, interpolated: bool) -> np.ndarray:
    """Variance of what a decimated scan shows at a point, along its own axes (x, y, z): (3,), mm squared."""
    found = []
    for spacing in image.GetSpacing():
        coarser = is_decimated(spacing, spacing_mm)
        step = spacing_mm if coarser else spacing
        seen = (DECIMATED_VARIANCE if coarser else BOX_VARIANCE) * step**2
        found.append(seen + (LINEAR_VARIANCE * (step / finer_by(step, spacing_mm)) ** 2 if interpolated else 0.0))
    return np.array(found)


def _blurred(image: sitk.Image, variance: np.ndarray) -> sitk.Image:
    """Blur an image by a variance along each of its axes, mm squared."""
    values = sitk.GetArrayViewFromImage(image)
    for axis, (extra, spacing) in enumerate(zip(variance, image.GetSpacing(), strict=True)):
        if extra > 1e-6:
            values = gaussian_filter1d(values, np.sqrt(extra) / spacing, axis=2 - axis, mode="nearest", truncate=REACH)
    blurred = sitk.GetImageFromArray(values)
    blurred.CopyInformation(image)
    return blurred


def _check_common(body: np.ndarray, reference: sitk.Image) -> None:
    """Raise an InputError unless the body that both scans show, [k, j, i], has some extent along every axis."""
    for axis, spacing in enumerate(reference.GetSpacing()):
        used = np.flatnonzero(body.any(axis=tuple(a for a in range(3) if a != 2 - axis)))
        if not used.size or (used[-1] - used[0] + 1) * spacing < MIN_COMMON_MM:
            raise InputError(
                f"Along the transform the two scans have no {MIN_COMMON_MM:.0f} mm of the body in common: choose two "
                "scans of the same patient and region, and the transform that belongs to them."
            )
