"""Compiled steps of the refinement, a range of slices each: matching evidence, regularised solution, folding.

They stand in one file because numba's cache looks at one file only. Fields are [component, k, j, i], mm, (x, y, z).
Evidence is [9, k, j, i]: the matrix A as xx, yy, zz, xy, xz, yz, then b.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, inline="always")
def _cell(position, size):
    """Index below a position held within 0..size-1, and the part of the way to the next one."""
    held = min(max(position, 0.0), size - 1.0)
    low = min(int(held), max(size - 2, 0))
    return low, np.float32(held - low)


@njit(cache=True, nogil=True, fastmath=True)
def _flow_row(flow, k, j, ratio, line):
    """The flow at image row (k, j) between its own slices and rows, along its own columns: line [3, i]."""
    nk, nj = flow.shape[1], flow.shape[2]
    k0, w = _cell((k + 0.5) / ratio - 0.5, nk)
    j0, v = _cell((j + 0.5) / ratio - 0.5, nj)
    k1, j1 = min(k0 + 1, nk - 1), min(j0 + 1, nj - 1)
    for c in range(3):
        a, b, d, e = flow[c, k0, j0], flow[c, k0, j1], flow[c, k1, j0], flow[c, k1, j1]
        out = line[c]
        for i in range(out.size):
            out[i] = (1 - w) * ((1 - v) * a[i] + v * b[i]) + w * ((1 - v) * d[i] + v * e[i])


@njit(cache=True, nogil=True, fastmath=True)
def look_slices(fixed, active, flow, ratio, corners, spacing, matrix, moving, seen, gain, width, evidence, first, stop):
    """Sum the normal equations of the flow that is left over cubes of `ratio` voxels of the images.

    The moving scan is sampled through the flow (mm of the fixed space) and matrix (3, 4), which takes voxels (i, j, k)
    of the fixed grid to voxels of the moving one. Slopes (per mm) are the mean of both images'; a difference d weighs
    gain / (1 + d^2 / width)^2. `corners` (n, 3) are the voxels (k, j, i) of every cube of two that are looked at.
    Return the robust cost and how many voxels went in. fixed and moving are [k, j, i, 2].
    """
    depth, height, length = active.shape
    mk, mj, mi = moving.shape[:3]
    one, zero = np.float32(1), np.float32(0)
    quarter, per_voxel = np.float32(0.25 / spacing), np.float32(1.0 / spacing)
    m = matrix.astype(np.float32)
    # Slopes along the moving voxels to slopes along the fixed axes, per mm.
    turn = np.float32(0.5 / spacing) * m
    line = np.empty((3, flow.shape[3]), np.float32)
    row = np.empty((flow.shape[3], 9), np.float32)
    last_x, last_y, last_z = np.float32(mi - 1), np.float32(mj - 1), np.float32(mk - 1)
    cost, count = 0.0, 0
    for kk in range(first, stop):
        for jj in range(flow.shape[2]):
            row[:] = 0
            for sub in range(ratio * ratio // 4 * corners.shape[0]):
                corner, block = sub % corners.shape[0], sub // corners.shape[0]
                k = ratio * kk + 2 * (block // (ratio // 2)) + corners[corner, 0]
                j = ratio * jj + 2 * (block % (ratio // 2)) + corners[corner, 1]
                _flow_row(flow, k, j, ratio, line)
                here, flags = fixed[k, j], active[k, j]
                behind, before = fixed[max(k - 1, 0), j], fixed[k, max(j - 1, 0)]
                ahead, after = fixed[min(k + 1, depth - 1), j], fixed[k, min(j + 1, height - 1)]
                bx = m[0, 1] * j + m[0, 2] * k + m[0, 3]
                by = m[1, 1] * j + m[1, 2] * k + m[1, 3]
                bz = m[2, 1] * j + m[2, 2] * k + m[2, 3]
                for ii in range(flow.shape[3]):
                    xx = yy = zz = xy = xz = yz = rx = ry = rz = zero
                    some = 0
                    for i in range(ratio * ii + corners[corner, 2], ratio * ii + ratio, 2):
                        if not flags[i]:
                            continue
                        ia, u = _cell((i + 0.5) / ratio - 0.5, line.shape[1])
                        ib = min(ia + 1, line.shape[1] - 1)
                        ux = per_voxel * ((one - u) * line[0, ia] + u * line[0, ib])
                        uy = per_voxel * ((one - u) * line[1, ia] + u * line[1, ib])
                        uz = per_voxel * ((one - u) * line[2, ia] + u * line[2, ib])
                        at = np.float32(i) + ux
                        x = bx + m[0, 0] * at + m[0, 1] * uy + m[0, 2] * uz
                        y = by + m[1, 0] * at + m[1, 1] * uy + m[1, 2] * uz
                        z = bz + m[2, 0] * at + m[2, 1] * uy + m[2, 2] * uz
                        if x < zero or y < zero or z < zero or x > last_x or y > last_y or z > last_z:
                            continue
                        half = np.float32(0.5)
                        if not seen[np.int64(z + half), np.int64(y + half), np.int64(x + half)]:
                            continue
                        a, b, c = min(np.int64(x), mi - 2), min(np.int64(y), mj - 2), min(np.int64(z), mk - 2)
                        fx, fy, fz = x - np.float32(a), y - np.float32(b), z - np.float32(c)
                        i0, i1 = max(i - 1, 0), min(i + 1, length - 1)
                        some += 1
                        for n in range(2):
                            v000, v001 = moving[c, b, a, n], moving[c, b, a + 1, n]
                            v010, v011 = moving[c, b + 1, a, n], moving[c, b + 1, a + 1, n]
                            v100, v101 = moving[c + 1, b, a, n], moving[c + 1, b, a + 1, n]
                            v110, v111 = moving[c + 1, b + 1, a, n], moving[c + 1, b + 1, a + 1, n]
                            d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
                            x00, x01 = v000 + fx * d00, v010 + fx * d01
                            x10, x11 = v100 + fx * d10, v110 + fx * d11
                            e0, e1 = x01 - x00, x11 - x10
                            y0, y1 = x00 + fy * e0, x10 + fy * e1
                            sz = y1 - y0
                            d = here[i, n] - (y0 + fz * sz)
                            low = d00 + fy * (d01 - d00)
                            sx = low + fz * (d10 + fy * (d11 - d10) - low)
                            sy = e0 + fz * (e1 - e0)
                            gx = turn[0, 0] * sx + turn[1, 0] * sy + turn[2, 0] * sz
                            gy = turn[0, 1] * sx + turn[1, 1] * sy + turn[2, 1] * sz
                            gz = turn[0, 2] * sx + turn[1, 2] * sy + turn[2, 2] * sz
                            gx += quarter * (here[i1, n] - here[i0, n])
                            gy += quarter * (after[i, n] - before[i, n])
                            gz += quarter * (ahead[i, n] - behind[i, n])
                            r = one / (one + d * d / width[n])
                            weight = gain[n] * r
                            cost += weight * d * d
                            weight *= r
                            wx, wy, wz = weight * gx, weight * gy, weight * gz
                            xx += wx * gx
                            yy += wy * gy
                            zz += wz * gz
                            xy += wx * gy
                            xz += wx * gz
                            yz += wy * gz
                            rx += wx * d
                            ry += wy * d
                            rz += wz * d
                    if some:
                        count += some
                        sums = row[ii]
                        sums[0] += xx
                        sums[1] += yy
                        sums[2] += zz
                        sums[3] += xy
                        sums[4] += xz
                        sums[5] += yz
                        sums[6] += rx
                        sums[7] += ry
                        sums[8] += rz
            for c in range(9):
                target = evidence[c, kk, jj]
                for ii in range(target.size):
                    target[ii] = row[ii, c]
    return cost, count


@njit(cache=True, nogil=True, fastmath=True)
def agree_slices(fixed, body, flow, ratio, spacing, matrix, moving, seen, first, stop):
    """Sums over the body's voxels that the moving scan shows through the flow (see look_slices), for each channel:
    number, f, m, f f, m m, f m; (2, 6)."""
    length = body.shape[2]
    mk, mj, mi = moving.shape[:3]
    per_voxel = np.float32(1.0 / spacing)
    line = np.empty((3, flow.shape[3]), np.float32)
    sums = np.zeros((2, 6))
    for k in range(first, stop):
        for j in range(body.shape[1]):
            _flow_row(flow, k, j, ratio, line)
            for i in range(length):
                if not body[k, j, i]:
                    continue
                ia, u = _cell((i + 0.5) / ratio - 0.5, line.shape[1])
                ib = min(ia + 1, line.shape[1] - 1)
                px = i + per_voxel * ((1 - u) * line[0, ia] + u * line[0, ib])
                py = j + per_voxel * ((1 - u) * line[1, ia] + u * line[1, ib])
                pz = k + per_voxel * ((1 - u) * line[2, ia] + u * line[2, ib])
                x = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz + matrix[0, 3]
                y = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz + matrix[1, 3]
                z = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz + matrix[2, 3]
                if x < 0 or y < 0 or z < 0 or x > mi - 1 or y > mj - 1 or z > mk - 1:
                    continue
                if not seen[int(z + 0.5), int(y + 0.5), int(x + 0.5)]:
                    continue
                a, b, c = min(int(x), mi - 2), min(int(y), mj - 2), min(int(z), mk - 2)
                fx, fy, fz = np.float32(x - a), np.float32(y - b), np.float32(z - c)
                for n in range(2):
                    x00 = moving[c, b, a, n] + fx * (moving[c, b, a + 1, n] - moving[c, b, a, n])
                    x01 = moving[c, b + 1, a, n] + fx * (moving[c, b + 1, a + 1, n] - moving[c, b + 1, a, n])
                    x10 = moving[c + 1, b, a, n] + fx * (moving[c + 1, b, a + 1, n] - moving[c + 1, b, a, n])
                    x11 = moving[c + 1, b + 1, a, n]
                    x11 += fx * (moving[c + 1, b + 1, a + 1, n] - moving[c + 1, b + 1, a, n])
                    y0, y1 = x00 + fy * (x01 - x00), x10 + fy * (x11 - x10)
                    m, f = y0 + fz * (y1 - y0), fixed[k, j, i, n]
                    sums[n, 0] += 1
                    sums[n, 1] += f
                    sums[n, 2] += m
                    sums[n, 3] += f * f
                    sums[n, 4] += m * m
                    sums[n, 5] += f * m
    return sums


@njit(cache=True, nogil=True, fastmath=True)
def _stretch_row(field, stiffness, k, j, line):
    """One row of minus the divergence of stiffness times the gradient of a component, per voxel squared; free ends."""
    depth, height, width = stiffness.shape
    half = np.float32(0.5)
    own, s = field[k, j], stiffness[k, j]
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
        other, t = field[kn, jn], stiffness[kn, jn]
        for i in range(width):
            line[i] += half * (s[i] + t[i]) * (own[i] - other[i])
    ahead, t, later = own[1:], s[1:], line[1:]
    for i in range(width - 1):
        line[i] += half * (s[i] + t[i]) * (own[i] - ahead[i])
    for i in range(width - 1):
        later[i] += half * (s[i] + t[i]) * (ahead[i] - own[i])


@njit(cache=True, nogil=True, fastmath=True)
def _dot_rows(first, second):
    total = np.float32(0)
    for c in range(3):
        a, b = first[c], second[c]
        for i in range(a.size):
            total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, fastmath=True)
def begin_slices(evidence, stiffness, flow, inverse, rest, change, towards, first, stop):
    """Start conjugate gradients for (A + S) change = b - S flow at 0: the rest, its preconditioned value `towards`,
    the preconditioner `inverse` [6, k, j, i]; return the product of the two."""
    product = 0.0
    for k in range(first, stop):
        for j in range(stiffness.shape[1]):
            s = stiffness[k, j]
            for c in range(3):
                out, b = rest[c, k, j], evidence[6 + c, k, j]
                _stretch_row(flow[c], stiffness, k, j, out)
                for i in range(out.size):
                    out[i] = b[i] - out[i]
                change[c, k, j] = 0
            for i in range(s.size):
                ridge = np.float32(6) * s[i]
                xx, yy, zz = evidence[0, k, j, i] + ridge, evidence[1, k, j, i] + ridge, evidence[2, k, j, i] + ridge
                xy, xz, yz = evidence[3, k, j, i], evidence[4, k, j, i], evidence[5, k, j, i]
                cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
                cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
                scale = np.float32(1) / (xx * cxx + xy * cxy + xz * cxz)
                inverse[0, k, j, i], inverse[1, k, j, i], inverse[2, k, j, i] = cxx * scale, cyy * scale, czz * scale
                inverse[3, k, j, i], inverse[4, k, j, i], inverse[5, k, j, i] = cxy * scale, cxz * scale, cyz * scale
            product += _times_row(inverse[:, k, j], rest[:, k, j], towards[:, k, j])
            product += _dot_rows(rest[:, k, j], towards[:, k, j])
    return product


@njit(cache=True, nogil=True, fastmath=True)
def _times_row(matrix, vector, out):
    """out = symmetric matrix (xx, yy, zz, xy, xz, yz) times vector, along a row; returns 0."""
    xx, yy, zz, xy, xz, yz = matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]
    x, y, z = vector[0], vector[1], vector[2]
    a, b, c = out[0], out[1], out[2]
    for i in range(x.size):
        a[i] = xx[i] * x[i] + xy[i] * y[i] + xz[i] * z[i]
        b[i] = xy[i] * x[i] + yy[i] * y[i] + yz[i] * z[i]
        c[i] = xz[i] * x[i] + yz[i] * y[i] + zz[i] * z[i]
    return np.float32(0)


@njit(cache=True, nogil=True, fastmath=True)
def apply_slices(evidence, stiffness, towards, applied, first, stop):
    """applied = (A + S) towards; return the product of both."""
    product = 0.0
    line = np.empty(stiffness.shape[2], np.float32)
    for k in range(first, stop):
        for j in range(stiffness.shape[1]):
            _times_row(evidence[:, k, j], towards[:, k, j], applied[:, k, j])
            for c in range(3):
                _stretch_row(towards[c], stiffness, k, j, line)
                out = applied[c, k, j]
                for i in range(line.size):
                    out[i] += line[i]
            product += _dot_rows(towards[:, k, j], applied[:, k, j])
    return product


@njit(cache=True, nogil=True, fastmath=True)
def advance_slices(length, inverse, towards, applied, rest, change, better, first, stop):
    """One step along `towards`; `better` is the new rest, preconditioned; return their product."""
    product = 0.0
    for k in range(first, stop):
        for j in range(rest.shape[2]):
            for c in range(3):
                r, p, q, out = rest[c, k, j], towards[c, k, j], applied[c, k, j], change[c, k, j]
                for i in range(r.size):
                    out[i] += length * p[i]
                    r[i] -= length * q[i]
            _times_row(inverse[:, k, j], rest[:, k, j], better[:, k, j])
            product += _dot_rows(rest[:, k, j], better[:, k, j])
    return product


@njit(cache=True, nogil=True, fastmath=True)
def turn_slices(ratio, better, towards, first, stop):
    """The next direction: better + ratio times the last one."""
    for k in range(first, stop):
        for c in range(3):
            for j in range(towards.shape[2]):
                a, b = better[c, k, j], towards[c, k, j]
                for i in range(a.size):
                    b[i] = a[i] + ratio * b[i]


@njit(cache=True, nogil=True, fastmath=True)
def double_slices(flow, out, first, stop):
    """The field on voxels half as large: linear between centres, the ends held constant."""
    line = np.empty((3, flow.shape[3]), np.float32)
    for k in range(first, stop):
        for j in range(out.shape[2]):
            _flow_row(flow, k, j, 2, line)
            for c in range(3):
                source, target = line[c], out[c, k, j]
                for i in range(target.size):
                    i0, u = _cell(0.5 * i - 0.25, source.size)
                    target[i] = (1 - u) * source[i0] + u * source[min(i0 + 1, source.size - 1)]


@njit(cache=True, nogil=True, fastmath=True)
def smallest_jacobian_slices(flow, spacing, smallest, first, stop):
    """At each voxel, the smallest of the eight one-sided Jacobian determinants of x + flow."""
    nk, nj, ni = smallest.shape
    scale = np.float32(1.0 / spacing)
    for k in range(first, stop):
        for j in range(nj):
            for i in range(ni):
                least = np.float32(1e9)
                ux, uy, uz = flow[0, k, j, i], flow[1, k, j, i], flow[2, k, j, i]
                for corner in range(8):
                    sk, sj, si = 2 * (corner >> 2) - 1, 2 * ((corner >> 1) & 1) - 1, 2 * (corner & 1) - 1
                    kn, jn, im = k + sk, j + sj, i + si
                    if kn < 0 or kn >= nk or jn < 0 or jn >= nj or im < 0 or im >= ni:
                        continue
                    ex, ey, ez = np.float32(si) * scale, np.float32(sj) * scale, np.float32(sk) * scale
                    xx, xy, xz = (
                        1 + ex * (flow[0, k, j, im] - ux),
                        ex * (flow[1, k, j, im] - uy),
                        ex * (flow[2, k, j, im] - uz),
                    )
                    yx, yy, yz = (
                        ey * (flow[0, k, jn, i] - ux),
                        1 + ey * (flow[1, k, jn, i] - uy),
                        ey * (flow[2, k, jn, i] - uz),
                    )
                    zx, zy, zz = (
                        ez * (flow[0, kn, j, i] - ux),
                        ez * (flow[1, kn, j, i] - uy),
                        1 + ez * (flow[2, kn, j, i] - uz),
                    )
                    determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
                    least = min(least, determinant)
                smallest[k, j, i] = least
