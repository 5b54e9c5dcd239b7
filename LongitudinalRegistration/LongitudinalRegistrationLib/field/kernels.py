"""Compiled steps on displacement fields, a range of slices each: resampling a scan through one, folding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..scan.grid import AIR_HU
from ..scan.sampling import bilinear, cell, corners_at, lerp, transformed, trilinear
from ..system.arrays import AnyArray, Corners, Float32Array, Float64Array, Real, UInt8Array
from ..system.compiled import inlined, kernel

STRAIGHT = 1e-6
"""Voxels that a row may leave an axis by and still runs along it."""
AIR = np.float32(AIR_HU)
NO_MASK = np.zeros((0, 0, 0), np.uint8)
NO_MASK.flags.writeable = False


class Mapping(NamedTuple):
    """A(x + u(x)), from voxels of the output to voxels of an image.

    to_image: (3, 4), float64, voxels (i, j, k, 1) of the output to voxels of the image through A alone; jacobian:
    (3, 3), float64, mm of the field to voxels of the image; field: u, [component, k, j, i], float32, mm, zero beyond
    its voxels; to_field: (3, 4), float64, voxels of the output to voxels of the field.
    """

    to_image: Float64Array
    jacobian: Float64Array
    field: Float32Array
    to_field: Float64Array


class Values(NamedTuple):
    """What a voxel becomes.

    nearest: the image's nearest voxel, else the linear value; rounded: the linear value to an integer; outside: of the
    output's type, where a point is more than half a voxel off the image; mask: [k, j, i] of the image, uint8, 0 where
    linear values take air for what the image has, or NO_MASK.
    """

    nearest: bool
    rounded: bool
    outside: Real
    mask: UInt8Array = NO_MASK


@kernel(fused=True)
def displace_row(
    field: Float32Array, to_field: Float64Array, j: int, k: int, columns: Float32Array, row: Float32Array
) -> None:
    """Sample a displacement field along a row of the output's voxels.

    Where the row runs along an axis of the field, as it mostly does, two of the three interpolations are done once for
    the whole row.

    Parameters
    ----------
    field, to_field
        See Mapping.
    j, k
        The row.
    columns
        (3, i of the field), float32, scratch.
    row
        (3, i), float32, mm, (x, y, z), is written.
    """
    fk, fj, fi = field.shape[1:]
    width = row.shape[1]
    p, q, r = transformed(to_field, 0, j, k)
    dp, dq, dr = to_field[0, 0], to_field[1, 0], to_field[2, 0]
    row[:] = 0
    if width * max(abs(dq), abs(dr)) < STRAIGHT:
        if q < 0 or r < 0 or q > fj - 1 or r > fk - 1:
            return
        b0, b1, v64 = cell(q, fj)
        c0, c1, w64 = cell(r, fk)
        v, w = np.float32(v64), np.float32(w64)
        for n in range(3):
            f00, f01, f10, f11 = field[n, c0, b0], field[n, c0, b1], field[n, c1, b0], field[n, c1, b1]
            for a in range(fi):
                columns[n, a] = bilinear(f00[a], f01[a], f10[a], f11[a], v, w)
        for i in range(width):
            along = p + dp * i
            if along >= 0 and along <= fi - 1:
                a0, a1, u64 = cell(along, fi)
                u = np.float32(u64)
                row[0, i] = lerp(columns[0, a0], columns[0, a1], u)
                row[1, i] = lerp(columns[1, a0], columns[1, a1], u)
                row[2, i] = lerp(columns[2, a0], columns[2, a1], u)
        return
    field_x, field_y, field_z = field[0], field[1], field[2]
    for i in range(width):
        x, y, z = p + dp * i, q + dq * i, r + dr * i
        if x >= 0 and y >= 0 and z >= 0 and x <= fi - 1 and y <= fj - 1 and z <= fk - 1:
            a0, a1, u64 = cell(x, fi)
            b0, b1, v64 = cell(y, fj)
            c0, c1, w64 = cell(z, fk)
            u, v, w = np.float32(u64), np.float32(v64), np.float32(w64)
            row[0, i] = trilinear(corners_at(field_x, c0, c1, b0, b1, a0, a1), u, v, w)
            row[1, i] = trilinear(corners_at(field_y, c0, c1, b0, b1, a0, a1), u, v, w)
            row[2, i] = trilinear(corners_at(field_z, c0, c1, b0, b1, a0, a1), u, v, w)


@inlined
def in_air(corners: Corners, kept: Corners) -> Corners:
    """Put air in place of the corners of a cell, HU, that are not kept; see corners_at.

    Parameters
    ----------
    corners
        Eight values, HU.
    kept
        Of the mask: 0 where there is to be air.

    Returns
    -------
    tuple
        Eight values, HU.
    """
    v000, v001, v010, v011, v100, v101, v110, v111 = corners
    k000, k001, k010, k011, k100, k101, k110, k111 = kept
    return (
        v000 if k000 else AIR,
        v001 if k001 else AIR,
        v010 if k010 else AIR,
        v011 if k011 else AIR,
        v100 if k100 else AIR,
        v101 if k101 else AIR,
        v110 if k110 else AIR,
        v111 if k111 else AIR,
    )


@kernel(fused=True)
def resample_slices(image: AnyArray, mapping: Mapping, becomes: Values, out: AnyArray, first: int, stop: int) -> None:
    """Resample an image through an affine and a displacement field.

    Parameters
    ----------
    image
        [k, j, i], any type.
    mapping
        Mapping.
    becomes
        Values.
    out
        [k, j, i], any type; slices first..stop-1 are written.
    """
    to_image, jacobian, field, to_field = mapping
    nearest, rounded, outside, mask = becomes
    masked = mask.size > 0
    depth, height, width = image.shape
    columns = np.empty((3, field.shape[3]), np.float32)
    row, points = np.empty((3, out.shape[2]), np.float32), np.empty((3, out.shape[2]), np.float64)
    for k in range(first, stop):
        for j in range(out.shape[1]):
            displace_row(field, to_field, j, k, columns, row)
            for i in range(out.shape[2]):
                ux, uy, uz = row[0, i], row[1, i], row[2, i]
                x, y, z = transformed(to_image, i, j, k)
                points[0, i] = x + (jacobian[0, 0] * ux + jacobian[0, 1] * uy + jacobian[0, 2] * uz)
                points[1, i] = y + (jacobian[1, 0] * ux + jacobian[1, 1] * uy + jacobian[1, 2] * uz)
                points[2, i] = z + (jacobian[2, 0] * ux + jacobian[2, 1] * uy + jacobian[2, 2] * uz)
            for i in range(out.shape[2]):
                x, y, z = points[0, i], points[1, i], points[2, i]
                if x < -0.5 or y < -0.5 or z < -0.5 or x >= width - 0.5 or y >= height - 0.5 or z >= depth - 0.5:
                    out[k, j, i] = outside
                    continue
                if nearest:
                    a, b, c = int(math.floor(x + 0.5)), int(math.floor(y + 0.5)), int(math.floor(z + 0.5))
                    out[k, j, i] = image[min(c, depth - 1), min(b, height - 1), min(a, width - 1)]
                    continue
                i0, i1, s = cell(x, width)
                j0, j1, t = cell(y, height)
                k0, k1, r = cell(z, depth)
                corners = corners_at(image, k0, k1, j0, j1, i0, i1)
                if masked:
                    corners = in_air(corners, corners_at(mask, k0, k1, j0, j1, i0, i1))
                value = trilinear(corners, np.float32(s), np.float32(t), np.float32(r))
                out[k, j, i] = math.floor(value + 0.5) if rounded else value


@kernel(fused=True)
def smallest_jacobian_slices(
    field: Float32Array, spacing: Float32Array, smallest: Float32Array, first: int, stop: int
) -> None:
    """Find, at each voxel, the smallest of the ten one-sided Jacobian determinants of x + field(x).

    Eight are of the tetrahedra that a voxel spans with its neighbours along the axes. Two are of those that it spans
    with its neighbours on the diagonals of three faces, before it and after it: what is left of a cube of eight voxels
    without the tetrahedra at four of its corners.

    Parameters
    ----------
    field
        [component, k, j, i], float32, mm, (x, y, z).
    spacing
        (3,), float32: voxel size along x, y, z, mm.
    smallest
        [k, j, i], float32; slices first..stop-1 are written. 1e9 where an axis has one voxel only.
    """
    nk, nj, ni = smallest.shape
    one = np.float32(1)
    per_x, per_y, per_z = one / spacing[0], one / spacing[1], one / spacing[2]
    for k in range(first, stop):
        for j in range(nj):
            for i in range(ni):
                least = np.float32(1e9)
                ux, uy, uz = field[0, k, j, i], field[1, k, j, i], field[2, k, j, i]
                for corner in range(8):
                    sk, sj, si = 2 * (corner >> 2) - 1, 2 * ((corner >> 1) & 1) - 1, 2 * (corner & 1) - 1
                    kn, jn, im = k + sk, j + sj, i + si
                    if kn < 0 or kn >= nk or jn < 0 or jn >= nj or im < 0 or im >= ni:
                        continue
                    ex, ey, ez = np.float32(si) * per_x, np.float32(sj) * per_y, np.float32(sk) * per_z
                    xx = one + ex * (field[0, k, j, im] - ux)
                    xy = ex * (field[1, k, j, im] - uy)
                    xz = ex * (field[2, k, j, im] - uz)
                    yx = ey * (field[0, k, jn, i] - ux)
                    yy = one + ey * (field[1, k, jn, i] - uy)
                    yz = ey * (field[2, k, jn, i] - uz)
                    zx = ez * (field[0, kn, j, i] - ux)
                    zy = ez * (field[1, kn, j, i] - uy)
                    zz = one + ez * (field[2, kn, j, i] - uz)
                    determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
                    least = min(least, determinant)
                for side in range(-1, 2, 2):
                    kn, jn, im = k + side, j + side, i + side
                    if kn < 0 or kn >= nk or jn < 0 or jn >= nj or im < 0 or im >= ni:
                        continue
                    sign = np.float32(side)
                    ex, ey, ez = sign * per_x, sign * per_y, sign * per_z
                    xx = one + ex * (field[0, k, jn, im] - ux)
                    xy = one + ey * (field[1, k, jn, im] - uy)
                    xz = ez * (field[2, k, jn, im] - uz)
                    yx = ex * (field[0, kn, jn, i] - ux)
                    yy = one + ey * (field[1, kn, jn, i] - uy)
                    yz = one + ez * (field[2, kn, jn, i] - uz)
                    zx = one + ex * (field[0, kn, j, im] - ux)
                    zy = ey * (field[1, kn, j, im] - uy)
                    zz = one + ez * (field[2, kn, j, im] - uz)
                    determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
                    least = min(least, np.float32(0.5) * determinant)
                smallest[k, j, i] = least


@kernel(fused=True)
def invert_slices(
    field: Float32Array,
    to_field: Float64Array,
    exact: float,
    most_steps: int,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Find u(x) at the x with x + u(x) = p, for each voxel p of the output.

    The step is what is left of the way, halved where that grows: it ends where u is not steeper than one voxel a voxel.

    Parameters
    ----------
    field
        u, [component, k, j, i], float32, in voxels of the field along (i, j, k); zero beyond its voxels.
    to_field
        (3, 4), float64, voxels of the output to voxels of the field.
    exact
        What may be left, in voxels.
    most_steps
        After which the best so far is taken.
    out
        [component, k, j, i], float32, in voxels of the field; slices first..stop-1 are written.
    """
    field_x, field_y, field_z = field[0], field[1], field[2]
    fk, fj, fi = field.shape[1:]
    for k in range(first, stop):
        for j in range(out.shape[2]):
            for i in range(out.shape[3]):
                p, q, r = transformed(to_field, i, j, k)
                x, y, z = p, q, r
                step, least = 1.0, 1e30
                ux = uy = uz = bx = by = bz = 0.0
                bestx, besty, bestz = x, y, z
                for _ in range(most_steps):
                    ux = uy = uz = 0.0
                    if x >= 0 and y >= 0 and z >= 0 and x <= fi - 1 and y <= fj - 1 and z <= fk - 1:
                        a0, a1, u = cell(x, fi)
                        b0, b1, v = cell(y, fj)
                        c0, c1, w = cell(z, fk)
                        ux = trilinear(corners_at(field_x, c0, c1, b0, b1, a0, a1), u, v, w)
                        uy = trilinear(corners_at(field_y, c0, c1, b0, b1, a0, a1), u, v, w)
                        uz = trilinear(corners_at(field_z, c0, c1, b0, b1, a0, a1), u, v, w)
                    left_x, left_y, left_z = p - x - ux, q - y - uy, r - z - uz
                    left = math.sqrt(left_x * left_x + left_y * left_y + left_z * left_z)
                    if left < least:
                        least, step = left, 1.0
                        bestx, besty, bestz = x, y, z
                        dx, dy, dz = left_x, left_y, left_z
                        bx, by, bz = ux, uy, uz
                    else:
                        step *= 0.5
                    if least < exact:
                        break
                    x, y, z = bestx + step * dx, besty + step * dy, bestz + step * dz
                out[0, k, j, i] = bx
                out[1, k, j, i] = by
                out[2, k, j, i] = bz
