"""The paper's region growing against a plain transcription of eq. 1."""

from collections import deque

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from TableRemovalLib.body_mask import compute_body_mask
from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.quality import SEED_IN_AIR, THRESHOLD_LIMIT
from TableRemovalLib.region_growing import grow_paper_slice, least_area_pixels, seed_square

NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def plain_growth(image, square, threshold):
    """Eq. 1 as it reads, pixel by pixel: region as bool [j, i]."""
    unit = (np.clip(image.astype(float), -1024, 3071) + 1024) / 4095
    first_row, stop_row, first_column, stop_column = square
    region, listed, candidates = set(), set(), deque()

    def list_neighbours(p):
        for dj, di in NEIGHBOURS:
            q = (p[0] + dj, p[1] + di)
            inside = 0 <= q[0] < image.shape[0] and 0 <= q[1] < image.shape[1]
            if inside and q not in region and q not in listed:
                listed.add(q)
                candidates.append(q)

    seeds = [(j, i) for j in range(first_row, stop_row) for i in range(first_column, stop_column)]
    region.update(seeds)
    total = 0.0
    for p in seeds:
        total += unit[p]
    for p in seeds:
        list_neighbours(p)
    while candidates:
        p = candidates.popleft()
        listed.discard(p)
        if abs(unit[p] - total / len(region)) < threshold:
            region.add(p)
            total += unit[p]
            list_neighbours(p)
    mask = np.zeros(image.shape, dtype=bool)
    mask[tuple(np.array(sorted(region)).T)] = True
    return mask


def plain_paper(image, square, least_area):
    """The thresholds of the paper in turn: (region, threshold used, enough)."""
    for step in range(17):
        threshold = (8 + 2 * step) / 100
        region = plain_growth(image, square, threshold)
        if region.sum() >= least_area:
            return region, threshold, True
    return region, threshold, False


def body_slice(rng, size=72):
    """A body with lung, bone, fat and noise over a table, HU int16 [j, i]."""
    j, i = np.mgrid[:size, :size] / size - 0.5
    hu = np.full((size, size), -1000.0)
    hu[(i / 0.40) ** 2 + (j / 0.30) ** 2 < 1] = -90
    hu[(i / 0.36) ** 2 + (j / 0.26) ** 2 < 1] = 50
    hu[((i - 0.18) / 0.10) ** 2 + (j / 0.15) ** 2 < 1] = -850
    hu[(i / 0.05) ** 2 + ((j - 0.12) / 0.05) ** 2 < 1] = 700
    hu[int(0.86 * size) : int(0.89 * size)] = 100
    return np.round(ndimage.gaussian_filter(hu, 0.6) + rng.normal(0, 30, hu.shape)).astype(np.int16)


@pytest.mark.parametrize("seed", range(6))
def test_same_as_plain_transcription_on_body_slices(seed):
    image = body_slice(np.random.default_rng(seed))
    least = least_area_pixels(*image.shape) * (1 + 8 * (seed % 3))
    square = seed_square(*image.shape, None, 8)
    expected, threshold, enough = plain_paper(image, square, least)
    region, used, reached = grow_paper_slice(image, None, 8, None, least)
    assert np.array_equal(region.astype(bool), expected)
    assert (used, reached) == (threshold, enough)
    assert 64 < expected.sum() < image.size


@pytest.mark.parametrize("seed", range(8))
def test_same_as_plain_transcription_on_noise(seed):
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(41, 57)), 1.5)
    image = (smooth / smooth.std() * 400).astype(np.float32)
    seed_ij, threshold = (int(rng.integers(57)), int(rng.integers(41))), float(rng.uniform(0.02, 0.2))
    square = seed_square(41, 57, seed_ij, 5)
    region, _, _ = grow_paper_slice(image, seed_ij, 5, threshold, 1)
    expected = plain_growth(image, square, threshold)
    assert np.array_equal(region.astype(bool), expected)
    assert expected.sum() > 25


def test_seed_square_of_the_paper():
    assert seed_square(512, 512, None, 50) == (231, 281, 231, 281)
    assert seed_square(64, 64, (2, 63), 10) == (58, 64, 0, 7)
    assert least_area_pixels(512, 512) == 6000
    assert least_area_pixels(256, 256) == 1500


def volume_of(slices, spacing=(5.0, 5.0, 5.0)):
    image = sitk.GetImageFromArray(np.stack(slices))
    image.SetSpacing(spacing)
    return image


def test_volume_fills_holes_and_flags_the_seed_in_air():
    rng = np.random.default_rng(3)
    volume = volume_of([body_slice(rng) for _ in range(5)])
    result = compute_body_mask(volume, TableRemovalOptions(method="paper", seed_size=8))
    mask = sitk.GetArrayFromImage(result.mask)
    assert mask[2, 36, 49] == 1, "lung is filled"
    assert not mask[:, 60:].any(), "table is out"
    assert all(record.components == 1 and SEED_IN_AIR not in record.flags for record in result.slices)
    away = compute_body_mask(volume, TableRemovalOptions(method="paper", seed_size=8, seed_ij=(4, 4)))
    assert all(SEED_IN_AIR in record.flags for record in away.slices)


def test_threshold_limit_is_flagged_and_a_fixed_threshold_kept():
    volume = volume_of([body_slice(np.random.default_rng(k)) for k in range(4)])
    options = TableRemovalOptions(method="paper", seed_size=8, min_area_pixels=72 * 72 + 1)
    limited = compute_body_mask(volume, options)
    assert all(THRESHOLD_LIMIT in record.flags and record.threshold_used == 0.40 for record in limited.slices)
    fixed = compute_body_mask(volume, TableRemovalOptions(method="paper", seed_size=8, threshold=0.1))
    assert {record.threshold_used for record in fixed.slices} == {0.1}


def test_padding_below_air_changes_nothing():
    slices = [body_slice(np.random.default_rng(k)) for k in range(4)]
    j, i = np.mgrid[:72, :72] - 35.5
    outside = np.hypot(j, i) > 35
    padded = [np.where(outside, np.int16(-3024), s) for s in slices]
    air = [np.where(outside, np.int16(-1024), s) for s in slices]
    options = TableRemovalOptions(method="paper", seed_size=8)
    first, second = (sitk.GetArrayFromImage(compute_body_mask(volume_of(s), options).mask) for s in (padded, air))
    assert np.array_equal(first, second)
