"""The renderer: signed distances of the scene to HU and labels, voxel by voxel, in the order of painting."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..scan.sampling import cell, channel_corners_at, corners_at, lerp, trilinear
from ..system.arrays import Float32Array, Float64Array, Int32Array, UInt8Array
from ..system.compiled import kernel
from .deformation import displacement
from .shapes import NO_GAS

TILE = 8
AIR_HU = -1000.0


class Placement(NamedTuple):
    """Where the voxels of a scan lie in the patient.

    origin, spacing: (3,), float64, x, y, z of the scan, mm; matrix (3, 3), offset (3,), float64: scan points to
    canonical points, mm; terms: (n, 10), float64, the motion (see deformation); knot: pixels of a row between points
    that are computed and not interpolated.
    """

    origin: Float64Array
    spacing: Float64Array
    matrix: Float64Array
    offset: Float64Array
    terms: Float64Array
    knot: int


class Distances(NamedTuple):
    """The patient's envelope: values [k, j, i, 4], float32, mm; origin (3,), float64, and step, canonical mm."""

    values: Float32Array
    origin: Float64Array
    step: float


class Content(NamedTuple):
    """What is painted, in canonical mm and HU.

    shapes, boxes, structures: tables, float64 (see shapes), a row for each; texture: periodic [k, j, i], float32, unit
    variance; things: (14,), float64, what lies on the skin (see pair); gravity: 1 supine, -1 prone; width: of the soft
    edges, mm.
    """

    shapes: Float64Array
    boxes: Float64Array
    structures: Float64Array
    texture: Float32Array
    things: Float64Array
    gravity: float
    width: float


class Volumes(NamedTuple):
    """What is rendered, all [k, j, i]: image, int16, HU; body, vertebrae, parts and lesion, uint8, labels."""

    image: npt.NDArray[np.int16]
    body: UInt8Array
    vertebrae: UInt8Array
    parts: UInt8Array
    lesion: UInt8Array


class Point(NamedTuple):
    """A canonical point, mm, and the coarse and the fine texture there, in standard deviations."""

    x: float
    y: float
    z: float
    rough: float
    fine: float


@kernel()
def _sample_envelope(envelope: Distances, x: float, y: float, z: float, out: Float64Array) -> None:
    """Interpolate the four distances at a canonical point into out (4,), mm; clamped at the border."""
    values, origin, step = envelope
    i0, i1, u = cell((x - origin[0]) / step, values.shape[2])
    j0, j1, v = cell((y - origin[1]) / step, values.shape[1])
    k0, k1, w = cell((z - origin[2]) / step, values.shape[0])
    for c in range(4):
        out[c] = trilinear(channel_corners_at(values, c, k0, k1, j0, j1, i0, i1), u, v, w)


@kernel()
def _noise(texture: Float32Array, x: float, y: float, z: float) -> float:
    """Interpolate a periodic cubic texture, whose side is a power of two, at cell coordinates."""
    mask = texture.shape[0] - 1
    i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    corners = corners_at(texture, k & mask, (k + 1) & mask, j & mask, (j + 1) & mask, i & mask, (i + 1) & mask)
    return trilinear(corners, x - i, y - j, z - k)


@kernel()
def _ellipsoid_distance(px: float, py: float, pz: float, rx: float, ry: float, rz: float) -> float:
    ax, ay, az = px / rx, py / ry, pz / rz
    k0 = math.sqrt(ax * ax + ay * ay + az * az)
    bx, by, bz = ax / rx, ay / ry, az / rz
    k1 = math.sqrt(bx * bx + by * by + bz * bz)
    if k1 < 1e-9:
        return -min(rx, min(ry, rz))
    return k0 * (k0 - 1.0) / k1


