"""The change map on a made-up trunk: a spine with a cortex, marrow, muscle, an artery; the lesions are known."""

from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.changes.change_map import change_map
from LongitudinalRegistrationLib.changes.comparison import compared
from LongitudinalRegistrationLib.changes.error import slopes_of, steepness
from LongitudinalRegistrationLib.changes.findings import DENSER, LIGHTER, find_changes
from LongitudinalRegistrationLib.changes.options import EVERYWHERE, ChangeOptions, FindingOptions
from LongitudinalRegistrationLib.field.jacobian import volume_change
from scipy.ndimage import gaussian_filter
from TableRemovalLib.errors import InputError

SHIFT = (1.1, -0.8, 1.7)
LESIONS = {DENSER: (-8.0, 20.0, -22.0), LIGHTER: (9.0, 16.0, 18.0)}


def trunk(
    spacing=(1.5, 1.5, 2.5), origin_shift=(0.0, 0.0, 0.0), lesion_hu=0.0, artery_hu=160.0, seed=1, scale=1.0, noise=12.0
):
    """A trunk 150 mm wide and 90 mm high, and its body; bone is scaled, as another tube voltage does."""
    size = np.array([108, 84, round(90 / spacing[2])])
    low = np.array([-80.0, -62.0, -45.0])
    x, y, z = np.meshgrid(*(low[a] + spacing[a] * np.arange(size[a]) for a in range(3)), indexing="ij")
    hu = np.full(x.shape, -1000.0)
    body = (x / 75) ** 2 + (y / 57) ** 2 < 1
    hu[body] = 55.0
    hu[(x / 75) ** 2 + (y / 57) ** 2 < 1] -= 150 * ((x / 75) ** 2 + (y / 57) ** 2 > 0.8)[body]
    from_axis = np.hypot(x, (y - 18) * 1.2)
    hu[from_axis < 21] = 700 * scale
    hu[from_axis < 18] = 190 * scale
    hu[np.hypot(x + 5, y + 15) < 9] = artery_hu
    for kind, sign in ((DENSER, 1), (LIGHTER, -1)):
        hu[sum((a - c) ** 2 for a, c in zip((x, y, z), LESIONS[kind], strict=True)) < 36] += sign * lesion_hu
    hu = gaussian_filter(hu, [0.6, 0.6, 0.5]) + np.random.default_rng(seed).normal(0, noise, hu.shape)
    images = [sitk.GetImageFromArray(a.transpose(2, 1, 0)) for a in (hu.astype(np.int16), body.astype(np.uint8))]
    for image in images:
        image.SetSpacing(spacing)
        image.SetOrigin((low + origin_shift).tolist())
    return images


@lru_cache
def comparison(lesion_hu=120.0, spacing=(1.5, 1.5, 2.5), artery_hu=300.0, region="bone", scale=1.0, moved=SHIFT):
    """A follow-up that was scanned elsewhere, found by a transform that is right."""
    fixed, fixed_body = trunk()
    moving, moving_body = trunk(spacing, moved, lesion_hu, artery_hu, seed=2, scale=scale)
    transform = sitk.TranslationTransform(3, moved)
    options = ChangeOptions(region=region)
    return change_map(fixed, moving, transform, options, fixed_body, moving_body), transform


def array_of(image):
    return sitk.GetArrayViewFromImage(image)


def near(image, point, radius=4.0):
    """Values of an image around a point."""
    index = np.argwhere(np.ones(image.GetSize()[::-1], bool))
    points = index[:, ::-1] * image.GetSpacing() + image.GetOrigin()
    return array_of(image)[tuple(index[np.linalg.norm(points - point, axis=1) < radius].T)]


def test_a_denser_and_a_lighter_place_in_bone_are_the_only_findings():
    found, transform = comparison()
    findings = find_changes(found, transform)
    assert {each.kind for each in findings.listed} == {DENSER, LIGHTER} and len(findings.listed) == 2
    for each in findings.listed:
        np.testing.assert_allclose(each.position, LESIONS[each.kind], atol=1.5)
        np.testing.assert_allclose(each.position_followup, np.add(LESIONS[each.kind], SHIFT), atol=1.5)
        assert 55 < abs(each.mean_change_hu) < 125
        assert abs(each.largest_change_hu) == pytest.approx(110, abs=30)
        assert 0.3 < each.volume_ml < 1.3  # a ball of 6 mm has 0.9 ml
        assert each.diameter_before_mm == 0 and each.diameter_after_mm == pytest.approx(12, abs=4)
        assert each.side == ("right" if each.kind == DENSER else "left")
        assert array_of(findings.labels)[array_of(findings.labels) == each.number].size > 0


