"""The network's grid (paper, section 3.2: 160 x 160 x 256 voxels) and resampling onto it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

NETWORK_SIZE = (160, 160, 256)
NETWORK_SPACING_MM = 2.0
AIR_HU = -1024.0
MIN_COMMON_MM = 30.0


@dataclass(frozen=True)
class Grid:
    """Isotropic voxels along the LPS axes: size (i, j, k), spacing in mm, origin (LPS, mm) of the first voxel."""

    size: tuple[int, int, int]
    origin: tuple[float, float, float]
    spacing_mm: float = NETWORK_SPACING_MM

    def reference(self) -> sitk.Image:
        """Make an empty image with this geometry, uint8.

        Returns
        -------
        SimpleITK.Image
            All 0.
        """
        image = sitk.Image(list(self.size), sitk.sitkUInt8)
        image.SetSpacing([self.spacing_mm] * 3)
        image.SetOrigin(self.origin)
        return image

    def coarser(self, factor: int) -> Grid:
        """Cover the same box with voxels `factor` times as large, each covering a cube of ours.

        Examples
        --------
        >>> Grid((8, 8, 4), (0.0, 0.0, 0.0), 2.0).coarser(2)
        Grid(size=(4, 4, 2), origin=(1.0, 1.0, 1.0), spacing_mm=4.0)
        """
        shift = 0.5 * (factor - 1) * self.spacing_mm
        (ni, nj, nk), (x, y, z) = self.size, self.origin
        size = ni // factor, nj // factor, nk // factor
        return Grid(size, (x + shift, y + shift, z + shift), factor * self.spacing_mm)

    def image(self, array: np.ndarray) -> sitk.Image:
        """Give an array this geometry.

        Parameters
        ----------
        array
            [k, j, i], or [k, j, i, component].

        Returns
        -------
        SimpleITK.Image
            Of the array's type; a vector image where it has components.
        """
        image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
        image.SetSpacing([self.spacing_mm] * 3)
        image.SetOrigin(self.origin)
        return image


def grid_from(size: np.ndarray, origin: np.ndarray, spacing_mm: float) -> Grid:
    """Make a grid from arrays.

    Parameters
    ----------
    size
        (3,), voxels (i, j, k), whole numbers of any type.
    origin
        (3,), first voxel's centre (x, y, z), LPS mm.
    spacing_mm
        Isotropic.

    Returns
    -------
    Grid
        Of plain numbers.
    """
    (ni, nj, nk), (x, y, z) = size.astype(int).tolist(), origin.astype(float).tolist()
    return Grid((ni, nj, nk), (x, y, z), spacing_mm)


def body_bounds(mask: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Find the smallest LPS box around a mask.

    Parameters
    ----------
    mask
        Any grid; not 0 inside.

    Returns
    -------
    low, high
        Corners, (3,), float64: x, y, z, mm.

    Raises
    ------
    InputError
        If the mask is empty.
    """
    array = sitk.GetArrayViewFromImage(mask)
    spans = []
    for axis in (2, 1, 0):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(array.any(axis=others))
        if used.size == 0:
            raise InputError("No body was found in the scan: check that it is a CT in HU, or skip table removal.")
        spans.append((used[0] - 0.5, used[-1] + 0.5))
    corners = [
        mask.TransformContinuousIndexToPhysicalPoint((x, y, z)) for x in spans[0] for y in spans[1] for z in spans[2]
    ]
    return np.min(corners, axis=0), np.max(corners, axis=0)


Bounds = tuple[np.ndarray, np.ndarray]


def common_box(fixed: Bounds, moving: Bounds, affine: sitk.Transform) -> Bounds:
    """Find the box that two bodies share.

    Parameters
    ----------
    fixed, moving
        Corners of the bodies, as from body_bounds.
    affine
        Fixed points to moving points, LPS mm.

    Returns
    -------
    low, high
        Corners, LPS mm.

    Raises
    ------
    InputError
        If the scans share less than 30 mm along any axis.
    """
    back = affine.GetInverse()
    corners = [back.TransformPoint(tuple(map(float, corner))) for corner in product(*zip(*moving, strict=True))]
    low, high = np.maximum(fixed[0], np.min(corners, axis=0)), np.minimum(fixed[1], np.max(corners, axis=0))
    if np.any(high - low < MIN_COMMON_MM):
        raise InputError(
            f"The two scans have no part of the body in common (at least {MIN_COMMON_MM:.0f} mm are needed): "
            "choose two scans of the same patient and the same region."
        )
    return low, high


def common_grid(fixed: Bounds, moving: Bounds, affine: sitk.Transform) -> Grid:
    """Centre the paper's grid on the part that both bodies share (cropped or padded to its size); see common_box."""
    low, high = common_box(fixed, moving, affine)
    origin = (low + high) / 2.0 - (np.array(NETWORK_SIZE) - 1) / 2.0 * NETWORK_SPACING_MM
    return grid_from(np.array(NETWORK_SIZE), origin, NETWORK_SPACING_MM)


def covering_grid(bounds: Bounds, spacing_mm: float, margin_mm: float = 10.0) -> Grid:
    """Make a grid of isotropic voxels around a body and a margin.

    Parameters
    ----------
    bounds
        Corners, LPS mm, as from body_bounds.
    spacing_mm
        Voxel size.
    margin_mm
        On every side.
    """
    low, high = bounds
    size = np.ceil((high - low + 2 * margin_mm) / spacing_mm).astype(int) + 1
    return grid_from(size, low - margin_mm, spacing_mm)


def resample(
    image: sitk.Image,
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    *,
    labels: bool = False,
    outside: float = AIR_HU,
) -> sitk.Image:
    """Resample onto a reference grid: linear, or nearest neighbour for labels.

    Parameters
    ----------
    image
        Any grid and type.
    reference
        Image with the grid that is wanted.
    transform
        Reference points to image points, LPS mm; None is the identity.
    outside
        Value where the image has none (labels: 0).

    Returns
    -------
    SimpleITK.Image
        On the reference's grid, of the image's type.
    """
    return sitk.Resample(
        image,
        reference,
        sitk.Transform(3, sitk.sitkIdentity) if transform is None else transform,
        sitk.sitkNearestNeighbor if labels else sitk.sitkLinear,
        0 if labels else outside,
        image.GetPixelID(),
    )


def smooth_for_spacing(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    """Blur an image along the axes that a coarser grid would alias.

    Parameters
    ----------
    image
        Of a floating-point type.
    spacing_mm
        Of the grid that it is to be resampled to; sigma is half of it.

    Returns
    -------
    SimpleITK.Image
        Like the image.
    """
    for axis, own in enumerate(image.GetSpacing()):
        if own < 0.75 * spacing_mm:
            image = sitk.RecursiveGaussian(image, 0.5 * spacing_mm, direction=axis)
    return image
