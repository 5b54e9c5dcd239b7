"""Scores of labels and of scans."""

import tracemalloc
from dataclasses import fields

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.metrics import bone_overlap, dice_per_label, global_ncc, ssim
from LongitudinalRegistrationLib.evaluation.scores import Scores, score_labels
from LongitudinalRegistrationLib.evaluation.verdict import SIMILARITIES
from LongitudinalRegistrationLib.field.box_warp import Box, box_of_image, parts_of, sample, whole
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.scan.geometry import bounds_of
from LongitudinalRegistrationLib.scan.grid import covering_grid

SPACING = (1.5, 2.0, 3.0)


def labels_of(*boxes, shape=(30, 50, 60)):
    """A label volume with a box (value, [k, j, i] slices) for each label."""
    array = np.zeros(shape, np.uint8)
    for value, box in boxes:
        array[box] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin((-40.0, 12.0, 300.0))
    return image


def box_at(k, j, i, size=(8, 12, 16)):
    return tuple(slice(first, first + n) for first, n in zip((k, j, i), size, strict=True))


def shift(*mm):
    return sitk.TranslationTransform(3, mm)


def smooth_field(image, largest=6.0, spacing=4.0):
    """A field of waves around an image, 0 on its edge, and the same for every call."""
    size = [int(n * s / spacing) + 12 for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in size[::-1]), indexing="ij")
    hat = ((1 - x**2) * (1 - y**2) * (1 - z**2))[..., None]
    waves = np.stack([np.sin(3 * y + z), np.cos(4 * z - x), np.sin(2 * x + 3 * y)], axis=-1)
    field = sitk.GetImageFromArray(largest * hat * waves, isVector=True)
    field.SetSpacing([spacing] * 3)
    field.SetOrigin([o - 5 * spacing for o in image.GetOrigin()])
    return field


def test_two_boxes_apart_have_the_scores_that_follow_from_their_distance():
    fixed, moving = labels_of((20, box_at(10, 20, 20))), labels_of((20, box_at(10, 20, 24)))
    (score,) = score_labels(fixed, moving, {"before": None, "after": shift(4 * SPACING[0], 0, 0)})
    assert (score.label, score.name, score.status) == (20, "L1", "both")
    assert score.dsc["before"] == pytest.approx(12 / 16)
    assert score.hd95_mm["before"] == pytest.approx(4 * SPACING[0])
    assert score.centroid_mm["before"] == pytest.approx(4 * SPACING[0])
    assert (score.dsc["after"], score.hd95_mm["after"], score.centroid_mm["after"]) == (1.0, 0.0, 0.0)


def test_distances_are_in_mm_along_every_axis():
    fixed, moving = labels_of((3, box_at(10, 20, 20))), labels_of((3, box_at(12, 20, 20)))
    (score,) = score_labels(fixed, moving, {"before": None})
    assert score.centroid_mm["before"] == pytest.approx(2 * SPACING[2])
    assert score.hd95_mm["before"] == pytest.approx(2 * SPACING[2])


def test_apart_by_more_than_their_size_there_is_no_overlap_but_a_distance():
    fixed, moving = labels_of((3, box_at(2, 20, 4))), labels_of((3, box_at(2, 20, 40)))
    (score,) = score_labels(fixed, moving, {"before": None, "out": shift(900.0, 0, 0)})
    assert score.dsc["before"] == 0 and score.centroid_mm["before"] == pytest.approx(36 * SPACING[0])
    assert score.dsc["out"] == 0 and np.isnan(score.hd95_mm["out"]) and np.isnan(score.centroid_mm["out"])


def test_a_label_that_one_scan_lacks_is_listed_as_such():
    from LongitudinalRegistrationLib.report.content import vertebrae_content, vertebrae_csv

    same = (20, box_at(2, 2, 2))
    fixed, moving = labels_of(same, (21, box_at(12, 20, 20))), labels_of(same, (22, box_at(18, 30, 30)))
    scores = score_labels(fixed, moving, {"before": None, "after": None})
    assert {s.name: s.status for s in scores} == {"L1": "both", "L2": "baseline only", "L3": "follow-up only"}
    content = vertebrae_content(scores)
    assert content["21"]["dsc"] == {"before": None, "after": None} and content["20"]["hd95_mm"]["after"] == 0
    lines = vertebrae_csv(content).splitlines()
    assert lines[0].startswith("label,name,status,dsc_before,dsc_after,hd95_mm_before")
    assert lines[2] == "21,L2,baseline only,,,,,,,,,," and lines[3].startswith("22,L3,follow-up only,")


