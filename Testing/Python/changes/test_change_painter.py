"""The colours of changes over a slice view, on known maps."""

import numpy as np
import pytest
from colour_vision import colour_blind_distance

pytest.importorskip("trame_slicer")

CHANGE = np.zeros((3, 40, 60), np.float32)
CHANGE[:, 5:15, 5:15], CHANGE[:, 5:15, 30:40] = 400, -400
CHANGE[:, 25:35, 5:15], CHANGE[:, 25:35, 30:40] = 60, 400
SIGNIFICANCE = np.sign(CHANGE) * 10
SIGNIFICANCE[:, 25:35, 30:40] = 2
DENSE, LIGHT, SLIGHT, UNSURE = (10, 10), (35, 10), (10, 30), (35, 30)


@pytest.fixture
def frame(host):
    """A view of 1 mm pixels whose x goes to the patient's left and y forward, as an axial view's, of CHANGE's space."""
    from LongitudinalRegistrationSlicer.views.slice_overlay import Frame, Layer

    shape = (200, 300)
    layer = Layer(np.zeros(shape, np.int16), np.ones(shape, bool), 2000, 0)
    to_ras = np.diag([-1.0, 1.0, 1.0, 1.0])
    to_ras[:3, 3] = (0.0, -100.0, 2.0)
    return Frame("Test", shape[1], shape[0], to_ras, layer, None)


@pytest.fixture
def painter(host):
    from LongitudinalRegistrationSlicer.changes.painter import ChangePainter
    from LongitudinalRegistrationSlicer.views.resliced import ReslicedVolume

    layers = ReslicedVolume(np.stack([CHANGE, SIGNIFICANCE], axis=-1), np.diag([-2.0, -2.0, 2.0, 1.0]))
    return ChangePainter(layers, opacity=1.0)


def colour(painter, frame, place):
    """The colour at (i, j) of CHANGE."""
    picture = painter(frame, np.full((frame.height, frame.width, 3), 100, np.uint8))
    i, j = place
    return tuple(int(value) for value in picture[100 - 2 * j, 2 * i])


def test_denser_is_orange_lighter_is_blue_and_the_rest_stays_grey(painter, frame):
    assert colour(painter, frame, DENSE) == (230, 97, 1)
    assert colour(painter, frame, LIGHT) == (0, 114, 220)
    assert colour(painter, frame, (50, 20)) == (100, 100, 100)


def test_a_small_change_covers_less(painter, frame):
    red, green, blue = colour(painter, frame, SLIGHT)
    assert 100 < red < 230 and 1 < blue < 100


def test_the_thresholds_leave_out_what_is_small_or_unsure(painter, frame):
    assert colour(painter, frame, UNSURE) == (100, 100, 100)
    painter.leastSignificance = 1.5
    assert colour(painter, frame, UNSURE) == (230, 97, 1)
    painter.leastHu = 100
    assert colour(painter, frame, SLIGHT) == (100, 100, 100)


def test_both_colours_are_told_apart_with_every_colour_vision():
    from LongitudinalRegistrationSlicer.changes.painter import DENSER, LIGHTER

    assert colour_blind_distance(*(np.divide(each, 255) for each in (DENSER, LIGHTER))) > 0.5
