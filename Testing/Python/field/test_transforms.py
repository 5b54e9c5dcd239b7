"""The one transform, tested with points: composition, the grid's edge, files, RAS and LPS."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.transforms import (
    compose,
    displacement_on,
    extend_smoothly,
    for_storage,
    without_affine,
)
from LongitudinalRegistrationLib.methods.niftyreg.run import read_affine, write_affine
from LongitudinalRegistrationLib.scan.grid import Grid
from LongitudinalRegistrationLib.scan.write import write_transform


@pytest.fixture
def affine():
    transform = sitk.AffineTransform(3)
    transform.SetCenter((10.0, -20.0, 30.0))
    transform.SetMatrix((1.02, 0.1, 0.0, -0.08, 0.97, 0.02, 0.01, 0.0, 1.05))
    transform.SetTranslation((5.0, -7.0, 20.0))
    return transform


@pytest.fixture
def field():
    """A smooth field of some 8 mm that is not zero at its grid's edge."""
    grid = Grid((30, 26, 20), (-60.0, -50.0, -40.0), 4.0)
    z, y, x = np.meshgrid(*(np.linspace(0, np.pi, n) for n in grid.size[::-1]), indexing="ij")
    values = np.stack([8 * np.cos(x), 5 * np.sin(y + z), -6 * np.cos(z)], axis=-1)
    return grid.image(values)


def points_inside(field, count=50):
    rng = np.random.default_rng(5)
    size = np.array(field.GetSize())
    return [field.TransformContinuousIndexToPhysicalPoint(rng.uniform(1, size - 2).tolist()) for _ in range(count)]


def interpolated(field, point):
    return np.array(field.EvaluateAtPhysicalPoint(point))


def test_points_go_through_the_field_then_the_affine(affine, field):
    transform = compose(affine, field)
    for point in points_inside(field):
        expected = affine.TransformPoint((np.array(point) + interpolated(field, point)).tolist())
        np.testing.assert_allclose(transform.TransformPoint(point), expected, atol=1e-6)


def test_no_jump_at_the_edge_and_zero_far_away(field):
    transform = compose(sitk.AffineTransform(3), field)
    line = [np.array([x, 0.0, 0.0]) for x in np.arange(-250.0, 250.0, 0.5)]
    moved = np.array([np.array(transform.TransformPoint(p.tolist())) - p for p in line])
    assert np.abs(np.diff(moved, axis=0)).max() < 0.2
    assert np.abs(moved[0]).max() == 0.0 and np.abs(moved[-1]).max() == 0.0
    assert np.abs(moved).max() > 4.0


def test_the_extended_field_does_not_fold(field):
    from LongitudinalRegistrationLib.field.jacobian import ndv_percent

    assert ndv_percent(field) == 0.0
    assert ndv_percent(extend_smoothly(field)) == 0.0


def test_a_transform_file_moves_points_the_same_way(affine, field, tmp_path):
    transform = compose(affine, field)
    write_transform(transform, tmp_path / "transform.h5")
    again = sitk.ReadTransform(str(tmp_path / "transform.h5"))
    for point in [*points_inside(field, 10), (200.0, 150.0, -90.0)]:
        np.testing.assert_allclose(again.TransformPoint(point), transform.TransformPoint(point), atol=1e-9)
    assert [p.name for p in tmp_path.iterdir()] == ["transform.h5"]


def test_taking_the_affine_out_of_a_whole_displacement(affine, field):
    reference = sitk.Image(field.GetSize(), sitk.sitkUInt8)
    reference.CopyInformation(field)
    total = sitk.TransformToDisplacementField(
        compose(affine, field),
        sitk.sitkVectorFloat64,
        reference.GetSize(),
        reference.GetOrigin(),
        reference.GetSpacing(),
    )
    found = sitk.GetArrayFromImage(without_affine(total, affine))
    np.testing.assert_allclose(found, sitk.GetArrayFromImage(field), atol=1e-3)


def test_storage_on_4_mm_keeps_a_smooth_field():
    grid = Grid((61, 51, 41), (-60.0, -50.0, -40.0), 2.0)
    z, y, x = np.meshgrid(*(np.linspace(0, np.pi, n) for n in grid.size[::-1]), indexing="ij")
    fine = grid.image(np.stack([8 * np.sin(x), 5 * np.sin(y), 4 * np.cos(z)], axis=-1))
    stored = for_storage(fine)
    assert stored.GetSpacing() == (4.0, 4.0, 4.0)
    for point in points_inside(stored, 30):
        np.testing.assert_allclose(interpolated(stored, point), interpolated(fine, point), atol=0.05)


def test_displacement_on_a_grid_is_that_of_points(affine, field):
    transform = compose(affine, field)
    grid = Grid((16, 16, 16), (-30.0, -30.0, -30.0), 4.0)
    dvf = displacement_on(transform, grid.reference())
    point = dvf.TransformIndexToPhysicalPoint((5, 6, 7))
    np.testing.assert_allclose(dvf[5, 6, 7], np.array(transform.TransformPoint(point)) - point, atol=0.01)


def test_niftyreg_affine_files_are_ras(affine, tmp_path):
    path = tmp_path / "affine.txt"
    write_affine(affine, path)
    matrix = np.loadtxt(path)
    lps = np.array([12.0, -34.0, 56.0])
    ras = np.array([-12.0, 34.0, 56.0, 1.0])
    moved = (matrix @ ras)[:3] * [-1, -1, 1]
    np.testing.assert_allclose(moved, affine.TransformPoint(lps.tolist()), atol=1e-4)
    np.testing.assert_allclose(read_affine(path).TransformPoint(lps.tolist()), moved, atol=1e-4)
