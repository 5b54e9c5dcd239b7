"""What surrounds the patient: table, mattress, and the scanner's noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from scipy.ndimage import gaussian_filter


class Table(NamedTuple):
    """Cross-section of the table in scan coordinates (mm).

    top: (slices,), float64, y of the table's surface; radius: curvature of the top; half_width, depth: of the shell;
    boxy: shape of the underside; mattress: thickness, 0 for none; centre: x.
    """

    top: np.ndarray
    radius: float
    half_width: float
    depth: float
    boxy: bool
    mattress: float
    centre: float


class Noise(NamedTuple):
    """The scanner's noise in a scan.

    pictures: [picture, y, x], float32, unit variance, periodic; shifts: (slices, 3), int64, where each slice begins in
    its picture (y, x), and which it is; sigma: HU in the middle of the patient; centre: (2,), float64, x and y of the
    patient in scan coordinates, mm.
    """

    pictures: np.ndarray
    shifts: np.ndarray
    sigma: float
    centre: np.ndarray


def fit_table(
    rng: np.random.Generator, body: np.ndarray, origin: np.ndarray, spacing: np.ndarray, contact: bool, boxy: bool
) -> Table:
    """Draw a table that lies under the patient.

    Parameters
    ----------
    rng
        What is drawn from.
    body
        [k, j, i], uint8, 1 in the patient.
    origin, spacing
        (3,), float64, x, y, z of the grid, mm.
    contact
        Whether the table follows the skin slice by slice; else a mattress is between.
    boxy
        Whether the underside is a box; else an arc.

    Returns
    -------
    Table
        In scan coordinates.
    """
    radius = 2000.0 if contact else (rng.uniform(900.0, 1200.0) if boxy else rng.uniform(420.0, 560.0))
    mattress = 0.0 if contact else rng.uniform(14.0, 26.0)
    coarse = body[:, :, ::4]
    filled = coarse.any(axis=1)
    lowest = body.shape[1] - 1 - np.argmax(coarse[:, ::-1, :], axis=1)
    x = origin[0] + spacing[0] * 4 * np.arange(coarse.shape[2])
    y = origin[1] + spacing[1] * (lowest + 0.5)
    centre = float(np.mean(x[filled.any(axis=0)])) + rng.uniform(-8.0, 8.0)
    near = np.abs(x - centre) < 150.0
    height = np.where(filled & near[None, :], y + (x - centre)[None, :] ** 2 / (2.0 * radius), -1e4)
    per_slice = height.max(axis=1)
    known = per_slice > -1e3
    per_slice = np.interp(np.arange(len(per_slice)), np.nonzero(known)[0], per_slice[known])
    top = per_slice if contact else np.full(len(per_slice), np.percentile(per_slice, 90) + mattress - 3.0)
    return Table(
        top=top,
        radius=radius,
        half_width=rng.uniform(205.0, 225.0) if not boxy else rng.uniform(225.0, 240.0),
        depth=rng.uniform(38.0, 52.0) if not boxy else rng.uniform(55.0, 70.0),
        boxy=boxy,
        mattress=mattress,
        centre=centre,
    )


def make_noise(rng: np.random.Generator, size: int, pixel_mm: float, count: int = 6) -> np.ndarray:
    """Make pictures of noise with the band-pass texture of filtered back-projection.

    Parameters
    ----------
    rng
        What is drawn from.
    size
        Pixels a side.
    pixel_mm
        Their size.
    count
        How many pictures.

    Returns
    -------
    numpy.ndarray
        [picture, y, x], float32, unit variance over all, periodic.
    """
    frequency = np.fft.rfft2(rng.standard_normal((count, size, size), dtype=np.float32))
    fy, fx = np.fft.fftfreq(size, pixel_mm)[:, None], np.fft.rfftfreq(size, pixel_mm)[None, :]
    radial = np.hypot(fx, fy)
    gain = np.sqrt(radial + 0.02) * np.exp(-((radial / 0.36) ** 2))
    noise = np.fft.irfft2(frequency * gain, s=(size, size))
    return (noise / noise.std()).astype(np.float32)


def make_texture(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Make a periodic texture with structures of one to a few cells.

    Parameters
    ----------
    rng
        What is drawn from.
    size
        Cells a side; the renderer needs a power of two.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, unit variance.
    """
    white = rng.standard_normal((size, size, size), dtype=np.float32)
    mixed = gaussian_filter(white, 0.9, mode="wrap") + 2.2 * gaussian_filter(white, 2.0, mode="wrap")
    return np.ascontiguousarray(mixed / mixed.std(), dtype=np.float32)


