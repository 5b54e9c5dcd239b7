"""Numbers that do not lie: of a scan with itself, of labels warped once and twice, beside independent libraries."""

import numpy as np
import pytest
import SimpleITK as sitk
import surface_distance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from LongitudinalRegistrationLib.evaluation import metrics
from LongitudinalRegistrationLib.evaluation.metrics import Shape
from LongitudinalRegistrationLib.evaluation.scores import score_labels
from LongitudinalRegistrationLib.field.inverse import inverse_of, resampled
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.pipeline.registration import register
from LongitudinalRegistrationLib.pipeline.report_content import result_content
from skimage.metrics import structural_similarity
from small_patient import LEVELS, SHIFT_MM, points_within, scan, taken

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
MASKS = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.sampled_from(["random", "empty", "one voxel", "blob"]).map(lambda kind: mask_of(kind, seed))
)


def mask_of(kind, seed):
    """A mask [k, j, i] of a kind: random voxels, none, one, or a ball."""
    rng, shape = np.random.default_rng(seed), (9, 10, 11)
    if kind == "random":
        return rng.random(shape) < rng.uniform(0.02, 0.9)
    mask = np.zeros(shape, bool)
    if kind == "one voxel":
        mask[tuple(rng.integers(0, shape))] = True
    if kind == "blob":
        middle = rng.uniform(3, 7, 3)[:, None, None, None]
        mask = ((np.indices(shape) - middle) ** 2).sum(axis=0) < rng.uniform(1, 3.5) ** 2
    return mask


@pytest.mark.parametrize("method, mean_mm, most_mm", [("refinement", 1e-4, 1e-3), ("cost-volume", 0.3, 4.0)])
def test_a_scan_registered_to_itself_stays_where_it_is(method, mean_mm, most_mm):
    """The network is no identity where there is little to see: it moves points by 0.15 mm, 2.1 mm at most, here."""
    image, labels = scan()
    found = register(image, image, RegistrationOptions(method=method), labels, labels)
    apart = np.linalg.norm(taken(found.transform, points_within()) - points_within(), axis=1)
    assert apart.mean() < mean_mm and apart.max() < most_mm
    content = result_content(found)
    assert content["verdict"]["level"] == "good" and content["ndv_percent"] == 0
    assert content["mean_dsc"]["before"] == 1 and content["mean_dsc"]["after"] > 0.95
    assert content["ncc"]["before"] == pytest.approx(1, abs=1e-4) and content["ssim"]["before"] == pytest.approx(
        1, abs=1e-3
    )


def test_labels_warped_keep_their_values_and_lost_ones_are_named():
    image, labels = scan()
    dtype = sitk.sitkInt16
    labels = sitk.Cast(labels, dtype)
    moving, moving_labels = scan(True)[0][:, :, :26], sitk.Cast(scan(True)[1], dtype)[:, :, :26]
    found = register(image, moving, RegistrationOptions(method="refinement"), labels, moving_labels)
    values = set(np.unique(sitk.GetArrayViewFromImage(found.registered_labels)).tolist())
    assert found.registered_labels.GetPixelID() == dtype
    given_values = set(np.unique(sitk.GetArrayViewFromImage(moving_labels)).tolist())
    assert values == given_values < {0, *LEVELS}
    status = {score.name: score.status for score in found.label_scores}
    assert set(status) == {"L1", "L2", "L3", "L4"} and status["L1"] == "baseline only"
    assert result_content(found)["dsc"]["20"]["missing_from"] == "moving"


def test_a_label_warped_there_and_back_is_where_it_was():
    """Twice nearest neighbour costs no more than the voxels at its edge, and values stay as they are."""
    _image, labels = scan()
    field = sitk.Image([30, 26, 24], sitk.sitkVectorFloat64, 3)
    field.SetSpacing([5.0] * 3)
    field.SetOrigin([-75.0, -65.0, -60.0])
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 26, 30)), indexing="ij")
    hat = ((1 - i**2) * (1 - j**2) * (1 - k**2))[..., None]
    values = sitk.GetImageFromArray(
        3 * hat * np.stack([np.sin(4 * j), np.cos(3 * k), np.sin(3 * i)], -1), isVector=True
    )
    values.CopyInformation(field)
    affine = sitk.AffineTransform(3)
    affine.SetTranslation(SHIFT_MM.tolist())
    transform = compose(affine, values)
    there = resampled(labels, labels, transform, labels=True)
    back = resampled(there, labels, inverse_of(transform), labels=True)
    scores = metrics.dice_per_label(*(sitk.GetArrayFromImage(each) for each in (labels, back)))
    assert set(scores) == set(LEVELS) and min(scores.values()) > 0.85


@FEW
@given(MASKS, MASKS)
def test_dice_is_that_of_simpleitk_on_random_empty_and_one_voxel_masks(first, second):
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (first, second)]
    (score,) = score_labels(*images, {"before": None}) or (None,) if first.any() or second.any() else (None,)
    ours = metrics.dice_per_label(first.astype(int), second.astype(int), [1])[1]
    if not (first.any() or second.any()):
        assert np.isnan(ours)
        return
    theirs = sitk.LabelOverlapMeasuresImageFilter()
    theirs.Execute(*images)
    assert ours == pytest.approx(theirs.GetDiceCoefficient(1))
    both = first.any() and second.any()
    assert score.dsc["before"] == (pytest.approx(ours) if both else pytest.approx(np.nan, nan_ok=True))


@FEW
@given(MASKS, MASKS)
def test_hausdorff95_of_surface_distance_is_within_a_voxel(first, second):
    spacing = np.array([3.0, 0.8, 0.9])
    ours = metrics.hausdorff95_mm(*(Shape(mask, np.zeros(3, int), spacing) for mask in (first, second)))
    if not (first.any() and second.any()):
        assert np.isnan(ours)
        return
    distances = surface_distance.compute_surface_distances(first, second, spacing)
    theirs = surface_distance.compute_robust_hausdorff(distances, 95)
    assert ours == pytest.approx(theirs, abs=np.linalg.norm(spacing) + 1e-6)
    exact = sitk.HausdorffDistanceImageFilter()
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (first, second)]
    for image in images:
        image.SetSpacing(spacing[::-1].tolist())
    exact.Execute(*images)
    assert ours <= exact.GetHausdorffDistance() + np.linalg.norm(spacing)


@FEW
@given(arrays(np.float32, (8, 9, 10), elements=st.floats(0, 1, width=32)), st.integers(0, 2**32 - 1))
def test_ssim_is_that_of_scikit_image(image, seed):
    other = np.clip(image + np.random.default_rng(seed).normal(0, 0.1, image.shape), 0, 1).astype(np.float32)
    options = {"win_size": metrics.SSIM_WINDOW, "data_range": 1.0, "use_sample_covariance": False}
    _cropped, theirs = structural_similarity(image.astype(float), other.astype(float), full=True, **options)
    assert metrics.ssim(image, other) == pytest.approx(theirs.mean(), abs=2e-4)