def test_the_volume_of_a_label_is_the_follow_up_s_before_and_after():
    """A transform that doubles lengths along x halves the label; nothing is said of what reaches the edge."""
    fixed, moving = labels_of((5, box_at(10, 20, 20))), labels_of((5, box_at(10, 20, 20)), (6, box_at(2, 2, 2)))
    doubled = sitk.AffineTransform(3)
    doubled.SetMatrix([2.0, 0, 0, 0, 1, 0, 0, 0, 1])
    doubled.SetCenter(moving.TransformContinuousIndexToPhysicalPoint((27.5, 25.5, 13.5)))
    scores = score_labels(fixed, moving, {"before": None, "after": doubled, "at the edge": shift(2 * SPACING[0], 0, 0)})
    inner, outer = scores[0].volume_ml, scores[1].volume_ml
    volume = 8 * 12 * 16 * np.prod(SPACING) / 1000
    assert inner["before"] == pytest.approx(volume) and inner["after"] == pytest.approx(volume / 2)
    assert outer["before"] == pytest.approx(volume) and np.isnan(outer["at the edge"])


@pytest.mark.parametrize("shift_mm", [0.5, 1.0, 2.0])
def test_a_small_lesion_on_thick_slices_keeps_its_volume_wherever_the_slices_lie(shift_mm):
    """Two slices of 5 mm are two or three of 3.5 mm, by where they lie: the volume of the lesion is not."""
    lesion = sitk.Image(40, 40, 12, sitk.sitkUInt8)
    lesion.SetSpacing((0.9, 0.9, 5.0))
    lesion[14:26, 14:26, 5:7] = 3
    baseline = sitk.Image(40, 40, 17, sitk.sitkUInt8)
    baseline.SetSpacing((0.9, 0.9, 3.5))
    transform = sitk.Euler3DTransform((18.0, 18.0, 30.0), 0.02, 0.01, 0.2, (1.0, 2.0, shift_mm))
    (score,) = score_labels(baseline, lesion, {"before": None, "after": transform})
    assert score.volume_ml["after"] == pytest.approx(score.volume_ml["before"], rel=0.02)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, -0.2, 0.4)])
def test_dice_on_2_mm_voxels_is_that_of_both_scans_labels_brought_there(angles):
    """Ellipsoids on oblique grids: as SimpleITK brings them to 2 mm voxels, and near that on the scan's own voxels."""
    fixed, moving = labels_of((20, box_at(8, 16, 20))), labels_of((20, box_at(10, 18, 23)), (21, box_at(20, 30, 40)))
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*angles)
    fixed, moving = (sitk.TransformGeometry(image, turn) for image in (fixed, moving))
    transform = shift(1.0, -2.0, 3.0)
    score = score_labels(fixed, moving, {"before": None, "after": transform})[0]
    grid = covering_grid(bounds_of(fixed), 2.0, 0.0).reference()
    identity = sitk.Transform(3, sitk.sitkIdentity)
    for step, through in (("before", identity), ("after", transform)):
        here = sitk.GetArrayFromImage(sitk.Resample(fixed, grid, identity, sitk.sitkNearestNeighbor, 0))
        there = sitk.GetArrayFromImage(sitk.Resample(moving, grid, through, sitk.sitkNearestNeighbor, 0))
        assert score.dsc_2mm[step] == pytest.approx(dice_per_label(here, there)[20], abs=2e-3)
        assert 0 < abs(score.dsc_2mm[step] - score.dsc[step]) < 0.05


def test_labels_of_one_scan_alone_have_no_scores_and_empty_ones_are_no_error():
    some, none = labels_of((4, box_at(2, 2, 2))), labels_of()
    assert score_labels(some, None, {"before": None}) == ()
    assert score_labels(none, none, {"before": None}) == ()
    assert [s.status for s in score_labels(none, some, {"before": None})] == ["follow-up only"]


@pytest.mark.parametrize("kind", ["identity", "affine", "composed", "other"])
def test_dice_of_the_boxes_is_that_of_the_whole_volumes(phantom_pair, kind):
    """The same as SimpleITK's resampling of the whole label volume, for transforms of every kind."""
    fixed, moving = phantom_pair.baseline.vertebrae, phantom_pair.followup.vertebrae
    affine = sitk.AffineTransform(3)
    affine.SetMatrix([1.02, 0.03, 0, -0.03, 0.98, 0.01, 0, 0.02, 1.01])
    affine.SetTranslation((4.0, -3.0, 6.0))
    steps = {
        "identity": None,
        "affine": affine,
        "composed": compose(affine, smooth_field(phantom_pair.baseline.image)),
        "other": phantom_pair.true_transform,
    }
    scores = score_labels(fixed, moving, {"step": steps[kind]})
    identity = sitk.Transform(3, sitk.sitkIdentity)
    warped = sitk.Resample(moving, fixed, steps[kind] or identity, sitk.sitkNearestNeighbor, 0)
    expected = dice_per_label(*(sitk.GetArrayFromImage(image) for image in (fixed, warped)))
    found = {score.label: score.dsc["step"] for score in scores if score.status == "both"}
    assert len(found) > 3 and found == pytest.approx({label: expected[label] for label in found}, abs=1e-3)


