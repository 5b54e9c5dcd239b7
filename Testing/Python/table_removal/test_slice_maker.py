"""The lengths by which the robust method tells cloth, covers and rails from a patient, on slices drawn with a ruler."""

import numpy as np
import pytest
from TableRemovalLib.borders import tissue_of
from TableRemovalLib.regions import BONE, FAT, LEAN, STATIC, patient_bodies
from TableRemovalLib.robust import SliceMaker

SIDE, RADIUS = 200, 50
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
NOWHERE = np.empty((0, 2), int)
DISTANCE = np.hypot(ROWS - 70, COLUMNS - 100)


def solid_parts(image):
    """The solid parts of a slice with pixels of 1 mm, uint8 [j, i]."""
    maker = SliceMaker(image.shape, (1.0, 1.0, 1.0))
    return maker.solid(image, np.zeros(image.shape, np.uint8), tissue_of(image[None]).borders(None))


def patient_slice():
    """A disc of soft tissue of 50 mm radius in air, HU [j, i]."""
    return np.where(DISTANCE <= RADIUS, 40, -1000).astype(np.int16)


@pytest.mark.parametrize(("thick_mm", "stays"), [(7, False), (11, True)])
def test_what_is_thinner_than_9_mm_is_cloth(thick_mm, stays):
    image = patient_slice()
    image[150 : 150 + thick_mm, 40:160] = 40
    assert solid_parts(image)[150:, 60:140].any() == stays


def test_a_dark_cover_of_3_mm_goes_but_for_the_pixel_at_the_skin():
    image = patient_slice()
    image[(DISTANCE > RADIUS) & (DISTANCE <= RADIUS + 3)] = -200
    solid = solid_parts(image)
    assert solid[DISTANCE <= RADIUS].all() and not solid[DISTANCE > RADIUS + 1.5].any()


@pytest.mark.parametrize(("share", "patient"), [(0.6, False), (0.4, True)])
def test_what_is_long_and_mostly_static_is_a_rail(share, patient):
    """Beside a trunk: 150 mm of something with fat, muscle and bone, 20 cm2 in section."""
    other = np.array([300_000, 60_000, 200_000, 0, 40_000, 300_000 * share], np.int64)
    trunk = np.array([4_000_000, 1_500_000, 2_000_000, 0, 500_000, 0], np.int64)
    assert other[[FAT, LEAN, BONE]].all() and other[STATIC]
    keep = patient_bodies(np.stack([trunk, other]), np.array([150, 150]), NOWHERE, (1.0, 1.0, 1.0))
    assert keep.tolist() == [True, patient]
