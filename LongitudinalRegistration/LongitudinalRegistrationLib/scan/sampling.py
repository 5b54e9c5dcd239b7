"""Linear interpolation in compiled code: the one place where it is written down.

All of it is inlined into the kernels that call it. Numbers keep the precision of the position that is asked for: with
float32 positions all is done in float32, with float64 positions in float64. The in-graph counterpart is
methods/network/architectures/spatial_transformer.py.
"""

from __future__ import annotations

import numpy as np

from ..system.arrays import AnyArray, Corners, Real
from ..system.compiled import inlined

ZERO, ONE = np.float32(0), np.float32(1)


@inlined
def cell(position: Real, size: int) -> tuple[int, int, Real]:
    """Find the two voxels of an axis between which a position lies.

    Parameters
    ----------
    position
        float, in voxels; held within 0 and size - 1, so that the outermost voxels go on outside.
    size
        int, voxels of the axis, 1 or more.

    Returns
    -------
    low, high
        int, the voxel before the position and the next one (the same where the axis has one voxel only).
    fraction
        Of the way from `low` to `high`, 0 to 1, of the position's type.

    Examples
    --------
    >>> cell(2.25, 4), cell(-3.0, 4), cell(3.0, 4), cell(0.5, 1)
    ((2, 3, 0.25), (0, 1, 0.0), (2, 3, 1.0), (0, 0, 0.0))
    """
    held = min(max(position, ZERO), np.float32(size - 1))
    low = min(int(held), max(size - 2, 0))
    return low, low + min(size - 1, 1), held - np.float32(low)


@inlined
def lerp(a: Real, b: Real, t: Real) -> Real:
    """Interpolate linearly between two numbers: `a` at t = 0, `b` at t = 1.

    Examples
    --------
    >>> lerp(10.0, 20.0, 0.25)
    12.5
    """
    return a + (b - a) * t


@inlined
def bilinear(v00: Real, v01: Real, v10: Real, v11: Real, v: Real, w: Real) -> Real:
    """Interpolate between four numbers: the second index along `v`, the first along `w`.

    Examples
    --------
    >>> bilinear(0.0, 1.0, 10.0, 11.0, 0.5, 0.1)
    1.5
    """
    return lerp(lerp(v00, v01, v), lerp(v10, v11, v), w)


@inlined
def trilinear(corners: Corners, u: Real, v: Real, w: Real) -> Real:
    """Interpolate in a cell.

    Parameters
    ----------
    corners
        The eight values 000, 001, 010, 011, 100, 101, 110, 111, indices k, j, i, as from corners_at.
    u, v, w
        Fractions of the way along i, j and k, as from cell.

    Returns
    -------
    float
        The value, in the corners' unit.
    """
    v000, v001, v010, v011, v100, v101, v110, v111 = corners
    x00, x01, x10, x11 = lerp(v000, v001, u), lerp(v010, v011, u), lerp(v100, v101, u), lerp(v110, v111, u)
    return lerp(lerp(x00, x01, v), lerp(x10, x11, v), w)


@inlined
def trilinear_with_slopes(corners: Corners, u: Real, v: Real, w: Real) -> tuple[Real, Real, Real, Real]:
    """Interpolate in a cell, with the derivatives of what is interpolated; see trilinear.

    Parameters
    ----------
    corners, u, v, w
        As in trilinear.

    Returns
    -------
    value
        In the corners' unit.
    di, dj, dk
        Slopes along i, j and k, in the corners' unit per voxel.
    """
    v000, v001, v010, v011, v100, v101, v110, v111 = corners
    d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
    x00, x01, x10, x11 = v000 + d00 * u, v010 + d01 * u, v100 + d10 * u, v110 + d11 * u
    e0, e1 = x01 - x00, x11 - x10
    y0, y1 = x00 + e0 * v, x10 + e1 * v
    dk = y1 - y0
    di = lerp(lerp(d00, d01, v), lerp(d10, d11, v), w)
    return y0 + dk * w, di, lerp(e0, e1, w), dk


@inlined
def corners_at(volume: AnyArray, k0: int, k1: int, j0: int, j1: int, i0: int, i1: int) -> Corners:
    """Read the eight voxels around a position of a volume [k, j, i] of any type.

    Parameters
    ----------
    volume
        [k, j, i].
    k0, k1, j0, j1, i0, i1
        int, the voxels before and after along each axis, as from cell.

    Returns
    -------
    tuple
        Eight floating-point numbers, see trilinear.
    """
    # Times one: integers become floating-point numbers, whose differences do not wrap around.
    return (
        ONE * volume[k0, j0, i0],
        ONE * volume[k0, j0, i1],
        ONE * volume[k0, j1, i0],
        ONE * volume[k0, j1, i1],
        ONE * volume[k1, j0, i0],
        ONE * volume[k1, j0, i1],
        ONE * volume[k1, j1, i0],
        ONE * volume[k1, j1, i1],
    )


@inlined
def channel_corners_at(volume: AnyArray, channel: int, k0: int, k1: int, j0: int, j1: int, i0: int, i1: int) -> Corners:
    """Read the eight voxels around a position in one channel of a volume.

    Parameters
    ----------
    volume
        [k, j, i, channel], any type.
    channel
        Which.
    k0, k1, j0, j1, i0, i1
        As in corners_at.

    Returns
    -------
    tuple
        As in corners_at.
    """
    return (
        ONE * volume[k0, j0, i0, channel],
        ONE * volume[k0, j0, i1, channel],
        ONE * volume[k0, j1, i0, channel],
        ONE * volume[k0, j1, i1, channel],
        ONE * volume[k1, j0, i0, channel],
        ONE * volume[k1, j0, i1, channel],
        ONE * volume[k1, j1, i0, channel],
        ONE * volume[k1, j1, i1, channel],
    )


@inlined
def transformed(matrix: AnyArray, x: Real, y: Real, z: Real) -> tuple[Real, Real, Real]:
    """Apply an affine matrix (3, 4), or the like with more rows, to a point.

    Parameters
    ----------
    matrix
        (3, 4), or with more rows.
    x, y, z
        The point.

    Returns
    -------
    x, y, z
        In the unit that the matrix leads to.
    """
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3],
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3],
    )
