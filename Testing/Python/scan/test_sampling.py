"""Linear interpolation in compiled code, against scipy and SimpleITK: values, slopes, borders, thin and odd shapes."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.kernels import Mapping, Values, resample_slices
from LongitudinalRegistrationLib.methods.affine.kernels import Points, sample_points
from LongitudinalRegistrationLib.scan import kernels, sampling
from LongitudinalRegistrationLib.training.simulation.simulator import densify_field, warp_block
from scipy import ndimage

SHAPES = [(7, 9, 11), (3, 40, 5), (2, 2, 2), (64, 4, 3), (1, 6, 8), (5, 1, 1)]
"""[k, j, i]: thin slices, slabs, single slices and lines."""


def volume_and_points(shape, seed=0, count=60):
    """Noise, and points (i, j, k): inside, on voxels, on the outermost voxels, and up to two voxels outside."""
    rng = np.random.default_rng(seed)
    sizes = np.array(shape[::-1])
    inside = rng.uniform(0, 1, (count, 3)) * (sizes - 1)
    outside = rng.uniform(-2, 2, (count, 3)) + rng.integers(0, 2, (count, 3)) * (sizes - 1)
    corners = np.stack(np.meshgrid(*((0, n - 1) for n in sizes)), axis=-1).reshape(-1, 3)
    points = np.vstack([inside, np.round(inside), corners, outside])
    return rng.normal(size=shape).astype(np.float32), points


def scipy_values(volume, points):
    return ndimage.map_coordinates(volume.astype(float), points[:, ::-1].T, order=1, mode="nearest")


def core_values(volume, points):
    """The inlined functions themselves, one point after the other."""
    nk, nj, ni = volume.shape
    found = []
    for x, y, z in points.tolist():
        i0, i1, u = sampling.cell(x, ni)
        j0, j1, v = sampling.cell(y, nj)
        k0, k1, w = sampling.cell(z, nk)
        found.append(sampling.trilinear(sampling.corners_at(volume, k0, k1, j0, j1, i0, i1), u, v, w))
    return np.array(found)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_core_is_scipys_linear_interpolation(shape):
    volume, points = volume_and_points(shape)
    np.testing.assert_allclose(core_values(volume, points), scipy_values(volume, points), atol=1e-6, err_msg=str(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_integers_do_not_wrap_around(dtype):
    volume = np.random.default_rng(1).integers(0, 200, (4, 5, 6)).astype(dtype)
    _, points = volume_and_points(volume.shape)
    np.testing.assert_allclose(core_values(volume, points), scipy_values(volume, points), atol=1e-4)


def test_a_position_keeps_its_precision_and_its_cell():
    for kind in (np.float32, np.float64):
        assert np.array([sampling.cell(kind(3.75), 9)[2]]).item() == 0.75
    assert sampling.cell(8.0, 9) == (7, 8, 1.0) and sampling.cell(np.float64(99), 9) == (7, 8, 1.0)
    assert sampling.cell(-1.0, 1) == (0, 0, 0.0)


@pytest.mark.parametrize("shape", [(7, 9, 11), (3, 40, 5), (2, 2, 2)])
def test_slopes_are_the_derivatives_of_the_values(shape):
    volume, points = volume_and_points(shape, seed=2)
    sizes = np.array(shape[::-1])
    points = points[np.all((points % 1 > 0.01) & (points % 1 < 0.99) & (points > 0) & (points < sizes - 1), axis=1)]
    out = np.zeros((len(points), 5), np.float32)
    seen, values = np.ones(shape, np.uint8), np.zeros(len(points), np.float32)
    sample_points(volume, seen, Points(points, values), np.eye(4)[:3], out, 0, len(points))
    assert len(points) > 30 and out[:, 4].all()
    np.testing.assert_allclose(out[:, 0], scipy_values(volume, points), atol=1e-5, err_msg=str(shape))
    for axis, unit in enumerate(np.eye(3)):
        slope = (scipy_values(volume, points + 1e-3 * unit) - scipy_values(volume, points - 1e-3 * unit)) / 2e-3
        np.testing.assert_allclose(out[:, 1 + axis], slope, atol=1e-3, err_msg=f"{shape}, axis {axis}")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_kernel_samples_as_the_core_does(shape):
    """Scan, warp and simulator, on a rotated and scaled grid that sticks out on all sides."""
    volume, _ = volume_and_points(shape, seed=3)
    matrix = np.array([[0.8, 0.1, -0.05, -1.3], [-0.1, 0.9, 0.2, -0.7], [0.03, -0.1, 0.6, -0.4]])
    k, j, i = np.indices((9, 8, 14)).reshape(3, -1)
    points = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ matrix.T
    expected = scipy_values(volume, points).reshape(9, 8, 14)

    out = np.empty(expected.shape, np.float32)
    kernels.sample_slices(volume, matrix, out, 0, 9)
    np.testing.assert_allclose(out, expected, atol=1e-5, err_msg=str(shape))

    away = (points - np.stack([i, j, k], axis=-1)).reshape(*expected.shape, 3).astype(np.float32)
    warped = warp_block(volume, away, np.zeros(3, np.int64))
    np.testing.assert_allclose(warped, expected, atol=1e-5, err_msg=str(shape))

    still = Mapping(matrix, np.eye(3), np.zeros((3, 2, 2, 2), np.float32), np.eye(4)[:3])
    resample_slices(volume, still, Values(False, False, np.float32(-9)), out, 0, 9)
    inside = np.all((points >= -0.5) & (points < np.array(shape[::-1]) - 0.5), axis=1).reshape(expected.shape)
    np.testing.assert_allclose(out, np.where(inside, expected, -9), atol=1e-5, err_msg=str(shape))

    field = np.ascontiguousarray(np.stack([volume, -volume], axis=-1))
    dense = densify_field(field, 0.4, np.array([1, 2, 3]), (6, 7, 8))
    k, j, i = np.indices((6, 7, 8)).reshape(3, -1)
    points = 0.4 * np.stack([i + 3, j + 2, k + 1], axis=-1)
    np.testing.assert_allclose(dense[..., 0].ravel(), scipy_values(volume, points), atol=1e-5, err_msg=str(shape))
    np.testing.assert_array_equal(dense[..., 1], -dense[..., 0])


@pytest.mark.parametrize("spacing", [(0.7, 0.9, 0.6), (1.3, 0.8, 5.0)])
def test_thin_and_thick_slices_are_sampled_as_simpleitk_does(spacing):
    rng = np.random.default_rng(4)
    image = sitk.GetImageFromArray(rng.normal(size=(12, 30, 25)).astype(np.float32))
    image.SetSpacing(spacing)
    image.SetOrigin((3.0, -8.0, 40.0))
    size, step = (16, 15, 14), 1.1
    reference = sitk.Image(size, sitk.sitkUInt8)
    reference.SetSpacing([step] * 3)
    reference.SetOrigin((1.7, -9.1, 38.0))
    expected = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(), sitk.sitkLinear, np.nan))
    offset = (np.array(reference.GetOrigin()) - image.GetOrigin()) / spacing
    matrix = np.column_stack([np.diag(step / np.array(spacing)), offset])
    out = np.empty(size[::-1], np.float32)
    kernels.sample_slices(sitk.GetArrayFromImage(image), matrix, out, 0, size[2])
    inside = np.isfinite(expected)
    assert inside.sum() > 500
    np.testing.assert_allclose(out[inside], expected[inside], atol=1e-4, err_msg=str(spacing))


def test_rows_along_an_axis_of_the_field_are_sampled_as_rows_across_it():
    """The shortcut of a straight row against the general way, which a slope of a hundred-thousandth takes."""
    rng = np.random.default_rng(6)
    image, field = rng.normal(size=(9, 10, 40)).astype(np.float32), np.zeros((3, 6, 7, 12), np.float32)
    field[:, 1:-1, 1:-1, 1:-1] = rng.normal(size=(3, 4, 5, 10))
    to_field = np.array([[0.3, 0.02, 0.0, -0.5], [0.0, 0.6, 0.1, 0.2], [0.0, 0.0, 0.5, 0.3]])
    sloping = to_field.copy()
    sloping[1:, 0] = 1e-5
    found = []
    for matrix in (to_field, sloping):
        mapping = Mapping(np.eye(4)[:3], np.eye(3), field, matrix)
        out = np.empty_like(image)
        resample_slices(image, mapping, Values(False, False, np.float32(-9)), out, 0, 9)
        found.append(out)
    np.testing.assert_allclose(found[0], found[1], atol=0.01)
    assert np.abs(found[0] - image).max() > 1.0
