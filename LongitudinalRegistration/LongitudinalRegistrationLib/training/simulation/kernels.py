"""Compiled steps of the simulated deformations, a range of slices each."""

from __future__ import annotations

import numpy as np

from ...scan.sampling import bilinear, cell, corners_at, lerp, trilinear
from ...system.arrays import Float32Array, Float64Array, Int64Array
from ...system.compiled import kernel

FARTHEST = 1e-7


@kernel(fused=True)
def sum_gaussians_slices(
    along_i: Float64Array,
    along_j: Float64Array,
    along_k: Float64Array,
    vectors: Float64Array,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Add vectors, each times a Gaussian around a point of its own. A matrix product would start threads of its own.

    Parameters
    ----------
    along_i, along_j, along_k
        [point, voxel], float64, the Gaussians along each axis.
    vectors
        [point, component], float64.
    out
        [k, j, i, component], float32, 0 before; slices first..stop-1 are written.
    """
    for k in range(first, stop):
        for p in range(len(vectors)):
            x, y, z = vectors[p, 0], vectors[p, 1], vectors[p, 2]
            for j in range(out.shape[1]):
                weight = along_k[p, k] * along_j[p, j]
                if weight < FARTHEST:
                    continue
                row = out[k, j]
                for i in range(row.shape[0]):
                    share = weight * along_i[p, i]
                    row[i, 0] += share * x
                    row[i, 1] += share * y
                    row[i, 2] += share * z


@kernel(fused=True)
def densify_slices(
    coarse: Float32Array, ratio: float, origin: Float64Array, out: Float32Array, first: int, stop: int
) -> None:
    """Interpolate a coarse field at the voxels of a block of a fine grid.

    Parameters
    ----------
    coarse
        [k, j, i, component], float32; the first voxels of both grids coincide.
    ratio
        float, fine spacing over coarse spacing.
    origin
        (3,), float64, the block's first voxel [k, j, i] on the fine grid.
    out
        [k, j, i, component], float32; slices first..stop-1 are written.
    """
    nk, nj, ni, components = coarse.shape
    before_k, before_j, before_i = origin[0], origin[1], origin[2]
    for k in range(first, stop):
        row = np.empty((ni, components), np.float32)
        k0, k1, w64 = cell((k + before_k) * ratio, nk)
        w = np.float32(w64)
        for j in range(out.shape[1]):
            j0, j1, v64 = cell((j + before_j) * ratio, nj)
            v = np.float32(v64)
            c00, c01, c10, c11 = coarse[k0, j0], coarse[k0, j1], coarse[k1, j0], coarse[k1, j1]
            for i in range(ni):
                for n in range(components):
                    row[i, n] = bilinear(c00[i, n], c01[i, n], c10[i, n], c11[i, n], v, w)
            target = out[k, j]
            for i in range(target.shape[0]):
                i0, i1, u64 = cell((i + before_i) * ratio, ni)
                u = np.float32(u64)
                for n in range(components):
                    target[i, n] = lerp(row[i0, n], row[i1, n], u)


@kernel(fused=True)
def warp_slices(
    volume: Float32Array,
    field_voxels: Float32Array,
    origin: Int64Array,
    step: int,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Sample a volume at x + field(x) for the voxels x of a block, the nearest edge voxel outside.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    field_voxels
        [k, j, i, component], float32, components (i, j, k), in voxels of the volume.
    origin
        (3,), int64, the block's first voxel [k, j, i] in the volume.
    step
        int, the block's voxels lie so many of the volume's apart.
    out
        [k, j, i], float32; slices first..stop-1 are written.
    """
    depth, height, width = volume.shape
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                i0, i1, u = cell(step * i + origin[2] + field_voxels[k, j, i, 0], width)
                j0, j1, v = cell(step * j + origin[1] + field_voxels[k, j, i, 1], height)
                k0, k1, w = cell(step * k + origin[0] + field_voxels[k, j, i, 2], depth)
                corners = corners_at(volume, k0, k1, j0, j1, i0, i1)
                out[k, j, i] = trilinear(corners, np.float32(u), np.float32(v), np.float32(w))
