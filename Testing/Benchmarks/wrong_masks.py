"""Body masks made wrong on purpose, in the ways in which table removal fails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

TISSUE_HU = -500
CLOTH_HU = -850
FRONT_MM, LIMB_SHARE, EATEN_MM, SHIFT_MM, HOLE_MM, CLOTH_MM = 30.0, 0.15, 5.0, 12.0, 12.0, 15.0
WRONG_MM2 = 300.0

Spoil = Callable[[np.ndarray, np.ndarray, tuple[float, float], np.random.Generator], np.ndarray]


def wrong_slices(right: np.ndarray, spoilt: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Tell which slices are wrong: by 3 cm2 or more.

    Parameters
    ----------
    right
        bool [k, j, i].
    spoilt
        bool [k, j, i].
    spacing_mm
        Voxel size along i, j, k, mm.

    Returns
    -------
    np.ndarray
        bool [k].
    """
    return (right != spoilt).sum(axis=(1, 2)) * spacing_mm[0] * spacing_mm[1] >= WRONG_MM2


def table_kept(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """The largest thing outside is taken for patient, its inside too."""
    labels, count = ndimage.label((image > TISSUE_HU) & ~mask)
    if count == 0:
        return mask
    table = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return mask | ndimage.binary_fill_holes(table)


def leak(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """The largest lung or bowel gas is lost, and the way there."""
    labels, count = ndimage.label((image < TISSUE_HU) & ndimage.binary_erosion(mask, iterations=3))
    if count == 0:
        return mask
    air = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    row, column = np.argwhere(air)[0]
    air[:row, max(0, column - 1) : column + 2] = True
    return mask & ~air


def limb_cut(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """The outermost 15 % of the width are lost."""
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size == 0:
        return mask
    cut = mask.copy()
    cut[:, columns[-1] - round(LIMB_SHARE * columns.size) :] = False
    return cut


def front_cut(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """The foremost 30 mm are lost."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return mask
    cut = mask.copy()
    cut[: rows[0] + round(FRONT_MM / pixel_mm[1])] = False
    return cut


def skin_eaten(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """5 mm are lost all around."""
    return ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=pixel_mm[::-1])[1:-1, 1:-1] > EATEN_MM


def shifted(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """The slice's mask lies 12 mm aside."""
    angle = rng.uniform(0, 2 * np.pi)
    by = SHIFT_MM * np.sin(angle) / pixel_mm[1], SHIFT_MM * np.cos(angle) / pixel_mm[0]
    return ndimage.shift(mask.astype(np.uint8), np.round(by), order=0).astype(bool)


def holes(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """Three discs of 12 mm radius are lost."""
    places = np.argwhere(mask)
    if len(places) == 0:
        return mask
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    spoilt = mask.copy()
    for row, column in places[rng.integers(len(places), size=3)]:
        spoilt &= np.hypot((rows - row) * pixel_mm[1], (columns - column) * pixel_mm[0]) > HOLE_MM
    return spoilt


def clothes_kept(image: np.ndarray, mask: np.ndarray, pixel_mm: tuple[float, float], rng: np.random.Generator):
    """What is no air within 15 mm of the skin is taken for patient, and what it surrounds."""
    near = ndimage.distance_transform_edt(~mask, sampling=pixel_mm[::-1]) <= CLOTH_MM
    return ndimage.binary_fill_holes(mask | (near & (image > CLOTH_HU))) if mask.any() else mask


WAYS: dict[str, Spoil] = {
    "table kept": table_kept,
    "leak into lung or bowel": leak,
    "limb cut": limb_cut,
    "front cut": front_cut,
    "skin eaten by 5 mm": skin_eaten,
    "slice shifted": shifted,
    "holes": holes,
    "clothes kept": clothes_kept,
}
