"""Compiled resampling of a whole scan through an affine and a displacement field, a range of slices each."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def warp_slices(moving, to_moving, turn, field, to_field, nearest, rounded, outside, out, first, stop):
    """out[k, j, i] = moving at to_moving (i, j, k, 1) + turn u, where u is the field at to_field (i, j, k, 1).

    The matrices (3, 4) give voxel coordinates, turn (3, 3) takes mm of the field to voxels of the moving scan. field is
    [component, k, j, i], zero beyond its voxels. Trilinear, rounded to integers where told so, or the nearest voxel;
    `outside` where a point is more than half a voxel off the moving scan.
    """
    depth, height, width = moving.shape
    fk, fj, fi = field.shape[1:]
    zero = np.float32(0)
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                ux = uy = uz = zero
                p = to_field[0, 0] * i + to_field[0, 1] * j + to_field[0, 2] * k + to_field[0, 3]
                q = to_field[1, 0] * i + to_field[1, 1] * j + to_field[1, 2] * k + to_field[1, 3]
                r = to_field[2, 0] * i + to_field[2, 1] * j + to_field[2, 2] * k + to_field[2, 3]
                if p >= 0 and q >= 0 and r >= 0 and p <= fi - 1 and q <= fj - 1 and r <= fk - 1:
                    a, b, c = min(int(p), fi - 2), min(int(q), fj - 2), min(int(r), fk - 2)
                    u, v, w = np.float32(p - a), np.float32(q - b), np.float32(r - c)
                    w00, w01 = (1 - w) * (1 - v), (1 - w) * v
                    w10, w11 = w * (1 - v), w * v
                    for n in range(3):
                        low = w00 * field[n, c, b, a] + w01 * field[n, c, b + 1, a]
                        low += w10 * field[n, c + 1, b, a] + w11 * field[n, c + 1, b + 1, a]
                        high = w00 * field[n, c, b, a + 1] + w01 * field[n, c, b + 1, a + 1]
                        high += w10 * field[n, c + 1, b, a + 1] + w11 * field[n, c + 1, b + 1, a + 1]
                        value = low + u * (high - low)
                        if n == 0:
                            ux = value
                        elif n == 1:
                            uy = value
                        else:
                            uz = value
                x = to_moving[0, 0] * i + to_moving[0, 1] * j + to_moving[0, 2] * k + to_moving[0, 3]
                y = to_moving[1, 0] * i + to_moving[1, 1] * j + to_moving[1, 2] * k + to_moving[1, 3]
                z = to_moving[2, 0] * i + to_moving[2, 1] * j + to_moving[2, 2] * k + to_moving[2, 3]
                x += turn[0, 0] * ux + turn[0, 1] * uy + turn[0, 2] * uz
                y += turn[1, 0] * ux + turn[1, 1] * uy + turn[1, 2] * uz
                z += turn[2, 0] * ux + turn[2, 1] * uy + turn[2, 2] * uz
                if x < -0.5 or y < -0.5 or z < -0.5 or x >= width - 0.5 or y >= height - 0.5 or z >= depth - 0.5:
                    out[k, j, i] = outside
                    continue
                if nearest:
                    a, b, c = int(math.floor(x + 0.5)), int(math.floor(y + 0.5)), int(math.floor(z + 0.5))
                    out[k, j, i] = moving[min(c, depth - 1), min(b, height - 1), min(a, width - 1)]
                    continue
                x, y, z = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0), min(max(z, 0.0), depth - 1.0)
                a, b, c = int(x), int(y), int(z)
                d, e, f = min(a + 1, width - 1), min(b + 1, height - 1), min(c + 1, depth - 1)
                u, v, w = x - a, y - b, z - c
                x00 = moving[c, b, a] + u * (moving[c, b, d] - float(moving[c, b, a]))
                x01 = moving[c, e, a] + u * (moving[c, e, d] - float(moving[c, e, a]))
                x10 = moving[f, b, a] + u * (moving[f, b, d] - float(moving[f, b, a]))
                x11 = moving[f, e, a] + u * (moving[f, e, d] - float(moving[f, e, a]))
                y0, y1 = x00 + v * (x01 - x00), x10 + v * (x11 - x10)
                total = y0 + w * (y1 - y0)
                out[k, j, i] = math.floor(total + 0.5) if rounded else total
