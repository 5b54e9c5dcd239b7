"""Thick slices on finer ones, by splines: no blur between the slices, and nothing of the scan is lost."""

import numpy as np
import SimpleITK as sitk
from LongitudinalRegistrationLib.changes.refine_grid import refined


def wave(points):
    """HU of a scan whose structures are some five slices long."""
    return 100 * np.cos(0.25 * points)


def scan(step, count):
    values = np.broadcast_to(wave(step * np.arange(count))[:, None, None], (count, 4, 4)).astype(np.float32)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing((1.0, 1.0, step))
    image.SetOrigin((3.0, 2.0, -7.0))
    return image


def test_what_lies_between_two_slices_is_as_sharp_as_on_them():
    image = scan(5.0, 30)
    finer = refined(image, 1.5)
    assert finer.GetSpacing() == (1.0, 1.0, 5.0 / 3) and finer.GetSize() == (4, 4, 88)
    np.testing.assert_allclose(finer.GetOrigin(), image.GetOrigin())
    values, true = sitk.GetArrayFromImage(finer)[:, 1, 2], wave(5.0 / 3 * np.arange(88))
    np.testing.assert_array_equal(values[::3], sitk.GetArrayFromImage(image)[:, 1, 2])
    linear = np.interp(np.arange(88) / 3, np.arange(30), wave(5.0 * np.arange(30)))
    middle = slice(9, -9)
    assert np.abs(values - true)[middle].max() < 0.2 * np.abs(linear - true)[middle].max()


def test_a_scan_of_thin_slices_stays_as_it_is():
    image = scan(1.5, 10)
    assert refined(image, 1.5) is image
