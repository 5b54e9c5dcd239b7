"""The smooth motion between two scans, its inverse, and the transform that users get as the truth.

A field is a table of Gaussian terms, one a row: centre (3), 1/sigma^2 (3), vector (3), radial gain (1); lengths in
mm. Its displacement at x is the sum of (vector + gain * (x - centre)) * exp(-0.5 * sum((x - centre)^2 / sigma^2)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numba import njit, prange
from numpy.typing import ArrayLike
from scipy.ndimage import laplace

from ..field.transforms import compose
from .anatomy import Patient

NODE_SPACING_MM = 6.0
_REFERENCE_MM = 8.0
_MAX_ITERATIONS = 60
_CONVERGED_MM = 1e-3


@dataclass(frozen=True)
class ScanMap:
    """Scan point p to canonical point: q = matrix p + offset, then q + displacement(terms, q). mm."""

    matrix: np.ndarray
    offset: np.ndarray
    terms: np.ndarray


@njit(cache=True, inline="always")
def displacement(terms: np.ndarray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Compute the displacement of a field at one point.

    Parameters
    ----------
    terms
        (n, 10), float64, see the module.
    x, y, z
        Canonical point, mm.

    Returns
    -------
    x, y, z
        mm.
    """
    ux = uy = uz = 0.0
    for n in range(terms.shape[0]):
        dx, dy, dz = x - terms[n, 0], y - terms[n, 1], z - terms[n, 2]
        power = dx * dx * terms[n, 3] + dy * dy * terms[n, 4] + dz * dz * terms[n, 5]
        if power < 40.0:
            weight = math.exp(-0.5 * power)
            gain = terms[n, 9]
            ux += weight * (terms[n, 6] + gain * dx)
            uy += weight * (terms[n, 7] + gain * dy)
            uz += weight * (terms[n, 8] + gain * dz)
    return ux, uy, uz


@njit(cache=True, parallel=True)
def _displace(terms: np.ndarray, points: np.ndarray, out: np.ndarray) -> None:
    for n in prange(points.shape[0]):
        out[n, 0], out[n, 1], out[n, 2] = displacement(terms, points[n, 0], points[n, 1], points[n, 2])


@njit(cache=True, parallel=True)
def _invert_on_grid(
    terms: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    inverse: np.ndarray,
    origin: np.ndarray,
    step: float,
    out: np.ndarray,
) -> None:
    """Fill out [k, j, i, 3] with the displacement (scan mm) from each node to where the field's inverse puts it.

    Fixed-point iteration in canonical space, each node starting from its neighbour's answer.
    """
    for k in prange(out.shape[0]):
        for j in range(out.shape[1]):
            ux = uy = uz = 0.0
            for i in range(out.shape[2]):
                sx, sy, sz = origin[0] + i * step, origin[1] + j * step, origin[2] + k * step
                px = matrix[0, 0] * sx + matrix[0, 1] * sy + matrix[0, 2] * sz + offset[0]
                py = matrix[1, 0] * sx + matrix[1, 1] * sy + matrix[1, 2] * sz + offset[1]
                pz = matrix[2, 0] * sx + matrix[2, 1] * sy + matrix[2, 2] * sz + offset[2]
                for _ in range(_MAX_ITERATIONS):
                    vx, vy, vz = displacement(terms, px - ux, py - uy, pz - uz)
                    change = abs(vx - ux) + abs(vy - uy) + abs(vz - uz)
                    ux, uy, uz = vx, vy, vz
                    if change < _CONVERGED_MM:
                        break
                for a in range(3):
                    out[k, j, i, a] = -(inverse[a, 0] * ux + inverse[a, 1] * uy + inverse[a, 2] * uz)


