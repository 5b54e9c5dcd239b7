"""The maps of local similarity."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.metrics import local_ncc, ssim
from LongitudinalRegistrationLib.evaluation.similarity_maps import similarity_maps


def test_the_maps_say_where_scans_differ(phantom_pair):
    """Equal scans: 1 in the body, NaN outside; noise in one half of it: low there, 1 in the other."""
    scan = phantom_pair.baseline
    array = sitk.GetArrayFromImage(scan.image)
    half = array.shape[2] // 2
    noise = np.random.default_rng(0).normal(0, 300, array[..., half:].shape)
    spoilt = array.copy()
    spoilt[..., half:] = np.clip(spoilt[..., half:] + noise, -1000, 3000)
    other = sitk.GetImageFromArray(spoilt)
    other.CopyInformation(scan.image)
    same, maps = (similarity_maps(scan.image, image, scan.body) for image in (scan.image, other))
    assert maps.ssim.GetSpacing() == (4.0, 4.0, 4.0) and maps.ssim.GetPixelID() == sitk.sitkFloat32
    for name in ("ssim", "ncc"):
        equal, found = (sitk.GetArrayFromImage(getattr(each, name)) for each in (same, maps))
        assert np.nanmin(equal) > 0.999 and 0.2 < np.isnan(equal).mean() < 0.95
        point = scan.image.TransformIndexToPhysicalPoint((half, 0, 0))
        middle = maps.ssim.TransformPhysicalPointToIndex(point)[0]
        assert np.nanmean(found[..., : middle - 4]) > 0.999
        assert np.nanmean(found[..., middle + 4 :]) < 0.8
        assert np.isnan(found[0, 0, 0])
    found = sitk.GetArrayFromImage(similarity_maps(scan.image, other).ssim)
    assert np.nanmean(found) == pytest.approx(np.nanmean(sitk.GetArrayFromImage(maps.ssim)), abs=0.02)


def test_maps_and_measures_agree():
    from LongitudinalRegistrationLib.evaluation.similarity_maps import covariance, moments, ncc_map, ssim_map

    rng = np.random.default_rng(1)
    first = rng.random((24, 26, 28), np.float32)
    second = 0.5 * first + 0.5 * rng.random(first.shape, np.float32)
    pair = [moments(image, 7) for image in (first, second)]
    assert ssim_map(*pair, covariance(*pair, 7)).mean() == pytest.approx(ssim(first, second), abs=1e-5)
    assert ncc_map(*pair, covariance(*pair, 7)).mean() == pytest.approx(local_ncc(first, second, window=7), abs=1e-5)