def test_nothing_new_is_no_finding_though_the_artery_is_twice_as_dense():
    found, transform = comparison(lesion_hu=0.0)
    assert find_changes(found, transform).listed == ()


def test_thick_slices_are_compared_with_thin_ones():
    found, transform = comparison(spacing=(1.5, 1.5, 5.0), lesion_hu=160.0)
    findings = find_changes(found, transform)
    assert {each.kind for each in findings.listed} == {DENSER, LIGHTER}
    assert any("5.0 mm" in words for words in found.warnings) and found.trust < 1


def test_an_offset_of_half_a_voxel_stays_dark():
    fixed, body = trunk(noise=5.0)
    moving, _ = trunk(seed=3, noise=5.0)
    found = change_map(fixed, moving, sitk.TranslationTransform(3, (0.75, 0.0, 0.0)), None, body, body)
    assert find_changes(found, sitk.TranslationTransform(3, (0.75, 0.0, 0.0))).listed == ()
    assert np.abs(array_of(found.change_hu)).max() < 40  # of the 200 HU and more that the cortex differs by


def test_a_slope_and_a_ridge_explain_what_an_offset_makes_of_them():
    spacing, variances = (2.0, 1.0, 1.0), (0.25, 0.36, 0.36)
    ramp = np.broadcast_to(10.0 * np.arange(20, dtype=np.float32), (5, 6, 20)).copy()
    expected = steepness(ramp, slopes_of(ramp, spacing), variances, spacing)[2, 3, 10]
    assert expected == pytest.approx(10 * 0.6)
    ridge = np.zeros((5, 6, 21), np.float32)
    ridge[..., 10] = 100
    assert steepness(ridge, slopes_of(ridge, spacing), variances, spacing)[2, 3, 10] == pytest.approx(200 * 0.36 / 2)


def test_contrast_medium_is_taken_out_where_it_is_everywhere_in_a_tissue():
    fixed, body = trunk()
    array = sitk.GetArrayFromImage(fixed)
    array[(array > 0) & (array < 120)] += 40
    moving = sitk.GetImageFromArray(array)
    moving.CopyInformation(fixed)
    found = change_map(fixed, moving, sitk.Transform(3, sitk.sitkIdentity), ChangeOptions("everywhere"), body, body)
    soft = next(each for each in found.corrections if each.tissue == "soft tissue")
    assert soft.offset_hu == pytest.approx(40, abs=2)
    muscle = near(found.change_hu, (40.0, -20.0, 0.0), 8.0)
    assert abs(float(muscle.mean())) < 3


def test_another_tube_voltage_is_taken_out_and_said():
    found, transform = comparison(lesion_hu=0.0, scale=1.25)
    bone = next(each for each in found.corrections if each.tissue == "bone")
    assert bone.slope == pytest.approx(2 * 0.25 / 2.25, abs=0.06)
    assert find_changes(found, transform).listed == ()
    assert found.trust < 1 and any("tube voltage" in words for words in found.warnings)


def test_the_noise_is_that_of_both_scans():
    quiet, _ = comparison(lesion_hu=0.0)
    fixed, body = trunk(noise=12.0)
    loud, _ = trunk(noise=36.0, seed=5)
    found = change_map(fixed, loud, sitk.Transform(3, sitk.sitkIdentity), None, body, body)
    assert found.noise_hu / quiet.noise_hu == pytest.approx(np.sqrt(10 / 2), rel=0.4)


def test_both_scans_are_brought_to_one_resolution():
    """Noise of 2.5 mm slices that are brought to 5 mm is averaged as that of the thick ones is."""
    fixed, body = trunk(noise=30.0)
    moving, moving_body = trunk((1.5, 1.5, 5.0), seed=2, noise=30.0 / np.sqrt(2))
    pair = compared(fixed, moving, sitk.Transform(3, sitk.sitkIdentity), body, moving_body, 1.5)
    noise = [hu[4:-4, 30:44, 12:22].std() for hu in (pair.baseline, pair.followup)]
    assert noise[0] == pytest.approx(noise[1], rel=0.15)


def test_volume_change_is_that_of_the_whole_transform():
    grid = trunk()[1]
    scale = sitk.ScaleTransform(3, (1.1, 1.0, 0.9))
    np.testing.assert_allclose(volume_change(scale, grid), 0.99, rtol=1e-5)