def displace(terms: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Compute the displacements of a field at points.

    Parameters
    ----------
    terms
        (n, 10), float64, see the module.
    points
        (m, 3), float64, canonical x, y, z, mm.

    Returns
    -------
    numpy.ndarray
        (m, 3), like the points, mm.

    Examples
    --------
    >>> still = np.zeros((0, 10))
    >>> displace(still, np.ones((1, 3))).tolist()
    [[0.0, 0.0, 0.0]]
    """
    out = np.empty_like(points)
    _displace(terms, points, out)
    return out


def draw_field(rng: np.random.Generator, patient: Patient, deformation_mm: float) -> np.ndarray:
    """Draw the motion of a follow-up: spine bend, breathing, bladder filling, bowel.

    Parameters
    ----------
    rng
        What is drawn from.
    patient
        Whose scale the motion takes.
    deformation_mm
        How strong; 8 mm is the strength that the numbers were chosen at.

    Returns
    -------
    numpy.ndarray
        (n, 10), float64: terms, see the module.
    """
    rows = [_bend(rng, z) for z in (-40.0, 45.0, 125.0, 205.0, 285.0)]
    for index, row in enumerate(rows):
        row[6] *= (-1.0) ** index
    breathing, side = rng.uniform(8.0, 10.5), rng.choice([-1.0, 1.0])
    rows.append(_term((0, -35, 285), (150, 60, 65), (0.0, -1.5, side * breathing)))
    rows.append(_term((0, -60, 190), (110, 50, 60), (0.0, 0.0, side * 0.45 * breathing)))
    rows.append(_term((0, -25, -98), (34, 30, 34), (0, 0, 0), gain=rng.choice([-1.0, 1.0]) * rng.uniform(0.14, 0.2)))
    for _ in range(5):
        centre = rng.uniform((-90, -80, -50), (90, -20, 180))
        rows.append(_term(centre, rng.uniform(38, 55, 3), rng.normal(0.0, 3.4, 3)))
    terms = np.array(rows)
    terms[:, 0:3] *= patient.scale
    terms[:, 3:6] /= patient.scale**2
    terms[:, 6:10] *= deformation_mm / _REFERENCE_MM
    return terms


def _bend(rng: np.random.Generator, z: float) -> np.ndarray:
    sideways = rng.uniform(3.5, 5.5)
    return _term((0, 30, z), (400, 170, 42), (sideways, rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 3.6), 0.0))


def _term(
    centre: Sequence[float] | np.ndarray, sigma: ArrayLike, vector: Sequence[float] | np.ndarray, gain: float = 0.0
) -> np.ndarray:
    return np.array([*centre, *(1.0 / np.asarray(sigma, dtype=float) ** 2), *vector, gain], dtype=float)


def true_transform(baseline: ScanMap, followup: ScanMap, reference: sitk.Image) -> sitk.CompositeTransform:
    """Make the transform from baseline points to follow-up points: an affine after a displacement field of 6 mm nodes.

    Linear interpolation of a curved field errs to one side, by an eighth of the second difference between nodes; half
    of that is taken off at the nodes, which halves the largest error.

    Parameters
    ----------
    baseline, followup
        Scan point to canonical point; the baseline's must be affine.
    reference
        The baseline image. The field is true in it and 24 mm around it; beyond that it fades to zero.

    Returns
    -------
    SimpleITK.CompositeTransform
        LPS, mm.
    """
    margin = 24.0
    spacing = np.array(reference.GetSpacing())
    origin = np.array(reference.GetOrigin()) - margin
    extent = spacing * (np.array(reference.GetSize()) - 1) + 2.0 * margin
    size = np.ceil(extent / NODE_SPACING_MM).astype(int) + 1
    vectors = np.empty((*size[::-1], 3))
    inverse = np.linalg.inv(baseline.matrix)
    _invert_on_grid(followup.terms, baseline.matrix, baseline.offset, inverse, origin, NODE_SPACING_MM, vectors)
    for a in range(3):
        vectors[..., a] -= laplace(vectors[..., a], mode="nearest") / 16.0
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetOrigin(origin.tolist())
    image.SetSpacing([NODE_SPACING_MM] * 3)
    back = np.linalg.inv(followup.matrix)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((back @ baseline.matrix).ravel().tolist())
    affine.SetTranslation((back @ (baseline.offset - followup.offset)).tolist())
    return compose(affine, image)
