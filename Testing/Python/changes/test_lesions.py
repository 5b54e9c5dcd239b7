"""Measures of a marked lesion, and marks carried to the other scan."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.changes.lesions import measure_lesion
from LongitudinalRegistrationLib.changes.marks import carry_mask, carry_points
from TableRemovalLib.errors import InputError

SPACING = (0.5, 0.5, 2.0)


def grid(shape=(12, 80, 90), spacing=SPACING, origin=(-20.0, -15.0, 100.0)):
    image = sitk.Image(list(shape[::-1]), sitk.sitkInt16)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def filled(image, box, value=1, kind=np.uint8):
    array = np.zeros(image.GetSize()[::-1], kind)
    array[box] = value
    made = sitk.GetImageFromArray(array)
    made.CopyInformation(image)
    return made


BOX = (slice(3, 6), slice(20, 36), slice(30, 54))
"""3 slices of 2 mm, 8 mm by 12 mm."""


def test_a_box_has_its_sides_diagonal_and_mean():
    scan = grid()
    measures = measure_lesion(filled(scan, BOX, 80, np.int16), filled(scan, BOX))
    assert measures.volume_ml == pytest.approx(6 * 8 * 12 / 1000)
    assert measures.longest_mm == pytest.approx(np.hypot(8, 12))
    # Both corners beside the diagonal are 8 * 12 / 14.42 mm off it.
    assert measures.perpendicular_mm == pytest.approx(2 * 96 / np.hypot(8, 12))
    assert (measures.mean_hu, measures.deviation_hu) == (80.0, 0.0)
    assert measures.position == pytest.approx((-20 + 41.5 * 0.5, -15 + 27.5 * 0.5, 108.0))
    assert np.linalg.norm(np.subtract(*measures.ends)) == pytest.approx(measures.longest_mm)


def test_one_voxel_is_as_long_as_its_diagonal():
    scan = grid()
    measures = measure_lesion(scan, filled(scan, (4, 10, 10)))
    assert measures.longest_mm == pytest.approx(np.sqrt(0.5))
    assert measures.perpendicular_mm == pytest.approx(np.sqrt(0.5))


def test_the_longest_diameter_is_looked_for_in_every_slice():
    scan, array = grid(), np.zeros((12, 80, 90), np.uint8)
    array[3, 20:30, 30:40] = array[4, 20:22, 30:70] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(scan)
    assert measure_lesion(scan, mask).longest_mm == pytest.approx(np.hypot(1, 20))


def test_an_empty_lesion_and_another_grid_are_sentences():
    scan = grid()
    with pytest.raises(InputError, match="empty"):
        measure_lesion(scan, filled(scan, (slice(0, 0),)))
    with pytest.raises(InputError, match="another grid"):
        measure_lesion(scan, filled(grid(origin=(0.0, 0.0, 0.0)), BOX))


def stretch(factor, shift):
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((np.eye(3) * factor).ravel().tolist())
    affine.SetTranslation(shift)
    return affine


def test_a_line_is_moved_not_stretched():
    proposal = carry_points(((0.0, 0.0, 104.0), (6.0, 8.0, 104.0)), stretch(1.1, (1.0, 2.0, -10.4)), grid())
    first, second = np.array(proposal.points)
    np.testing.assert_allclose(second - first, (6.0, 8.0, 0.0))
    np.testing.assert_allclose(proposal.centre, (3 * 1.1 + 1, 4 * 1.1 + 2, 104.0), atol=1e-6)
    assert proposal.inside and proposal.mask is None


def test_a_mask_keeps_its_volume_on_another_grid_under_a_transform_that_stretches():
    scan = grid()
    mask = filled(scan, BOX)
    other = grid((24, 50, 60), (1.0, 1.0, 1.0), (-25.0, -20.0, 95.0))
    proposal = carry_mask(mask, stretch(1.3, (0.0, 0.0, -32.0)), other)
    voxels = sitk.GetArrayViewFromImage(proposal.mask).sum()
    assert voxels * 1.0 == pytest.approx(6 * 8 * 12, rel=0.15)
    found = measure_lesion(other, proposal.mask)
    np.testing.assert_allclose(found.position, proposal.centre, atol=0.6)
    np.testing.assert_allclose(proposal.centre, np.array((0.75, -1.25, 108.0)) * 1.3 - (0, 0, 32.0), atol=1e-6)


def test_what_leaves_the_other_scan_is_said():
    assert not carry_points(((0.0, 0.0, 104.0),), stretch(1.0, (500.0, 0.0, 0.0)), grid()).inside