@kernel()
def _body_distance(u: float, v: float, w: float, hu: float, hv: float, hw: float) -> float:
    """Vertebral body: waist of 9 %, concave back, slightly concave endplates."""
    t = w / hw
    waist = 0.91 + 0.09 * min(t * t, 1.3)
    v = v + 0.13 * hv * (1.0 - min((u / (0.75 * hu)) ** 2, 1.0)) * (1.0 if v > 0.0 else 0.0)
    a, b = abs(u) / (hu * waist), abs(v) / (hv * waist)
    ring = (a**2.4 + b**2.4) ** (1.0 / 2.4)
    radial = (ring - 1.0) * hv
    dish = 1.6 * max(0.0, 1.0 - ring * ring)
    cap = abs(w) - (hw - dish)
    inner = max(radial, cap)
    round_mm = 2.0
    if radial > -round_mm and cap > -round_mm:
        return math.sqrt((radial + round_mm) ** 2 + (cap + round_mm) ** 2) - round_mm
    return inner


@kernel()
def _plate_distance(u: float, v: float, n: float, p: Float64Array) -> float:
    hu, hv, thick, bend_u, bend_v, taper, edge = p[16], p[17], p[18], p[19], p[20], p[21], p[22]
    width = hu * (1.0 + taper * min(max(v / hv, -1.0), 1.0))
    a, b = abs(u) / width, abs(v) / hv
    ring = (a**2.5 + b**2.5) ** 0.4
    outline = (ring - 1.0) * min(width, hv)
    t = thick + edge * math.exp(-(((outline + 4.0) / 5.0) ** 2))
    across = (abs(n - bend_u * u * u - bend_v * v * v) - t) * 0.9
    r = min(t, 3.0)
    if outline > -r and across > -r:
        return math.sqrt((outline + r) ** 2 + (across + r) ** 2) - r
    return max(outline, across)


@kernel()
def _shape_distance(p: Float64Array, x: float, y: float, z: float) -> float:
    kind = int(p[0])
    if kind == 1:
        s = p[12]
        bx, by, bz = p[7] - p[4], p[8] - p[5], (p[9] - p[6]) * s
        dx, dy, dz = x - p[4], y - p[5], (z - p[6]) * s
        t = (dx * bx + dy * by + dz * bz) / max(bx * bx + by * by + bz * bz, 1e-9)
        t = min(max(t, 0.0), 1.0)
        dx, dy, dz = dx - t * bx, dy - t * by, dz - t * bz
        return math.sqrt(dx * dx + dy * dy + dz * dz) - lerp(p[10], p[11], t)
    if kind == 2:
        if z < p[4] or z > p[5]:
            return 1e3
        t = (z - p[4]) / (p[5] - p[4])
        rx, ry = lerp(p[10], p[12], t), lerp(p[11], p[13], t)
        dx, dy = x - lerp(p[6], p[8], t), y - lerp(p[7], p[9], t)
        ax, ay = dx / rx, dy / ry
        k0 = math.sqrt(ax * ax + ay * ay)
        k1 = math.sqrt((ax / rx) ** 2 + (ay / ry) ** 2)
        if k1 < 1e-9:
            return -min(rx, ry)
        return k0 * (k0 - 1.0) / k1
    dx, dy, dz = x - p[4], y - p[5], z - p[6]
    u = p[7] * dx + p[8] * dy + p[9] * dz
    v = p[10] * dx + p[11] * dy + p[12] * dz
    w = p[13] * dx + p[14] * dy + p[15] * dz
    if kind == 0:
        return _ellipsoid_distance(u, v, w, p[16], p[17], p[18])
    if kind == 3:
        return _body_distance(u, v, w, p[16], p[17], p[18])
    return _plate_distance(u, v, w, p)


