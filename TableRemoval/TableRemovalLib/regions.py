"""Which regions of the slices are patient: regions that overlap from slice to slice are one body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALL, FAT, LEAN, DENSE, BONE, STATIC = range(6)
TISSUE_BORDERS_HU = np.array([-200, -20, 180, 250, 1700], dtype=np.int64)
LEAST_VOLUME_MM3 = 15000.0
LEAST_SHARES = {FAT: 0.03, LEAN: 0.1, BONE: 0.01}
TRUNK_SHARE = 0.25
STATIC_SHARE = 0.5
LONG_MM = 120.0
LEAST_SECTION_MM2 = 500.0


@dataclass(frozen=True)
class SliceRegions:
    """Regions of one slice: int64 [regions + 1, 6] counts as of `region_tissues`; row 0 is unused."""

    counts: np.ndarray

    @property
    def number(self) -> int:
        """How many regions there are."""
        return self.counts.shape[0] - 1


def join_regions(slices: list[SliceRegions], shared: list[np.ndarray]) -> list[np.ndarray]:
    """Join regions that overlap from slice to slice to bodies.

    Two regions belong together where they share at least a third of the smaller one.

    Parameters
    ----------
    slices
        Regions of each slice.
    shared
        For slice k, the pixels that its labels share with those of slice k + 1: see `overlaps`.

    Returns
    -------
    list of np.ndarray
        For each slice, the number of the body of each label, from 0 on; label 0 gets -1.
    """
    first = np.concatenate([[0], np.cumsum([s.number for s in slices])])
    parent = np.arange(first[-1])

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for k, counts in enumerate(shared):
        for a, b in zip(*np.nonzero(counts), strict=True):
            smaller = min(slices[k].counts[a, ALL], slices[k + 1].counts[b, ALL])
            if 3 * counts[a, b] >= smaller:
                x, y = root(first[k] + a - 1), root(first[k + 1] + b - 1)
                parent[max(x, y)] = min(x, y)
    roots = np.array([root(node) for node in range(first[-1])], dtype=int)
    numbers = np.unique(roots, return_inverse=True)[1]
    return [np.concatenate([[-1], numbers[first[k] : first[k + 1]]]) for k in range(len(slices))]


def body_counts(slices: list[SliceRegions], bodies: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
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
    count = 1 + max(b.max() for b in bodies)
    totals = np.zeros((count, 6), dtype=np.int64)
    lengths = np.zeros(count, dtype=np.int64)
    for regions, numbers in zip(slices, bodies, strict=True):
        np.add.at(totals, numbers[1:], regions.counts[1:])
        lengths[np.unique(numbers[1:])] += 1
    return totals, lengths


def patient_bodies(
    totals: np.ndarray, lengths: np.ndarray, spacing_mm: tuple[float, float, float], trunk: int | None = None
) -> np.ndarray:
    """Tell which bodies are patient.

    Those that have a quarter of the trunk's fat and muscle, or that look like a limb: 15 cm3 or more with fat, muscle
    and bone. A prosthesis on the skin, a cushion or an infusion bag lacks some of them. What is longer than 12 cm
    and stays the same, or is less than 5 cm2 in section, is no limb but a rail of the table.

    Parameters
    ----------
    totals
        As from `body_counts`, int64 [bodies, 6].
    lengths
        Slices of each body, int64 [bodies].
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
    volumes = totals[:, ALL] * float(np.prod(spacing_mm))
    lengths_mm = np.maximum(lengths, 1) * spacing_mm[2]
    limb = volumes >= LEAST_VOLUME_MM3
    for tissue, share in LEAST_SHARES.items():
        limb &= totals[:, tissue] >= share * totals[:, ALL]
    rail = (totals[:, STATIC] > STATIC_SHARE * totals[:, ALL]) | (volumes / lengths_mm < LEAST_SECTION_MM2)
    limb &= ~(rail & (lengths_mm > LONG_MM))
    keep = limb | (soft >= TRUNK_SHARE * soft[trunk])
    keep[trunk] = True
    return keep
