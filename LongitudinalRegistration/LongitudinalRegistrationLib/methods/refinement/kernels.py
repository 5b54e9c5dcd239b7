"""Compiled steps of the refinement, a range of slices each: normal equations, their regularised solution.

Fields and the vectors of the solution are [component, k, j, i], float32, mm, (x, y, z). Normal equations are
[9, k, j, i], float32: the matrix A as xx, yy, zz, xy, xz, yz, then the right side b. The regularisation's operator L is
minus the divergence of the weights times the gradient: field L field are the weighted squared slopes of a field. Image
grids have `ratio` voxels for one of the field, along each axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...scan.sampling import bilinear, cell, channel_corners_at, lerp, transformed, trilinear
from ...system.arrays import Float32Array, Float64Array, Int64Array, Real, UInt8Array
from ...system.compiled import inlined, kernel


class Images(NamedTuple):
    """Two scans on one level.

    fixed, moving: [k, j, i, 2], float32, the contrast channels, each on its own grid; mask: [k, j, i], uint8, 1 at the
    fixed voxels that count; seen: [k, j, i], uint8, 1 where the moving scan has data.
    """

    fixed: Float32Array
    mask: UInt8Array
    moving: Float32Array
    seen: UInt8Array


class Geometry(NamedTuple):
    """How a field leads from one grid to the other.

    ratio: voxels of the fixed image per voxel of the field; spacing: of the fixed image, mm; matrix: (3, 4), float64,
    voxels (i, j, k, 1) of the fixed image to voxels of the moving one.
    """

    ratio: int
    spacing: float
    matrix: Float64Array


class Differences(NamedTuple):
    """Which differences are summed, and what they weigh.

    offsets: (n, 3), int64, the voxels (k, j, i) of every cube of two that are compared; gain, width: (2,), float32: a
    difference d of a channel weighs gain / (1 + d^2 / width)^2.
    """

    offsets: Int64Array
    gain: Float32Array
    width: Float32Array


class Sums(NamedTuple):
    """What is summed over the image voxels of every voxel of the field.

    equations: [9, k, j, i], A and b of the differences alone; costs: [2, k, j, i], float32, the robust sum of squares,
    and how many image voxels it is of.
    """

    equations: Float32Array
    costs: Float32Array


class System(NamedTuple):
    """(A + L) update = b - L field, with the operator L of the regularisation.

    equations: [9, k, j, i], A and b; regularisation: [k, j, i], float32, the weight of the squared slopes.
    """

    equations: Float32Array
    regularisation: Float32Array


class Gradients(NamedTuple):
    """The vectors of preconditioned conjugate gradients, and the preconditioner.

    update: the solution so far; residual: the right side less the matrix times it; direction: of the next step;
    applied: the matrix times the direction; preconditioned: the preconditioner times the residual; preconditioner:
    [6, k, j, i], float32, symmetric matrices as xx, yy, zz, xy, xz, yz.
    """

    update: Float32Array
    residual: Float32Array
    direction: Float32Array
    applied: Float32Array
    preconditioned: Float32Array
    preconditioner: Float32Array


@kernel(fused=True)
def field_row(field: Float32Array, k: int, j: int, ratio: int, line: Float32Array) -> None:
    """Interpolate a field at an image row, along k and j only.

    Parameters
    ----------
    k, j
        int, the row of the image grid.
    line
        (3, i), float32, mm: the output, on the field's own columns.
    """
    nk, nj = field.shape[1], field.shape[2]
    k0, k1, w64 = cell((k + 0.5) / ratio - 0.5, nk)
    j0, j1, v64 = cell((j + 0.5) / ratio - 0.5, nj)
    v, w = np.float32(v64), np.float32(w64)
    for c in range(3):
        a, b, d, e = field[c, k0, j0], field[c, k0, j1], field[c, k1, j0], field[c, k1, j1]
        out = line[c]
        for i in range(out.size):
            out[i] = bilinear(a[i], b[i], d[i], e[i], v, w)


@inlined
def value_at(line: Float32Array, column: int, u: Real) -> tuple[Real, Real, Real]:
    """Interpolate a row of field_row between a column and the next one.

    Parameters
    ----------
    line
        (3, i), float32, mm: as from field_row.
    column, u
        int, and the part of the way to the next column: as from columns_of.

    Returns
    -------
    x, y, z
        float32, mm.
    """
    i0, i1 = column, min(column + 1, line.shape[1] - 1)
    return lerp(line[0, i0], line[0, i1], u), lerp(line[1, i0], line[1, i1], u), lerp(line[2, i0], line[2, i1], u)


@kernel()
def columns_of(length: int, ratio: int, size: int) -> tuple[Int64Array, Float32Array]:
    """Find where an image's columns lie on those of a field.

    Parameters
    ----------
    length, size
        int, columns of the image and of the field.

    Returns
    -------
    columns, fractions
        (length,), int64 and float32: the field's column before each, and the part of the way to the next.
    """
    columns, fractions = np.empty(length, np.int64), np.empty(length, np.float32)
    for i in range(length):
        columns[i], _, fractions[i] = cell((i + 0.5) / ratio - 0.5, size)
    return columns, fractions


@kernel(fused=True)
def correlate_slices(images: Images, geometry: Geometry, field: Float32Array, first: int, stop: int) -> Float64Array:
    """Sum what a correlation needs over the mask's voxels that the moving scan shows through the field.

    Parameters
    ----------
    images
        Images.
    geometry
        Geometry.
    field
        [component, k, j, i], float32, mm.
    first, stop
        Slices of the fixed image.

    Returns
    -------
    numpy.ndarray
        (2, 6), float64, a row for each channel: number, sums of the fixed values f and the moving values m, of f f,
        m m and f m.
    """
    fixed, mask, moving, seen = images
    ratio, spacing, matrix = geometry
    length = mask.shape[2]
    mk, mj, mi = moving.shape[:3]
    per_voxel = np.float32(1.0 / spacing)
    line = np.empty((3, field.shape[3]), np.float32)
    columns, fractions = columns_of(length, ratio, field.shape[3])
    sums = np.zeros((2, 6))
    for k in range(first, stop):
        for j in range(mask.shape[1]):
            field_row(field, k, j, ratio, line)
            for i in range(length):
                if not mask[k, j, i]:
                    continue
                dx, dy, dz = value_at(line, columns[i], fractions[i])
                x, y, z = transformed(matrix, i + per_voxel * dx, j + per_voxel * dy, k + per_voxel * dz)
                if x < 0 or y < 0 or z < 0 or x > mi - 1 or y > mj - 1 or z > mk - 1:
                    continue
                if not seen[int(z + 0.5), int(y + 0.5), int(x + 0.5)]:
                    continue
                a0, a1, u = cell(np.float32(x), mi)
                b0, b1, v = cell(np.float32(y), mj)
                c0, c1, w = cell(np.float32(z), mk)
                for n in range(2):
                    m = trilinear(channel_corners_at(moving, n, c0, c1, b0, b1, a0, a1), u, v, w)
                    f = fixed[k, j, i, n]
                    sums[n, 0] += 1
                    sums[n, 1] += f
                    sums[n, 2] += m
                    sums[n, 3] += f * f
                    sums[n, 4] += m * m
                    sums[n, 5] += f * m
    return sums


@kernel(fused=True)
def _laplacian_row(values: Float32Array, regularisation: Float32Array, k: int, j: int, line: Float32Array) -> None:
    """Apply the regularisation's operator L to a row.

    Parameters
    ----------
    values
        [k, j, i], float32, one component.
    regularisation
        [k, j, i], float32, the weights; the ends are free.
    line
        (i,), float32: the output, per voxel squared.
    """
    depth, height, width = regularisation.shape
    half = np.float32(0.5)
    own, s = values[k, j], regularisation[k, j]
    line[:] = 0
    for side in range(4):
        kn, jn = k, j
        if side == 0:
            kn = max(k - 1, 0)
        elif side == 1:
            kn = min(k + 1, depth - 1)
        elif side == 2:
            jn = max(j - 1, 0)
        else:
            jn = min(j + 1, height - 1)
        other, t = values[kn, jn], regularisation[kn, jn]
        for i in range(width):
            line[i] += half * (s[i] + t[i]) * (own[i] - other[i])
    after, t, later = own[1:], s[1:], line[1:]
    for i in range(width - 1):
        line[i] += half * (s[i] + t[i]) * (own[i] - after[i])
    for i in range(width - 1):
        later[i] += half * (s[i] + t[i]) * (after[i] - own[i])


@kernel(fused=True)
def laplacian_slices(
    field: Float32Array, regularisation: Float32Array, out: Float32Array, first: int, stop: int
) -> None:
    """Apply the regularisation's operator: out = L field.

    Parameters
    ----------
    field
        [component, k, j, i], float32, mm.
    regularisation
        [k, j, i], float32.
    out
        Like field; slices first..stop-1 are written.
    """
    for c in range(3):
        for k in range(first, stop):
            for j in range(out.shape[2]):
                _laplacian_row(field[c], regularisation, k, j, out[c, k, j])


@kernel(fused=True)
def _add_products(first: Float32Array, second: Float32Array, columns: Float32Array) -> None:
    """Multiply two rows of vectors, (3, i) each, and add to a sum for each column, (i,), float32."""
    for c in range(3):
        a, b = first[c], second[c]
        for i in range(columns.size):
            columns[i] += a[i] * b[i]


@kernel(fused=True)
def _total(columns: Float32Array) -> float:
    """Sum the sums of _add_products in float64, and set them to 0."""
    total = 0.0
    for i in range(columns.size):
        total += columns[i]
        columns[i] = 0
    return total


@kernel(fused=True)
def _multiply_row(matrix: Float32Array, vector: Float32Array, out: Float32Array) -> None:
    """Write symmetric matrices (xx, yy, zz, xy, xz, yz; i) times vectors (3, i) to out (3, i)."""
    xx, yy, zz, xy, xz, yz = matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]
    x, y, z = vector[0], vector[1], vector[2]
    a, b, c = out[0], out[1], out[2]
    for i in range(x.size):
        a[i] = xx[i] * x[i] + xy[i] * y[i] + xz[i] * z[i]
        b[i] = xy[i] * x[i] + yy[i] * y[i] + yz[i] * z[i]
        c[i] = xz[i] * x[i] + yz[i] * y[i] + zz[i] * z[i]


@kernel(fused=True)
def start_slices(system: System, field: Float32Array, gradients: Gradients, first: int, stop: int) -> float:
    """Start conjugate gradients at an update of 0.

    The residual is b - L field; the preconditioner is the inverse of the system's diagonal blocks.

    Parameters
    ----------
    system
        System.
    field
        [component, k, j, i], float32, mm.
    gradients
        Gradients; slices first..stop-1 are written, of all but `applied` and `preconditioned`.

    Returns
    -------
    float
        The residual times the preconditioned residual, which is the first direction.
    """
    equations, regularisation = system
    update, residual, direction, _, _, preconditioner = gradients
    product, columns = 0.0, np.zeros(regularisation.shape[2], np.float32)
    for k in range(first, stop):
        for j in range(regularisation.shape[1]):
            s = regularisation[k, j]
            for c in range(3):
                out, b = residual[c, k, j], equations[6 + c, k, j]
                _laplacian_row(field[c], regularisation, k, j, out)
                for i in range(out.size):
                    out[i] = b[i] - out[i]
                update[c, k, j] = 0
            for i in range(s.size):
                diagonal = np.float32(6) * s[i]
                xx = equations[0, k, j, i] + diagonal
                yy = equations[1, k, j, i] + diagonal
                zz = equations[2, k, j, i] + diagonal
                xy, xz, yz = equations[3, k, j, i], equations[4, k, j, i], equations[5, k, j, i]
                cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
                cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
                scale = np.float32(1) / (xx * cxx + xy * cxy + xz * cxz)
                preconditioner[0, k, j, i] = cxx * scale
                preconditioner[1, k, j, i] = cyy * scale
                preconditioner[2, k, j, i] = czz * scale
                preconditioner[3, k, j, i] = cxy * scale
                preconditioner[4, k, j, i] = cxz * scale
                preconditioner[5, k, j, i] = cyz * scale
            _multiply_row(preconditioner[:, k, j], residual[:, k, j], direction[:, k, j])
            _add_products(residual[:, k, j], direction[:, k, j], columns)
        product += _total(columns)
    return product


@kernel(fused=True)
def apply_slices(system: System, gradients: Gradients, first: int, stop: int) -> float:
    """Set applied = (A + L) direction.

    Parameters
    ----------
    system
        System.
    gradients
        Gradients; slices first..stop-1 of `applied` are written.

    Returns
    -------
    float
        The direction times that: the curvature along it.
    """
    equations, regularisation = system
    _, _, direction, applied, _, _ = gradients
    product, columns = 0.0, np.zeros(regularisation.shape[2], np.float32)
    line = np.empty(regularisation.shape[2], np.float32)
    for k in range(first, stop):
        for j in range(regularisation.shape[1]):
            _multiply_row(equations[:, k, j], direction[:, k, j], applied[:, k, j])
            for c in range(3):
                _laplacian_row(direction[c], regularisation, k, j, line)
                out = applied[c, k, j]
                for i in range(line.size):
                    out[i] += line[i]
            _add_products(direction[:, k, j], applied[:, k, j], columns)
        product += _total(columns)
    return product


@kernel(fused=True)
def step_slices(step: np.float32, gradients: Gradients, first: int, stop: int) -> float:
    """Go a step along the direction, and precondition the new residual.

    Parameters
    ----------
    step
        float32, in lengths of the direction.
    gradients
        Gradients; slices first..stop-1 of `update`, `residual` and `preconditioned` are written.

    Returns
    -------
    float
        The residual times the preconditioned residual.
    """
    update, residual, direction, applied, preconditioned, preconditioner = gradients
    product, columns = 0.0, np.zeros(residual.shape[3], np.float32)
    for k in range(first, stop):
        for j in range(residual.shape[2]):
            for c in range(3):
                r, p, q, out = residual[c, k, j], direction[c, k, j], applied[c, k, j], update[c, k, j]
                for i in range(r.size):
                    out[i] += step * p[i]
                    r[i] -= step * q[i]
            _multiply_row(preconditioner[:, k, j], residual[:, k, j], preconditioned[:, k, j])
            _add_products(residual[:, k, j], preconditioned[:, k, j], columns)
        product += _total(columns)
    return product


@kernel(fused=True)
def redirect_slices(ratio: np.float32, gradients: Gradients, first: int, stop: int) -> None:
    """Set the next direction: the preconditioned residual plus `ratio` (float32) times the last direction."""
    _, _, direction, _, preconditioned, _ = gradients
    for k in range(first, stop):
        for c in range(3):
            for j in range(direction.shape[2]):
                a, b = preconditioned[c, k, j], direction[c, k, j]
                for i in range(a.size):
                    b[i] = a[i] + ratio * b[i]


@kernel(fused=True)
def double_slices(field: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Resample a field to voxels half as large: linear between centres, the ends held constant.

    Parameters
    ----------
    field
        [component, k, j, i], float32, mm.
    out
        [component, 2 k, 2 j, 2 i], float32, mm; slices first..stop-1 are written.
    """
    line = np.empty((3, field.shape[3]), np.float32)
    columns, fractions = columns_of(out.shape[3], 2, field.shape[3])
    for k in range(first, stop):
        for j in range(out.shape[2]):
            field_row(field, k, j, 2, line)
            for i in range(out.shape[3]):
                out[0, k, j, i], out[1, k, j, i], out[2, k, j, i] = value_at(line, columns[i], fractions[i])