@kernel()
def _background(env: Float64Array, layered: bool, n_rough: float, n_fine: float, width: float, air: float) -> float:
    """HU of skin, fat, muscle wall, cavity fat, lung and diaphragm at a point, from the envelope's distances."""
    skin, muscle, cavity, dia = env[0], env[1] + 1.2 * n_rough, env[2] + 0.8 * n_rough, env[3]
    hu = air
    outside = min(max(0.5 - skin / width, 0.0), 1.0)
    tissue = -104.0 + 7.0 * n_fine
    if abs(n_rough + 0.35 * n_fine) < 0.07:
        tissue += 26.0
    rim = min(max(0.5 + (skin + 1.8) / width, 0.0), 1.0)
    tissue = lerp(tissue, 30.0, rim)
    flesh = min(max(0.5 - muscle / width, 0.0), 1.0) * (1.0 - rim)
    if flesh > 0.0:
        meat = 56.0 + 7.0 * n_fine
        depth = -muscle
        total = max(depth + cavity, 1.0)
        if layered and cavity > 0.0 and total < 34.0:
            share = depth / total
            if abs(share - 0.36) < 0.045 or abs(share - 0.68) < 0.045:
                meat -= 75.0
        elif abs(n_rough + 0.22 * n_fine) < 0.10:
            meat -= 85.0
        elif n_rough > 2.1:
            meat -= 110.0
        tissue = lerp(tissue, meat, flesh)
    inside = min(max(0.5 - cavity / width, 0.0), 1.0)
    if inside > 0.0:
        filler = -106.0 + 6.0 * n_fine
        if abs(n_rough - 0.4 * n_fine) < 0.05:
            filler += 60.0
        lung = min(max(0.5 + dia / width, 0.0), 1.0)
        if lung > 0.0:
            air_space = -862.0 + 22.0 * n_fine
            if n_fine + 0.5 * n_rough > 2.25:
                air_space = -250.0
            filler = lerp(filler, air_space, lung)
        if dia < 1.2 and dia > -1.6:
            filler = 40.0
        tissue = lerp(tissue, filler, inside)
    return lerp(hu, tissue, outside)


@kernel()
def _paint(hu: float, d: float, row: Float64Array, point: Point, alpha: float, gravity: float) -> float:
    """Paint a structure over hu.

    Parameters
    ----------
    hu
        What is painted over.
    d
        Distance to the structure, mm, negative inside.
    row
        Its row of the table of structures.
    point
        Point.
    alpha
        How much of the voxel it covers, 0 to 1.
    gravity
        See Content.

    Returns
    -------
    float
        HU.
    """
    depth = -d
    if row[8] > 0.5 * NO_GAS and point.y * gravity < row[8] * gravity and depth > row[2]:
        material = -960.0
    else:
        material = row[0] + row[3] * point.fine
        if row[9] > 0.0:
            bubbles = point.fine + 0.6 * point.rough
            if bubbles > 0.3:
                material -= row[9] * min(bubbles - 0.3, 1.6)
    if row[2] > 0.0:
        rim = min(max((row[2] - depth) / 0.9 + 0.5, 0.0), 1.0)
        material = lerp(material, row[1] + 0.4 * row[3] * point.fine, rim)
    return lerp(hu, material, alpha)


@kernel()
def _scene_voxel(
    content: Content, tile: Int32Array, count: int, env: Float64Array, point: Point, hu: float, out: Float64Array
) -> float:
    """Paint the shapes tile[:count] over hu.

    Parameters
    ----------
    content
        Content.
    tile, count
        (n,), int32, numbers of shapes in the order of painting, and how many of them count.
    env
        (4,), float64, the envelope's distances at the point, mm.
    point
        Point.
    hu
        What is painted over.
    out
        (3,), float64: vertebra label, part, lesion; written.

    Returns
    -------
    float
        HU.
    """
    shapes, structures, width = content.shapes, content.structures, content.width
    n = 0
    while n < count:
        s = int(shapes[tile[n], 1])
        row = structures[s]
        d, body_d, cut_d = 1e3, 1e3, 1e3
        blend = row[5]
        while n < count and int(shapes[tile[n], 1]) == s:
            p = shapes[tile[n]]
            e = _shape_distance(p, point.x, point.y, point.z)
            if p[2] > 0.0:
                cut_d = min(cut_d, e)
            else:
                if int(p[3]) == 1:
                    body_d = min(body_d, e)
                if blend > 0.0 and abs(d - e) < blend:
                    h = (blend - abs(d - e)) / blend
                    d = min(d, e) - h * h * blend * 0.25
                else:
                    d = min(d, e)
            n += 1
        d = max(d, -cut_d) + row[4] * point.rough
        if d > width:
            continue
        clip = int(row[6])
        if clip & 1:
            d = max(d, env[2] + 1.0)
        if clip & 2:
            d = max(d, env[3] + 2.0)
        label = int(row[7])
        if clip & 4:
            if int(out[0]) != label:
                continue
        alpha = min(max(0.5 - d / width, 0.0), 1.0)
        if alpha <= 0.0:
            continue
        hu = _paint(hu, d, row, point, alpha, content.gravity)
        if d < 0.0:
            if clip & 4:
                out[2] = int(row[10])
            else:
                out[0] = label
                out[1] = 0
                if label > 0:
                    out[1] = 1 if body_d < 0.0 else 2
                out[2] = 0
    return hu


