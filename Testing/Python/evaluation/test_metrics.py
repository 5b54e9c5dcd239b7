"""Metrics against values worked out by hand, and against those of SimpleITK, scikit-image and surface-distance."""

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
import surface_distance
from LongitudinalRegistrationLib.evaluation import metrics
from LongitudinalRegistrationLib.evaluation.metrics import Shape, hausdorff95_mm
from LongitudinalRegistrationLib.field import jacobian
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity


def field_of(function, shape=(12, 14, 16), spacing=2.0):
    """A vector image on isotropic voxels from a function of (x, y, z) in mm."""
    z, y, x = np.meshgrid(*(spacing * np.arange(n) for n in shape), indexing="ij")
    image = sitk.GetImageFromArray(np.stack(function(x, y, z), axis=-1).astype(np.float64), isVector=True)
    image.SetSpacing([spacing] * 3)
    return image


def test_the_correlation_of_scans_in_hu_is_that_of_numpy_without_copies_of_them():
    first = np.random.default_rng(0).normal(-1000, 30, 1 << 21).astype(np.float32)
    second = (first + np.random.default_rng(1).normal(0, 30, first.size)).astype(np.float32)
    expected = np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1]
    tracemalloc.start()
    try:
        assert metrics.global_ncc(first, second) == pytest.approx(expected, abs=1e-9)
        assert tracemalloc.get_traced_memory()[1] < 0.2 * first.nbytes
    finally:
        tracemalloc.stop()


def test_dice_agrees_with_simpleitk():
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 4, (9, 10, 11)).astype(np.uint8) for _ in range(2))
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.GetImageFromArray(first), sitk.GetImageFromArray(second))
    scores = metrics.dice_per_label(first, second)
    assert sorted(scores) == [1, 2, 3]
    for label, score in scores.items():
        assert score == pytest.approx(overlap.GetDiceCoefficient(label))


def test_dice_of_a_label_missing_on_one_side_is_zero_and_on_both_nan():
    first = np.array([[[0, 20, 20, 21]]])
    second = np.array([[[0, 20, 0, 0]]])
    scores = metrics.dice_per_label(first, second, [20, 21, 22])
    assert scores[20] == pytest.approx(2 / 3)
    assert scores[21] == 0.0
    assert np.isnan(scores[22])


def test_dice_refuses_other_shapes():
    with pytest.raises(ValueError, match="shape"):
        metrics.dice_per_label(np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int))


def test_ssim_is_one_for_equal_images_and_falls_with_noise():
    rng = np.random.default_rng(1)
    image = np.clip(0.5 + 0.1 * rng.standard_normal((20, 20, 20)), 0, 1)
    little = np.clip(image + 0.02 * rng.standard_normal(image.shape), 0, 1)
    much = np.clip(image + 0.2 * rng.standard_normal(image.shape), 0, 1)
    assert metrics.ssim(image, image) == pytest.approx(1.0, abs=1e-4)
    assert 1.0 > metrics.ssim(image, little) > metrics.ssim(image, much) > 0


@pytest.mark.parametrize("seed", range(3))
def test_ssim_is_that_of_scikit_image(seed):
    rng = np.random.default_rng(seed)
    image = np.clip(0.5 + 0.15 * rng.standard_normal((20, 22, 24)), 0, 1)
    other = np.clip(image + 0.1 * rng.standard_normal(image.shape), 0, 1)
    options = {"win_size": metrics.SSIM_WINDOW, "data_range": 1.0, "use_sample_covariance": False}
    _cropped, theirs = structural_similarity(image, other, full=True, **options)
    assert metrics.ssim(image, other) == pytest.approx(theirs.mean(), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_hausdorff95_is_that_of_surface_distance(seed):
    """Theirs lies between voxels, ours on them: they differ by less than the voxels' diagonal, mostly by far less."""
    rng, spacing = np.random.default_rng(seed), np.array([3.0, 0.8, 0.9])
    first, change = (gaussian_filter(rng.standard_normal((20, 40, 44)), (2, 5, 5)) for _ in range(2))
    masks = [values > 0.6 * first.std() for values in (first, first + 0.8 * change)]
    ours = hausdorff95_mm(*(Shape(mask, np.zeros(3, int), spacing) for mask in masks))
    theirs = surface_distance.compute_robust_hausdorff(surface_distance.compute_surface_distances(*masks, spacing), 95)
    assert theirs > 3.0 and ours == pytest.approx(theirs, abs=1.0)  # they differ by up to 0.68 mm


def test_hausdorff95_of_a_box_that_was_moved_is_how_far():
    mask = np.zeros((20, 20, 20), bool)
    mask[4:10, 4:10, 4:10] = True
    spacing = np.array([3.0, 0.8, 0.9])
    near, far = Shape(mask, np.zeros(3, int), spacing), Shape(mask, np.array([0, 0, 7]), spacing)
    assert hausdorff95_mm(near, far) == pytest.approx(7 * 0.9)
    assert np.isnan(hausdorff95_mm(near, Shape(np.zeros_like(mask), np.zeros(3, int), spacing)))


def test_ssim_of_two_flat_images_is_the_luminance_term():
    first, second = np.full((9, 9, 9), 0.5), np.full((9, 9, 9), 0.7)
    expected = (2 * 0.5 * 0.7 + 1e-4) / (0.5**2 + 0.7**2 + 1e-4)
    assert metrics.ssim(first, second) == pytest.approx(expected, abs=1e-3)


def test_ncc_ignores_gain_and_offset_and_flat_parts():
    rng = np.random.default_rng(2)
    image = rng.random((16, 16, 16)).astype(np.float32)
    image[:8] = 0.3
    assert metrics.local_ncc(image, 0.5 * image + 0.2) == pytest.approx(1.0, abs=1e-3)
    assert metrics.global_ncc(image, 1.0 - image) == pytest.approx(-1.0, abs=1e-6)
    assert np.isnan(metrics.global_ncc(image, np.full_like(image, 0.5)))


def test_jacobian_determinant_of_a_scaling():
    field = field_of(lambda x, y, z: (0.1 * x, -0.2 * y, 0.0 * z))
    determinant = jacobian.jacobian_determinant(field)[2:-2, 2:-2, 2:-2]
    np.testing.assert_allclose(determinant, 1.1 * 0.8, rtol=1e-5)


def test_ndv_counts_a_fold_of_one_voxel_that_central_differences_miss():
    values = np.zeros((9, 9, 9, 3))
    values[4, 4, 4, 0] = 2.5
    field = sitk.GetImageFromArray(values, isVector=True)
    field.SetSpacing([2.0] * 3)
    assert jacobian.jacobian_determinant(field).min() > 0
    assert jacobian.ndv_percent(field) > 0
    assert jacobian.ndv_percent(field_of(lambda x, y, z: (0.3 * x, 0 * y, -0.3 * z))) == 0


def test_ndv_of_a_mirrored_field_is_everything():
    assert jacobian.ndv_percent(field_of(lambda x, y, z: (-2.0 * x, 0 * y, 0 * z))) == 100.0


def test_bone_overlap_and_end_point_error():
    first = np.zeros((4, 4, 4))
    first[1:3] = 300
    assert metrics.bone_overlap(first, np.roll(first, 1, axis=0)) == pytest.approx(0.5)
    field = np.zeros((2, 2, 2, 3))
    other = field + np.array([3.0, 4.0, 0.0])
    assert metrics.mean_end_point_error(field, other) == pytest.approx(5.0)
