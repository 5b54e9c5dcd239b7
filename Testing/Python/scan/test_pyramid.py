"""A scan made ready: its levels, where they lie, sampling through an affine; the full-resolution warp."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.field.warp import warp_image
from LongitudinalRegistrationLib.scan.body import find_body
from LongitudinalRegistrationLib.scan.normalise import normalised_on_grid
from LongitudinalRegistrationLib.scan.pyramid import SPACINGS_MM, make_pyramid
from LongitudinalRegistrationLib.system.parallel import bound_threads, over_slices


@pytest.fixture(scope="module")
def pyramid(phantom_pair):
    return make_pyramid(phantom_pair.baseline.image)


def test_levels_divide_by_16_and_cover_the_body(pyramid):
    for spacing in SPACINGS_MM:
        grid = pyramid.levels[spacing].grid
        assert grid.spacing_mm == spacing
        low = np.array(grid.origin) - spacing / 2
        high = low + np.array(grid.size) * spacing
        assert np.all(low <= pyramid.bounds[0] + 4.1) and np.all(high >= pyramid.bounds[1] - 4.1)
    assert all(n % 16 == 0 for n in pyramid.levels[4.0].grid.size)


def test_the_network_sees_what_it_was_trained_on(pyramid, phantom_pair):
    """The 4 mm level beside the slow way of the training: a Gaussian on the full scan, then linear sampling."""
    body = find_body(phantom_pair.baseline.image)
    level = pyramid.levels[4.0]
    slow, _ = normalised_on_grid(body.clean, body.mask, level.grid)
    inside = (level.body > 0) & (level.seen > 0)
    fast = pyramid.normalised(4.0)
    assert np.abs(fast - slow)[inside].mean() < 0.01 and np.corrcoef(fast[inside], slow[inside])[0, 1] > 0.995


@pytest.mark.parametrize("spacing", [2.0, 4.0])
def test_sampling_through_an_affine_is_that_of_itk(pyramid, spacing):
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((0.99, 0.05, 0, -0.05, 1.01, 0.02, 0, -0.02, 1.0))
    affine.SetTranslation((9.0, -6.0, 4.0))
    level = pyramid.levels[spacing]
    ours = pyramid.normalised_through(level.grid, affine)
    values = level.grid.image(pyramid.normalised(spacing))
    itk = sitk.GetArrayFromImage(sitk.Resample(values, level.grid.reference(), affine, sitk.sitkLinear, 0.0))
    inside = np.zeros(itk.shape, bool)
    inside[8:-8, 8:-8, 8:-8] = level.body[8:-8, 8:-8, 8:-8] > 0
    assert np.corrcoef(ours[inside], itk[inside])[0, 1] > 0.98


def test_a_point_of_an_oblique_scan_with_thin_slices_lies_where_it_did():
    """Rotated axes, 0.9 x 1.1 x 0.6 mm: a bright ball lies, on the levels along LPS, where it lies in the scan."""
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(0.1, -0.05, 0.2)
    shape = (90, 100, 120)
    z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    inside = ((x - 60) / 50.0) ** 2 + ((y - 50) / 38.0) ** 2 < 1
    ball = (0.9 * (x - 74)) ** 2 + (1.1 * (y - 41)) ** 2 + (0.6 * (z - 52)) ** 2 < 64.0
    image = sitk.GetImageFromArray(np.where(ball, 1000, np.where(inside, 40, -1000)).astype(np.int16))
    image.SetSpacing((0.9, 1.1, 0.6))
    image.SetOrigin((-31.0, 17.0, 203.0))
    image.SetDirection(rotation.GetMatrix())
    level = make_pyramid(image, table_removal=False).levels[2.0]
    weight = np.clip(level.values - 60.0, 0, None) * level.seen
    index = [
        np.average(np.arange(n), weights=weight.sum(axis=others))
        for n, others in zip(weight.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
    ]
    found = np.array(level.grid.origin) + level.grid.spacing_mm * np.array(index[::-1])
    np.testing.assert_allclose(found, image.TransformIndexToPhysicalPoint((74, 41, 52)), atol=0.1)


def test_threads_do_not_change_the_levels(phantom_pair, pyramid):
    try:
        bound_threads(1)
        alone = make_pyramid(phantom_pair.baseline.image)
    finally:
        bound_threads(None)
    for spacing in SPACINGS_MM:
        assert np.array_equal(alone.levels[spacing].channels, pyramid.levels[spacing].channels)


def test_an_error_in_one_range_of_slices_is_raised():
    def kernel(first, stop):
        if first > 0:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        over_slices(kernel, slices=64)


@pytest.mark.parametrize("labels", [False, True])
def test_the_warp_is_that_of_the_transform(phantom_pair, labels):
    """Beside sitk.Resample through the composite transform, fading edge and points outside included."""
    rng = np.random.default_rng(5)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((1.02, 0.03, 0, -0.03, 0.98, 0, 0.01, 0, 1.0))
    affine.SetTranslation((7.0, 3.0, -12.0))
    field = sitk.GetImageFromArray(rng.normal(0, 3, (20, 18, 22, 3)), isVector=True)
    field.SetSpacing([12.0] * 3)
    field.SetOrigin((-110.0, -100.0, -60.0))
    moving = phantom_pair.followup.vertebrae if labels else phantom_pair.followup.image
    reference = phantom_pair.baseline.image
    ours = sitk.GetArrayFromImage(warp_image(moving, reference, affine, field, labels))
    mode, outside = (sitk.sitkNearestNeighbor, 0) if labels else (sitk.sitkLinear, -1024)
    itk = sitk.Resample(moving, reference, compose(affine, field), mode, outside, moving.GetPixelID())
    away = np.abs(ours.astype(int) - sitk.GetArrayFromImage(itk))
    assert ours.dtype == sitk.GetArrayViewFromImage(moving).dtype
    assert np.mean(away > (0 if labels else 1)) < 1e-4