@kernel()
def _outside(
    env: Float64Array, x: float, z: float, n_rough: float, above: bool, things: Float64Array, width: float
) -> float:
    """HU of the air around the patient with what lies on the skin: prosthesis, blanket, cable (table ``things``)."""
    skin = env[0]
    hu = AIR_HU
    if not above:
        return hu
    if z > things[0]:
        gap = things[1] + 3.0 * n_rough
        d = abs(skin - gap) - things[2]
        hu = lerp(hu, things[3], min(max(0.5 - d / width, 0.0), 1.0))
    centre = things[11] + things[12] * math.sin(z / things[13])
    d = math.sqrt((x - centre) ** 2 + (skin - 6.0) ** 2) - 2.3
    hu = lerp(hu, 2300.0 if d < -1.2 else 180.0, min(max(0.5 - d / width, 0.0), 1.0))
    rho = ((x - things[4]) / things[6]) ** 2 + ((z - things[5]) / things[7]) ** 2
    if rho < 1.0:
        d = max(things[8] - skin, skin - things[8] - things[9] * math.sqrt(1.0 - rho))
        depth_hu = things[10] if d < -1.5 else things[10] + 60.0
        hu = lerp(hu, depth_hu, min(max(0.5 - d / width, 0.0), 1.0))
    return hu


@kernel()
def _canonical_rows(points: Float32Array, placement: Placement, k: int) -> None:
    """Write the canonical points of slice k to points (j, i, 3), float32, mm: exact every knot, linear between."""
    origin, spacing, matrix, offset, terms, knot = placement
    nj, ni = points.shape[0], points.shape[1]
    pz = origin[2] + k * spacing[2]
    for j in range(nj):
        py = origin[1] + j * spacing[1]
        i = 0
        while True:
            px = origin[0] + i * spacing[0]
            for a in range(3):
                points[j, i, a] = matrix[a, 0] * px + matrix[a, 1] * py + matrix[a, 2] * pz + offset[a]
            if terms.shape[0] > 0:
                ux, uy, uz = displacement(terms, points[j, i, 0], points[j, i, 1], points[j, i, 2])
                points[j, i, 0] += ux
                points[j, i, 1] += uy
                points[j, i, 2] += uz
            if i > 0:
                last = max(i - knot, 0) if i % knot == 0 else i - i % knot
                for m in range(last + 1, i):
                    t = (m - last) / (i - last)
                    for a in range(3):
                        points[j, m, a] = lerp(points[j, last, a], points[j, i, a], t)
            if i == ni - 1:
                break
            i = min(i + knot, ni - 1)


@kernel()
def _touching(
    boxes: Float64Array, candidates: Int32Array, count: int, low: Float64Array, high: Float64Array, tile: Int32Array
) -> int:
    """List the candidates whose box meets another.

    Parameters
    ----------
    boxes
        (n, 6), float64, low and high corners, canonical mm.
    candidates, count
        (n,), int32, numbers of boxes, and how many of them count.
    low, high
        (3,), float64: the other box.
    tile
        (n,), int32: the output.

    Returns
    -------
    int
        How many there are.
    """
    found = 0
    for n in range(count):
        b = boxes[candidates[n]]
        if (
            b[0] <= high[0]
            and b[3] >= low[0]
            and b[1] <= high[1]
            and b[4] >= low[1]
            and b[2] <= high[2]
            and b[5] >= low[2]
        ):
            tile[found] = candidates[n]
            found += 1
    return found


