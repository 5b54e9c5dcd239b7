"""What the trained weights do that nothing else does: the same pair from the trained network's field, from that of a
network with random weights, from a zero field, and by the refinement alone, as well as that can. If the weights were an
ornament, this would fail."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.methods.network.model_store import find_model
from LongitudinalRegistrationLib.methods.network.predict import Prediction, Predictor
from LongitudinalRegistrationLib.methods.refinement.refine import refine
from LongitudinalRegistrationLib.scan.pyramid import make_pyramid
from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scans
from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions

IDENTITY = sitk.AffineTransform(3)


class RandomPasses:
    """The network of a model as it is before any training."""

    def __init__(self, model, threads):
        import keras
        from LongitudinalRegistrationLib.methods.network.build import build_network

        keras.utils.set_random_seed(0)
        self._network = build_network(model.network, **model.options)

    def __call__(self, pair):
        flow, error = (np.asarray(answer)[0] for answer in self._network.with_expected_error(pair))
        return flow, error[..., 0]


@pytest.fixture(scope="module")
def far():
    """A phantom's baseline, deformed by up to 25 mm: fixed and moving pyramid, true transform."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    scan = make_phantom(104, PhantomOptions(size=160, slices=56)).baseline.image
    pair = next(iter(simulate_scans(scan, SimulatorOptions(delta_mm=25.0), [np.random.default_rng(5)])))
    return make_pyramid(pair.image), make_pyramid(scan), pair.transform


def error_mm(far, field):
    """Mean end-point error in the body that both scans show, mm."""
    fixed, moving, truth = far
    level, seen = fixed.levels[4.0], moving.levels[4.0].grid
    places = np.argwhere((level.body > 0) & (level.seen > 0))[::37, ::-1] * 4.0 + np.array(level.grid.origin)
    low, high = np.array(seen.origin), np.array(seen.origin) + 4.0 * np.array(seen.size)
    found, true = (np.array([t.TransformPoint(p) for p in places.tolist()]) for t in (compose(IDENTITY, field), truth))
    inside = ((true > low) & (true < high)).all(axis=1)
    return float(np.linalg.norm(found - true, axis=1)[inside].mean())


def test_the_trained_weights_find_what_random_ones_and_the_refinement_alone_do_not(far):
    fixed, moving, _ = far
    model = find_model()
    grid = fixed.levels[model.spacing_mm].grid
    pair = fixed.normalised(model.spacing_mm), moving.normalised_through(grid, IDENTITY)
    starts = {"trained": Predictor(model), "random": Predictor(model, load=RandomPasses)}
    found = {name: predictor.predict(*pair, grid) for name, predictor in starts.items()}
    found["zero"] = Prediction(grid.coarser(2).image(np.zeros((*grid.coarser(2).size[::-1], 3), np.float32)), None)
    found["alone"] = Prediction(None, None)
    errors = {
        name: error_mm(far, refine(fixed, moving, IDENTITY, each.field, expected_error=each.expected_error).field)
        for name, each in found.items()
    }
    print(errors)
    for other in ("random", "zero", "alone"):
        assert errors["trained"] < 0.75 * errors[other], errors