def test_scans_without_common_body_or_bone_are_sentences():
    fixed, body = trunk()
    far = sitk.TranslationTransform(3, (0.0, 0.0, 80.0))
    with pytest.raises(InputError, match="no 30 mm of the body in common"):
        change_map(fixed, fixed, far, None, body, body)
    soft = sitk.Clamp(fixed, sitk.sitkInt16, -1024, 100)
    with pytest.raises(InputError, match="No bone"):
        change_map(soft, soft, sitk.Transform(3, sitk.sitkIdentity), None, body, body)
    everywhere = change_map(soft, soft, sitk.Transform(3, sitk.sitkIdentity), ChangeOptions(EVERYWHERE), body, body)
    assert not sitk.GetArrayFromImage(everywhere.bone).any() and everywhere.trust > 0
    with pytest.raises(InputError, match="region must be"):
        change_map(fixed, fixed, far, ChangeOptions(region="liver"))
    with pytest.raises(InputError, match="threshold"):
        find_changes(comparison()[0], far, FindingOptions(threshold=0.0))


def test_a_scan_without_calibration_is_said():
    fixed, body = trunk()
    array = sitk.GetArrayFromImage(fixed) // 2 + 512
    moving = sitk.GetImageFromArray(array)
    moving.CopyInformation(fixed)
    found = change_map(fixed, moving, sitk.Transform(3, sitk.sitkIdentity), ChangeOptions("everywhere"), body, body)
    assert found.trust < 0.5 and any("not calibrated" in words for words in found.warnings)


def test_a_follow_up_whose_slices_lie_otherwise_in_its_file_is_compared_as_the_same():
    fixed, fixed_body = trunk()
    moving, moving_body = trunk((1.5, 1.5, 5.0), seed=2)
    turned = [sitk.PermuteAxes(each, (2, 0, 1)) for each in (moving, moving_body)]
    same = sitk.Transform(3, sitk.sitkIdentity)
    found = [change_map(fixed, each, same, None, fixed_body, body) for each, body in ((moving, moving_body), turned)]
    first, second = (array_of(each.significance) for each in found)
    np.testing.assert_allclose(first, second, atol=0.01)
    assert found[0].trust == found[1].trust and found[0].warnings == found[1].warnings


def with_ball(image, radius_mm, hu, centre=(0.0, 18.0, 0.0)):
    array = sitk.GetArrayFromImage(image).astype(float)
    points = np.indices(array.shape)[::-1].reshape(3, -1).T * image.GetSpacing() + image.GetOrigin()
    away = np.linalg.norm(points - centre, axis=1).reshape(array.shape)
    made = sitk.GetImageFromArray((array + hu * np.clip(radius_mm - away + 0.5, 0, 1)).astype(np.int16))
    made.CopyInformation(image)
    return made


@pytest.mark.parametrize(("before_mm", "hu"), [(10, 400), (14, 400), (14, -120), (0, 300)])
def test_the_diameters_of_a_lesion_that_has_grown(before_mm, hu):
    (fixed, fixed_body), (moving, moving_body) = trunk(), trunk(seed=2)
    scans = with_ball(fixed, before_mm / 2, hu if before_mm else 0), with_ball(moving, 10, hu)
    same = sitk.Transform(3, sitk.sitkIdentity)
    first = find_changes(change_map(*scans, same, None, fixed_body, moving_body), same).listed[0]
    assert first.diameter_before_mm == pytest.approx(before_mm, abs=4)
    assert first.diameter_after_mm == pytest.approx(20, abs=4)


def test_a_change_is_less_sure_where_the_registration_expects_to_be_off():
    (fixed, fixed_body), (moving, moving_body) = trunk(), trunk(lesion_hu=120.0, seed=2)
    off = sitk.GetImageFromArray(np.full((20, 20, 20), 0.1, np.float32))
    off.SetSpacing((8.0, 8.0, 8.0))
    off.SetOrigin((-80.0, -80.0, -80.0))
    above = sitk.GetImageFromArray(np.where(np.arange(20)[:, None, None] > 10, 3.0, sitk.GetArrayFromImage(off)))
    above.CopyInformation(off)
    pair = fixed, moving, sitk.Transform(3, sitk.sitkIdentity), None, fixed_body, moving_body
    plain, small, large = (change_map(*pair, error).significance for error in (None, off, above))
    # A tenth of a millimetre is less than what is taken of any registration.
    np.testing.assert_allclose(array_of(small), array_of(plain), rtol=1e-4, atol=1e-4)
    lower, upper = (near(large, LESIONS[kind]) / near(plain, LESIONS[kind]) for kind in (DENSER, LIGHTER))
    assert np.abs(upper).max() < 0.7 and np.abs(lower - 1).max() < 0.1
