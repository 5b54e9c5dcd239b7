"""A change counts against what thick slices make of thin plates: a new lesion stands out from them."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.changes.error import plates
from LongitudinalRegistrationLib.changes.significance import significance_of
from scipy.ndimage import gaussian_filter, map_coordinates

FINE_MM, SLICE_MM, PIXEL_MM = 0.5, 5.0, 1.5
SLICES, SIDE = 24, 40
PLATES_MM, CENTRE_MM, RADIUS_MM = (38.0, 66.5, 95.0), (52.0, 30.0, 30.0), 5.0


def scanned(phase_mm, lesion_hu=0.0, seed=1):
    """Marrow of 150 HU with plates of 1.25 mm, in slices of 5 mm whose first begins at a phase, HU [k, j, i]."""
    fine = np.arange(0, (SLICES + 2) * SLICE_MM, FINE_MM)
    pixels = PIXEL_MM * np.arange(SIDE)
    z, y, x = np.meshgrid(fine, pixels, pixels, indexing="ij")
    hu = np.full(z.shape, 150.0)
    for plate in PLATES_MM:
        hu[np.abs(z - plate) < 0.625] = 650.0
    away = sum((each - centre) ** 2 for each, centre in zip((z, y, x), CENTRE_MM, strict=True))
    hu[away < RADIUS_MM**2] += lesion_hu
    first, many = round(phase_mm / FINE_MM), round(SLICE_MM / FINE_MM)
    slices = np.stack([hu[first + n * many : first + (n + 1) * many].mean(axis=0) for n in range(SLICES)])
    return slices + np.random.default_rng(seed).normal(0, 12, slices.shape)


def compared(lesion_hu, phase_mm=2.5):
    """Change and both scans on the grid of the first, whose slices begin where the second's have their middle."""
    first, second = scanned(0.0), scanned(phase_mm, lesion_hu, seed=2)
    k, j, i = np.indices(first.shape, dtype=float)
    second = map_coordinates(second, [k - phase_mm / SLICE_MM, j, i], order=3, mode="nearest")
    sigma = [1.5 / SLICE_MM, 1.5 / PIXEL_MM, 1.5 / PIXEL_MM]
    first, second = (gaussian_filter(each, sigma).astype(np.float32) for each in (first, second))
    image = sitk.GetImageFromArray(first)
    image.SetSpacing((PIXEL_MM, PIXEL_MM, SLICE_MM))
    return second - first, (first, second), image


@pytest.mark.parametrize("sign", [1, -1])
def test_a_new_lesion_is_surer_than_what_slices_make_of_plates(sign):
    change, scans, image = compared(100.0 * sign)
    coarser = np.array([PIXEL_MM, PIXEL_MM, SLICE_MM])
    found = sign * significance_of(change, scans, np.ones(change.shape, bool), image.GetSpacing()[::-1], coarser, 0.85)
    k, j, i = np.indices(change.shape)
    places = k * SLICE_MM + SLICE_MM / 2, j * PIXEL_MM, i * PIXEL_MM
    away = np.sqrt(sum((each - centre) ** 2 for each, centre in zip(places, CENTRE_MM, strict=True)))
    inside = (k > 2) & (k < SLICES - 3)
    lesion, elsewhere = found[away < RADIUS_MM].max(), np.abs(found[inside & (away > 12)]).max()
    assert np.abs(change[inside & (away > 12)]).max() > 0.9 * np.abs(change[away < RADIUS_MM]).max()
    assert lesion > 3 and lesion > 1.5 * elsewhere, (lesion, elsewhere)


def test_a_ball_is_no_plate():
    spacing = (2.0, 1.0, 1.0)
    k, j, i = (step * (n - 10.0) for step, n in zip(spacing, np.indices((21, 21, 21)), strict=True))
    ball = 100 * np.exp(-(k**2 + j**2 + i**2) / 50).astype(np.float32)
    plate = 100 * np.exp(-(k**2) / 50).astype(np.float32)
    none = np.zeros_like(ball)
    curved = 2 * (plate[10, 10, 10] - plate[11, 10, 10])
    assert plates(none, plate, spacing)[10, 10, 10] == pytest.approx(0.25 * curved, rel=1e-5)
    assert plates(ball, none, spacing)[10, 10, 10] < 0.02 * curved
