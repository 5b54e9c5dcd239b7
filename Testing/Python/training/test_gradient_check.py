"""bfloat16 in training: taken only where this processor's gradients are right in it, whatever its name."""

import numpy as np
import pytest
from LongitudinalRegistrationLib.training.gradient_check import LARGEST_DEVIATION, deviations, wrong_in_bfloat16
from TableRemovalLib.errors import InputError


def _gradients():
    rng = np.random.default_rng(1)
    return [rng.normal(size=(3, 3, 3, 4, 8)), rng.normal(size=8), 1e-9 * rng.normal(size=4)]


def _rounded(values):
    """float32 as bfloat16 keeps it: the upper 16 bits."""
    return (np.float32(values).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def test_rounding_passes_and_a_gradient_made_wrong_does_not():
    right = _gradients()
    assert 0 < max(deviations(right, [_rounded(g) for g in right])) < 0.01
    assert wrong_in_bfloat16(lambda compute: right if compute == "float32" else [_rounded(g) for g in right]) == ""
    for broken in (2.0 * right[0], np.where(right[0] > 3, np.inf, right[0]), np.nan * right[0], 0 * right[0]):
        said = wrong_in_bfloat16(lambda compute, b=broken: right if compute == "float32" else [b, *right[1:]])
        assert "wrong on this processor" in said and "3 x 3 x 3 x 4 x 8" in said, said


def test_what_is_next_to_nothing_is_not_compared_with_itself():
    right = _gradients()
    assert max(deviations(right, [*right[:2], -right[2]])) < LARGEST_DEVIATION


def test_the_real_network_has_the_same_gradients_twice():
    """The check's own floor: the same type twice, at a size a training run uses."""
    from LongitudinalRegistrationLib.methods.network.keras_passes import quiet_tensorflow

    quiet_tensorflow()
    import keras
    from LongitudinalRegistrationLib.methods.network.build import build_network
    from LongitudinalRegistrationLib.training.config import LossOptions
    from LongitudinalRegistrationLib.training.gradient_check import batch_gradients

    found = []
    for _ in range(2):
        keras.utils.set_random_seed(2)
        found.append(batch_gradients(build_network("vxm2", (32, 32, 32)), LossOptions(), (32, 32, 32), 1, 3))
    assert max(deviations(*found)) < 1e-3 and np.linalg.norm(found[0][0]) > 0


def test_a_run_in_bfloat16_is_refused_where_the_gradients_are_wrong(monkeypatch, tmp_path):
    from LongitudinalRegistrationLib.training import gradient_check, session
    from LongitudinalRegistrationLib.training.config import TrainingConfig

    asked = []

    def wrong(network, loss, block, batch, seed):
        asked.append(tuple(block))
        return [np.ones(3) * (1 if len(asked) == 1 else 5)]

    monkeypatch.setattr(gradient_check, "batch_gradients", wrong)
    config = TrainingConfig(tmp_path / "cohort.csv", network="vxm2", block=(16, 16, 32), compute="bfloat16")
    with pytest.raises(InputError, match='wrong on this processor.*Set "compute": "float32"'):
        session._make_stepper(config)
    assert asked == [(16, 16, 32)] * 2
