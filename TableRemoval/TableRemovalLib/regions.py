"""Which regions of the slices are patient: regions that overlap from slice to slice are one body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALL, FAT, LEAN, DENSE, BONE, STATIC = range(6)
TISSUE_BORDERS_HU = np.array([-200, -20, 180, 250, 1700], dtype=np.int64)
LEAST_VOLUME_MM3 = 15000.0
AIR_HU = -350
LEAST_SHARES = {FAT: 0.03, LEAN: 0.1, BONE: 0.01}
LEAST_FAT_SHARE = 0.005
TRUNK_SHARE = 0.25
STATIC_SHARE = 0.5
LONG_MM = 120.0
LONG_FINGER_MM = 90.0
LEAST_SECTION_MM2 = 500.0


@dataclass(frozen=True)
class SliceRegions:
    """Regions of one slice: int64 [regions + 1, 6] counts as of `region_tissues`; row 0 is unused."""

    counts: np.ndarray

    @property
    def number(self) -> int:
        """How many regions there are."""
        return self.counts.shape[0] - 1


@dataclass(frozen=True)
class Bodies:
    """Bodies that run along the slices.

    numbers: for each slice, the number of the body of each label, from 0 on; label 0 has -1. touching: int [n, 2],
    pairs of bodies of which one begins where the other forks, joins or ends.
    """

    numbers: list[np.ndarray]
    touching: np.ndarray


def join_regions(slices: list[SliceRegions], shared: list[np.ndarray]) -> Bodies:
    """Join regions that overlap from slice to slice to bodies, up to where they fork.

    Two regions overlap where they share at least a third of the smaller one. A body goes on as long as each of its
    regions overlaps with one region only: a rail that a single slice joins to the patient stays a body of its own.

    Parameters
    ----------
    slices
        Regions of each slice.
    shared
        For slice k, the pixels that its labels share with those of slice k + 1: see `overlaps`.

    Returns
    -------
    Bodies
        Each region is in one.
    """
    first = np.concatenate([[0], np.cumsum([s.number for s in slices])])
    numbers = np.arange(first[-1])
    forks = []
    for k, counts in enumerate(shared):
        smaller = np.minimum.outer(slices[k].counts[:, ALL], slices[k + 1].counts[:, ALL])
        overlap = (counts > 0) & (3 * counts >= smaller)
        for a, b in zip(*np.nonzero(overlap), strict=True):
            upper, lower = first[k] + a - 1, first[k + 1] + b - 1
            if overlap[a].sum() == 1 and overlap[:, b].sum() == 1:
                numbers[lower] = numbers[upper]
            else:
                forks.append((upper, lower))
    numbers = np.unique(numbers, return_inverse=True)[1]
    return Bodies(
        [np.concatenate([[-1], numbers[first[k] : first[k + 1]]]) for k in range(len(slices))],
        numbers[np.array(forks, dtype=int).reshape(-1, 2)],
    )


def body_counts(slices: list[SliceRegions], bodies: Bodies) -> tuple[np.ndarray, np.ndarray]:
    """Sum up what bodies consist of.

    Parameters
    ----------
    slices
        Regions of each slice.
    bodies
        As from `join_regions`.

    Returns
    -------
    tuple of np.ndarray
        Counts as of `region_tissues`, int64 [bodies, 6]; number of slices, int64 [bodies].
    """
    count = 1 + max(b.max() for b in bodies.numbers)
    totals = np.zeros((count, 6), dtype=np.int64)
    lengths = np.zeros(count, dtype=np.int64)
    for regions, numbers in zip(slices, bodies.numbers, strict=True):
        np.add.at(totals, numbers[1:], regions.counts[1:])
        lengths[np.unique(numbers[1:])] += 1
    return totals, lengths


def patient_bodies(
    totals: np.ndarray,
    lengths: np.ndarray,
    touching: np.ndarray,
    spacing_mm: tuple[float, float, float],
    trunk: int | None = None,
) -> np.ndarray:
    """Tell which bodies are patient.

    Those that have a quarter of the trunk's fat and muscle, that look like a limb, or that touch one of these and do
    not look like a part of the table.

    Parameters
    ----------
    totals
        As from `body_counts`, int64 [bodies, 6].
    lengths
        Slices of each body, int64 [bodies].
    touching
        Pairs of bodies that touch, int [n, 2].
    spacing_mm
        Voxel size along i, j, k, mm.
    trunk
        Body to start from; None: the one with most fat and muscle.

    Returns
    -------
    np.ndarray
        bool [bodies].
    """
    if totals.shape[0] == 0:
        return np.zeros(0, dtype=bool)
    soft = totals[:, FAT] + totals[:, LEAN]
    trunk = int(np.argmax(soft)) if trunk is None else trunk
    limbs, table = _limbs_and_table(totals, lengths, spacing_mm)
    keep = limbs | (soft >= TRUNK_SHARE * soft[trunk])
    keep[trunk] = True
    while True:
        reached = keep.copy()
        for one, other in (touching.T, touching.T[::-1]):
            reached[other[keep[one]]] = True
        reached &= keep | ~table
        if np.array_equal(reached, keep):
            return keep
        keep = reached


def _limbs_and_table(
    totals: np.ndarray, lengths: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Tell which bodies look like a limb, and which like a part of the table; bool [bodies] both.

    A limb has 15 cm3 or more and 5 cm2 or more in section, with fat, muscle and bone. A prosthesis on the skin, a
    cushion, an infusion bag or a clamp lacks some of them. Of the table is what is longer than 12 cm and stays the
    same, longer than a finger and thin, or larger than a finger without fat.
    """
    size = np.maximum(totals[:, ALL], 1)
    volumes = totals[:, ALL] * float(np.prod(spacing_mm))
    lengths_mm = np.maximum(lengths, 1) * spacing_mm[2]
    thin = volumes / lengths_mm < LEAST_SECTION_MM2
    rails = (totals[:, STATIC] > STATIC_SHARE * size) & (lengths_mm > LONG_MM)
    limbs = (volumes >= LEAST_VOLUME_MM3) & ~thin & ~rails
    for tissue, share in LEAST_SHARES.items():
        limbs &= totals[:, tissue] >= share * size
    without_fat = (volumes >= LEAST_VOLUME_MM3) & (totals[:, FAT] < LEAST_FAT_SHARE * size)
    return limbs, rails | without_fat | (thin & (lengths_mm > LONG_FINGER_MM))
