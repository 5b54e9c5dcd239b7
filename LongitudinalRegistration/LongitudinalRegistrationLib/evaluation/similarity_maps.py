"""Where two scans are alike: maps of local SSIM and local correlation, for pairs without labels above all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample
from ..scan.body import find_body
from ..scan.grid import AIR_HU, body_bounds, covering_grid
from ..scan.normalise import ceiling_hu, normalise
from .metrics import covariance, moments, ncc_map, ssim_map

SPACING_MM = 4.0
FINEST_MM = 2.0
WINDOW_MM = 18.0
UNSEEN_HU = -1e6


@dataclass(frozen=True)
class SimilarityMaps:
    """Where two scans are alike.

    Attributes
    ----------
    ssim, ncc
        Local similarity in [-1, 1], float32, NaN outside the body and, for ncc, where a window is flat.
    """

    ssim: sitk.Image
    ncc: sitk.Image


def window_voxels(spacing_mm: float, window_mm: float = WINDOW_MM) -> int:
    """Find the odd number of voxels nearest to a window's side.

    Parameters
    ----------
    spacing_mm
        Of the voxels.
    window_mm
        Side of the window.

    Returns
    -------
    int
        At least 3.
    """
    return max(2 * round((window_mm / spacing_mm - 1) / 2) + 1, 3)


def _block_means(values: np.ndarray, ratio: int) -> np.ndarray:
    """Means over cubes of `ratio` voxels; what is left over at the ends is dropped."""
    shape = [n // ratio for n in values.shape]
    cut = values[tuple(slice(n * ratio) for n in shape)]
    return cut.reshape([part for n in shape for part in (n, ratio)]).mean(axis=(1, 3, 5))


def similarity_maps(
    fixed: sitk.Image, registered: sitk.Image, body: sitk.Image | None = None, spacing_mm: float = SPACING_MM
) -> SimilarityMaps:
    """Local SSIM and local NCC of a fixed and a registered scan within the fixed body.

    Parameters
    ----------
    fixed, registered
        Scans, HU, on any grids; the registered one is air (-1024 HU) where the moving scan has no data.
    body
        The fixed body, 0 or 1, on the fixed scan's grid; None: it is looked for.
    spacing_mm
        Isotropic voxels of the maps, a multiple of 2 mm, along the LPS axes around the body; windows are some 18 mm
        wide.

    Returns
    -------
    SimilarityMaps
        Both maps on one grid.

    Raises
    ------
    InputError
        If the body is empty, or the fixed scan is no CT.
    """
    body = find_body(fixed).mask if body is None else body
    fine = covering_grid(body_bounds(body), FINEST_MM)
    ratio = max(round(spacing_mm / FINEST_MM), 1)
    reference = fine.coarser(ratio).reference()
    scans = [_block_means(sample(image, fine.reference()), ratio) for image in (fixed, registered)]
    inside = sample(body, reference, labels=True) > 0
    seen = sample(registered, reference, outside=UNSEEN_HU) > AIR_HU
    ceiling, window = ceiling_hu(scans[0], inside), window_voxels(spacing_mm)
    first, second = (moments(normalise(scan, ceiling), window) for scan in scans)
    common = covariance(first, second, window)
    shown = inside & seen
    maps = []
    for values_of in (ssim_map, ncc_map):
        image = sitk.GetImageFromArray(np.where(shown, values_of(first, second, common), np.float32(np.nan)))
        image.CopyInformation(reference)
        maps.append(image)
    return SimilarityMaps(*maps)
