"""What the trained weights do that nothing else does (see Benchmarks.ablation), on one small patient. If they were an
ornament, this would fail."""

import numpy as np
import pytest
import SimpleITK as sitk
from Benchmarks.ablation import OTHERS, TRAINED, Known, UntrainedPasses, errors_mm, failures
from LongitudinalRegistrationLib.methods.network.model_store import find_model
from LongitudinalRegistrationLib.methods.network.predict import Predictor
from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scans
from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions


@pytest.fixture(scope="module")
def far():
    """A phantom's baseline, deformed by up to 25 mm, with the true transform."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    scan = make_phantom(104, PhantomOptions(size=160, slices=56)).baseline.image
    pair = next(iter(simulate_scans(scan, SimulatorOptions(delta_mm=25.0), [np.random.default_rng(5)])))
    return Known("25 mm", True, sitk.Cast(pair.image, sitk.sitkInt16), scan, pair.transform)


def test_the_trained_weights_find_what_random_ones_and_the_refinement_alone_do_not(far):
    model = find_model()
    errors = errors_mm(far, Predictor(model), Predictor(model, load=UntrainedPasses))
    print(errors)
    row = {"group": far.group, "large": True, "errors_mm": {way: [error] for way, error in errors.items()}}
    assert failures([row]) == []


@pytest.mark.parametrize(("worse", "words"), [(OTHERS[2], "anywhere"), (OTHERS[0], "large")])
def test_the_ablation_can_fail(worse, words):
    errors = {TRAINED: [1.0], **dict.fromkeys(OTHERS, [2.0]), worse: [0.9]}
    said = failures([{"group": "anywhere", "large": True, "errors_mm": errors}])
    assert any(words in line for line in said) and all("1.00 mm" in line for line in said)
    small = {"group": "anywhere", "large": False, "errors_mm": {**errors, worse: [1.0]}}
    assert failures([small]) == []