@kernel()
def _bounds(points: Float32Array, j0: int, j1: int, i0: int, i1: int, low: Float64Array, high: Float64Array) -> None:
    """Write the box, low and high (3,), of the canonical points (j, i, 3) at the corners of a tile."""
    for a in range(3):
        c0, c1, c2, c3 = points[j0, i0, a], points[j0, i1, a], points[j1, i0, a], points[j1, i1, a]
        low[a] = min(min(c0, c1), min(c2, c3)) - 0.7
        high[a] = max(max(c0, c1), max(c2, c3)) + 0.7


@kernel()
def _render_slice(k: int, points: Float32Array, envelope: Distances, content: Content, volumes: Volumes) -> None:
    """Render slice k, tile by tile, from its canonical points (j, i, 3)."""
    image, body, vertebrae, parts, lesion = volumes
    boxes, texture, things, gravity, width = (
        content.boxes,
        content.texture,
        content.things,
        content.gravity,
        content.width,
    )
    nj, ni = image.shape[1], image.shape[2]
    total = boxes.shape[0]
    in_slice, in_tile = np.empty(total, np.int32), np.empty(total, np.int32)
    everything = np.arange(total).astype(np.int32)
    low, high = np.empty(3), np.empty(3)
    env, out = np.empty(4), np.zeros(3)
    low[:], high[:] = 1e9, -1e9
    for j in range(0, nj + TILE, TILE):
        for i in range(0, ni + TILE, TILE):
            for a in range(3):
                v = points[min(j, nj - 1), min(i, ni - 1), a]
                low[a], high[a] = min(low[a], v - 1.0), max(high[a], v + 1.0)
    slice_count = _touching(boxes, everything, total, low, high, in_slice)
    for j0 in range(0, nj, TILE):
        j1 = min(j0 + TILE, nj)
        for i0 in range(0, ni, TILE):
            i1 = min(i0 + TILE, ni)
            _bounds(points, j0, j1 - 1, i0, i1 - 1, low, high)
            cx, cy, cz = 0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2])
            _sample_envelope(envelope, cx, cy, cz, env)
            reach = 0.75 * ((high[0] - low[0]) + (high[1] - low[1]) + (high[2] - low[2])) + 4.0
            if env[0] > 60.0 + reach:
                image[k, j0:j1, i0:i1] = AIR_HU
                continue
            count = 0
            if env[0] < reach:
                count = _touching(boxes, in_slice, slice_count, low, high, in_tile)
            for j in range(j0, j1):
                for i in range(i0, i1):
                    x, y, z = points[j, i, 0], points[j, i, 1], points[j, i, 2]
                    _sample_envelope(envelope, x, y, z, env)
                    above = gravity * y < 55.0
                    hu = AIR_HU
                    if env[0] > 60.0 or (env[0] > width and not above):
                        image[k, j, i] = hu
                        continue
                    n_rough = _noise(texture, x * 0.13, y * 0.13, z * 0.13)
                    if env[0] > -width:
                        hu = _outside(env, x, z, n_rough, above, things, width)
                    if env[0] < width:
                        n_fine = _noise(texture, x * 0.62 + 11.0, y * 0.62 + 5.0, z * 0.45)
                        hu = _background(env, y < 40.0 and z > -55.0, n_rough, n_fine, width, hu)
                        out[0] = out[1] = out[2] = 0.0
                        if count > 0 and env[0] < 0.0:
                            point = Point(x, y, z, n_rough, n_fine)
                            hu = _scene_voxel(content, in_tile, count, env, point, hu, out)
                        if env[0] < 0.0:
                            body[k, j, i] = 1
                            vertebrae[k, j, i] = int(out[0])
                            parts[k, j, i] = int(out[1])
                            lesion[k, j, i] = int(out[2])
                    image[k, j, i] = hu


@kernel()
def render_slices(
    placement: Placement, envelope: Distances, content: Content, volumes: Volumes, start: int, first: int, stop: int
) -> None:
    """Render the slices start + first..start + stop - 1.

    Parameters
    ----------
    placement
        Placement.
    envelope
        Distances.
    content
        Content.
    volumes
        Volumes; labels must be 0 before.
    """
    image = volumes.image
    points = np.empty((image.shape[1], image.shape[2], 3), np.float32)
    for k in range(start + first, start + stop):
        _canonical_rows(points, placement, k)
        _render_slice(k, points, envelope, content, volumes)
