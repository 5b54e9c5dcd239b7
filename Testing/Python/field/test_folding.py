"""Where a field folds: by volumes of tetrahedra worked out apart, and the same whatever way its grid is turned."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.jacobian import (
    folded_voxels,
    jacobian_determinant,
    ndv_percent,
    smallest_jacobian,
)

SPACING = (1.5, 2.0, 3.0)
CORNERS = [((x, 0, 0), (0, y, 0), (0, 0, z)) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]
DIAGONALS = [((s, s, 0), (0, s, s), (s, 0, s)) for s in (-1, 1)]


def noisy(seed, strength=1.2, shape=(9, 10, 11)):
    """u [k, j, i, component], mm, rough enough to fold at a few of its voxels."""
    return strength * np.random.default_rng(seed).standard_normal((*shape, 3))


def image_of(array, direction=None):
    """A field's image; its components are turned with its grid."""
    direction = np.eye(3) if direction is None else direction
    image = sitk.GetImageFromArray(array @ direction.T, isVector=True)
    image.SetSpacing(SPACING)
    image.SetOrigin((40.0, -300.0, 1200.0))
    image.SetDirection(direction.ravel().tolist())
    return image


def volume_ratios(array):
    """For each inner voxel, the ten volumes of what its tetrahedra become, in parts of what they were."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in array.shape[:3]), indexing="ij")
    rest = np.stack([i, j, k], axis=-1) * SPACING
    moved, inner = rest + array, tuple(slice(1, n - 1) for n in array.shape[:3])

    def volume(points, neighbours):
        ends = [np.roll(points, (-z, -y, -x), axis=(0, 1, 2))[inner] - points[inner] for x, y, z in neighbours]
        return np.linalg.det(np.stack(ends, axis=-2))

    return np.stack([volume(moved, sides) / volume(rest, sides) for sides in CORNERS + DIAGONALS])


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_jacobian_is_that_of_ten_tetrahedra(seed):
    array = noisy(seed)
    ratios = volume_ratios(array)
    ours = smallest_jacobian(np.moveaxis(array, -1, 0), SPACING)[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(ours, ratios.min(axis=0), atol=2e-4)
    folds = ratios.min(axis=0) <= 0
    assert 0.1 < folds.mean() < 0.95 and ndv_percent(image_of(array)) == pytest.approx(100 * folds.mean(), abs=0.2)


def test_a_fold_that_the_eight_corners_miss_counts():
    """A voxel whose tetrahedra along the axes keep their sign, while that between them turns over."""
    array = np.zeros((5, 5, 5, 3))
    for place in ((2, 3, 3), (3, 3, 2), (3, 2, 3)):
        array[place] = -np.array([1.9, 1.9, 1.9]) * SPACING * 0.55
    ratios = volume_ratios(array)[:, 1, 1, 1]
    assert ratios[:8].min() > 0 > ratios[9]
    assert folded_voxels(image_of(array))[1, 1, 1]


@pytest.mark.parametrize("angles", [(20, 0, 0), (0, 20, 0), (20, 20, 0), (-20, 35, 70)])
@pytest.mark.parametrize("mirror", [1, -1])
def test_a_grid_that_is_turned_or_mirrored_folds_as_much(angles, mirror):
    array = noisy(7, 0.6)
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*np.deg2rad(angles).tolist())
    direction = np.reshape(turn.GetMatrix(), (3, 3)) @ np.diag([1, 1, mirror])
    straight, turned = image_of(array), image_of(array, direction)
    assert 1 < ndv_percent(straight) < 99 and ndv_percent(turned) == pytest.approx(ndv_percent(straight), abs=0.01)
    np.testing.assert_allclose(jacobian_determinant(turned), jacobian_determinant(straight), atol=1e-4)