def test_the_box_holds_all_that_a_deformation_brings_in():
    image = labels_of((1, box_at(10, 20, 20)))
    transform = compose(shift(5.0, -7.0, 2.0), smooth_field(image, 9.0))
    everywhere = sample(image, image, transform, labels=True)
    used = Box((10, 20, 20), (18, 32, 36))
    box = box_of_image(parts_of(transform), image, used, image)
    assert everywhere.sum() > 500 and everywhere[box.slices].sum() == everywhere.sum()
    assert np.prod(box.shape) < 0.5 * everywhere.size
    np.testing.assert_array_equal(sample(image, image, transform, box, labels=True), everywhere[box.slices])
    assert parts_of(sitk.CompositeTransform([transform, shift(1.0, 0, 0)])) is None
    assert whole(image).shape == everywhere.shape


@pytest.fixture(scope="module")
def pyramids(phantom_pair):
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    return tuple(make_pyramid(scan.image) for scan in (phantom_pair.baseline, phantom_pair.followup))


def test_the_similarity_of_scans_is_that_of_the_measures(phantom_pair, pyramids):
    """SSIM, NCC and bone overlap as the plain measures give them on SimpleITK's resampling."""
    from LongitudinalRegistrationLib.evaluation.scores import Scorer
    from LongitudinalRegistrationLib.scan.normalise import normalise
    from TableRemovalLib.body_mask import apply_body_mask

    fixed, moving = pyramids
    level, transform = fixed.levels[2.0], phantom_pair.true_transform
    reference, scores = level.grid.reference(), Scorer(*pyramids).scores(transform)
    clean = [apply_body_mask(scan.image, scan.mask) for scan in pyramids]
    hu = [
        sitk.GetArrayFromImage(sitk.Resample(scan, reference, t, sitk.sitkLinear, -1024.0, sitk.sitkFloat32))
        for scan, t in ((clean[0], sitk.Transform(3, sitk.sitkIdentity)), (clean[1], transform))
    ]
    extent = sitk.Image(moving.image.GetSize(), sitk.sitkUInt8) + 1
    extent.CopyInformation(moving.image)
    seen = sitk.GetArrayFromImage(sitk.Resample(extent, reference, transform, sitk.sitkNearestNeighbor, 0))
    mask = (level.body > 0) & (seen > 0)
    images = [normalise(values, fixed.ceiling) for values in hu]
    assert scores.ssim == pytest.approx(ssim(*images, mask), abs=2e-3)
    assert scores.ncc == pytest.approx(global_ncc(*images, mask), abs=2e-3)
    assert scores.bone == pytest.approx(bone_overlap(*(np.where(mask, values, -1024) for values in hu)), abs=5e-3)
    assert Scorer(*pyramids).scores(shift(5000.0, 0, 0)).ssim == 0


def test_scores_hold_few_volumes_at_a_time(pyramids):
    """In volumes of 2 mm voxels, float32: 3.7 new ones at the peak; with the moments of all of it at once 10.1."""
    from LongitudinalRegistrationLib.evaluation.scores import Scorer

    scorer = Scorer(*pyramids)
    volume = 4 * np.prod(
        [len(np.flatnonzero(pyramids[0].levels[2.0].body.any(axis=a))) for a in ((1, 2), (0, 2), (0, 1))]
    )
    tracemalloc.start()
    try:
        scorer.scores(shift(5.0, -3.0, 8.0))
        assert tracemalloc.get_traced_memory()[1] < 6 * volume
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [sitk.sitkInt16, sitk.sitkFloat32])
def test_a_scan_sampled_with_its_mask_is_the_scan_without_table_sampled(phantom_pair, pyramids, kind):
    from TableRemovalLib.body_mask import apply_body_mask

    _, moving = pyramids
    scan, transform = sitk.Cast(moving.image, kind), compose(shift(5.0, -7.0, 2.0), smooth_field(moving.image, 9.0))
    as_it_came, masked = (sample(scan, moving.image, transform, mask=mask) for mask in (None, moving.mask))
    np.testing.assert_array_equal(masked, sample(apply_body_mask(scan, moving.mask), moving.image, transform))
    assert np.abs(masked - as_it_came).max() > 100


def test_how_much_of_the_bodies_both_scans_show(pyramids):
    from LongitudinalRegistrationLib.evaluation.scores import common_body_percent
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    fixed, _ = pyramids
    nothing = sitk.AffineTransform(3)
    assert common_body_percent(fixed, fixed, nothing) == 100
    upper, lower = (make_pyramid(part) for part in (fixed.image[:, :, 20:], fixed.image[:, :, :36]))
    assert common_body_percent(fixed, upper, nothing) > 95
    assert common_body_percent(upper, lower, nothing) == pytest.approx(100 * 16 / 36, abs=10)
    assert common_body_percent(fixed, fixed, shift(5000.0, 0, 0)) == 0


def test_every_measure_of_the_scans_is_listed_where_measures_are_written():
    """What lists SIMILARITIES: report.json, the text, the page, the panel's sentence and the verdict."""
    assert [measure.key for measure in SIMILARITIES] == [field.name for field in fields(Scores)]