@njit(cache=True)
def _table_hu(x: float, y: float, top_y: float, table: Table, width: float) -> tuple[float, float]:
    """Weight and HU of the table's or mattress's material at a point; weight 0 where there is none."""
    _, radius, half, depth, boxy, mattress, _ = table
    across = abs(x)
    if across > half + 2.0 or y < top_y - mattress - half * half / (2.0 * radius) - 2.0 or y > top_y + depth + 2.0:
        return 0.0, 0.0
    top = top_y - x * x / (2.0 * radius)
    share = min(across / half, 1.0)
    if boxy:
        under = top + depth * (1.0 - share**6) ** 0.5 * (0.55 + 0.45 * (1.0 - share * share))
    else:
        under = top_y + depth - (depth + half * half / (2.0 * radius)) * (1.0 - (1.0 - share * share) ** 0.5)
    d = max(top - y, y - under) * 0.95
    if d < width:
        weight = min(max(0.5 - d / width, 0.0), 1.0)
        shell = min(max((1.7 + d) / width + 0.5, 0.0), 1.0)
        return weight, -945.0 + shell * 1015.0
    d = max(top - mattress - y, y - top)
    d = max(d, across - half * 0.93)
    if mattress > 0.0 and d < 0.5 * width:
        weight = min(max(0.5 - d / width, 0.0), 1.0)
        cover = min(max((0.8 + d) / width + 0.5, 0.0), 1.0)
        return weight, -905.0 + cover * 420.0
    return 0.0, 0.0


@njit(cache=True, parallel=True)
def add_table_and_noise(
    image: np.ndarray,
    body: np.ndarray,
    origin: np.ndarray,
    spacing: np.ndarray,
    table: Table,
    noise: Noise,
    width: float,
) -> None:
    """Add table and noise to a scan, in place, and clamp it to -1024..3071 HU.

    Parameters
    ----------
    image
        [k, j, i], int16, HU.
    body
        [k, j, i], uint8, 1 in the patient, where the table is not.
    origin, spacing
        (3,), float64, x, y, z of the grid, mm.
    table
        Table.
    noise
        Noise.
    width
        Of the soft edges, mm.
    """
    nk, nj, ni = image.shape
    tops, centre = table.top, table.centre
    pictures, shifts, sigma, middle = noise
    size = pictures.shape[1]
    for k in prange(nk):
        dy0, dx0, which = shifts[k, 0], shifts[k, 1], shifts[k, 2]
        for j in range(nj):
            y = origin[1] + j * spacing[1]
            for i in range(ni):
                x = origin[0] + i * spacing[0]
                hu = float(image[k, j, i])
                if body[k, j, i] == 0:
                    weight, material = _table_hu(x - centre, y, tops[k], table, width)
                    if weight > 0.0:
                        hu += weight * (material + 1000.0) * min(1.0, max(0.0, -hu / 1000.0))
                px, py = x - middle[0], y - middle[1]
                r2 = (px / 130.0) ** 2 + (py / 90.0) ** 2
                level = sigma * (0.45 + 0.75 / (1.0 + r2))
                hu += level * pictures[which, (j + dy0) % size, (i + dx0) % size]
                image[k, j, i] = min(max(round(hu), -1024.0), 3071.0)
