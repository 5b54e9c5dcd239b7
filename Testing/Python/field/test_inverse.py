"""The inverse of a transform, tested with points and images: how exact it is, its direction, what is refused."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.inverse import inverse_of, inverse_points, resampled
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.scan.grid import Grid
from TableRemovalLib.errors import InputError

REACH_MM = 60.0


@pytest.fixture(scope="module")
def transform():
    """A turn, a stretch and a shift after waves of 8 mm, whose slope is up to 0.4 mm a mm, on 4 mm voxels."""
    affine = sitk.AffineTransform(3)
    affine.SetCenter((10.0, -20.0, 30.0))
    affine.SetMatrix((1.02, 0.1, 0.0, -0.08, 0.97, 0.02, 0.01, 0.0, 1.05))
    affine.SetTranslation((5.0, -7.0, 20.0))
    grid = Grid((40, 40, 40), (-78.0, -78.0, -78.0), 4.0)
    k, j, i = np.indices((40, 40, 40))
    waves = [8 * np.sin(0.2 * j) * np.cos(0.1 * k), 8 * np.sin(0.2 * k), 8 * np.sin(0.2 * i)]
    return compose(affine, grid.image(np.stack(waves, axis=-1)))


@pytest.fixture(scope="module")
def inverse(transform):
    return inverse_of(transform)


def points(count=200):
    return np.random.default_rng(8).uniform(-REACH_MM, REACH_MM, (count, 3))


def through(transform, places):
    return np.array([transform.TransformPoint(place.tolist()) for place in places])


def test_there_and_back_is_where_it_began_to_a_tenth_of_a_millimetre(transform, inverse):
    places = points()
    away = through(transform, places)
    assert np.linalg.norm(away - places, axis=1).max() > 15.0
    errors = np.linalg.norm(through(inverse, away) - places, axis=1)
    assert errors.mean() < 0.05 and errors.max() < 0.15
    errors = np.linalg.norm(through(transform, through(inverse, away)) - away, axis=1)
    assert errors.mean() < 0.05 and errors.max() < 0.15


def test_points_are_inverted_exactly(transform):
    places = points(40)
    assert np.linalg.norm(inverse_points(transform, through(transform, places)) - places, axis=1).max() < 0.001


def test_the_inverse_of_a_shift_is_the_other_way():
    back = inverse_of(sitk.TranslationTransform(3, (5.0, 0.0, -2.0)))
    assert back.TransformPoint((0.0, 0.0, 0.0)) == pytest.approx((-5.0, 0.0, 2.0))


def test_a_label_comes_to_where_its_points_come_either_way(transform, inverse):
    moving = Grid((70, 70, 70), (-100.0, -100.0, -100.0), 3.0).reference()
    centre = np.array([12.0, -20.0, 25.0])
    fixed_labels = _ball(Grid((60, 60, 60), (-90.0, -90.0, -90.0), 3.0).reference(), centre)
    brought = resampled(fixed_labels, moving, inverse, labels=True)
    assert np.linalg.norm(_centre(brought) - through(transform, [centre])[0]) < 1.0
    back = resampled(brought, fixed_labels, transform, labels=True)
    assert np.linalg.norm(_centre(back) - centre) < 0.5
    assert set(np.unique(sitk.GetArrayViewFromImage(back))) == {0, 7}


def _ball(reference, centre, radius=15.0):
    k, j, i = np.indices(reference.GetSize()[::-1])
    places = np.stack([i, j, k], axis=-1) * reference.GetSpacing() + np.array(reference.GetOrigin())
    image = sitk.GetImageFromArray(np.where(np.linalg.norm(places - centre, axis=-1) < radius, 7, 0).astype(np.uint8))
    image.CopyInformation(reference)
    return image


def _centre(labels):
    places = np.argwhere(sitk.GetArrayViewFromImage(labels))[:, ::-1]
    return places.mean(axis=0) * labels.GetSpacing() + np.array(labels.GetOrigin())


@pytest.mark.parametrize("kind, least, fill", [(np.int16, -1000, -1024), (np.float32, 0.5, 0.5), (np.uint8, 0, 0)])
def test_what_lies_outside_becomes_air_in_ct_and_the_least_value_elsewhere(kind, least, fill):
    image = sitk.GetImageFromArray(np.linspace(least, 100, 64).reshape(4, 4, 4).astype(kind))
    brought = resampled(image, image, sitk.TranslationTransform(3, (50.0, 0.0, 0.0)))
    values = sitk.GetArrayViewFromImage(brought)
    assert values.dtype == kind and (values == fill).all()


def test_what_cannot_be_inverted_is_refused_with_what_to_give():
    with pytest.raises(InputError, match=r"transform\.h5"):
        inverse_of(sitk.BSplineTransform(3))
    flat = sitk.AffineTransform(3)
    flat.SetMatrix((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="flattens"):
        inverse_of(flat)
