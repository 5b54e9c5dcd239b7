"""The default network's pass in compiled code: its layers against plain ones, any size, any number of threads."""

import numpy as np
import pytest
from LongitudinalRegistrationLib.methods.network.architectures.constants import SLOPE, offsets_within
from LongitudinalRegistrationLib.methods.network.compiled.convolution import Convolution, Mixture
from LongitudinalRegistrationLib.methods.network.compiled.search_kernels import correlate_slices
from LongitudinalRegistrationLib.methods.network.compiled.stacks import blurred, doubled, halved
from LongitudinalRegistrationLib.methods.network.model_store import find_model
from LongitudinalRegistrationLib.methods.network.runtime import load_passes
from LongitudinalRegistrationLib.system.parallel import bound_threads, over_slices
from scipy import ndimage


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def threads():
    yield bound_threads
    bound_threads(None)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (5, 2, 18), (9, 4, 33)])
def test_a_convolution_with_its_activation_and_its_input_added(rng, shape):
    stack = rng.normal(size=(8, *shape)).astype(np.float32)
    kernel, bias = rng.normal(size=(3, 3, 3, 8, 8)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    layer = Convolution({"a/kernel": kernel, "a/bias": bias}, "a")
    plain = np.stack(
        [
            sum(
                ndimage.correlate(stack[c].astype(float), kernel[..., c, f].astype(float), mode="constant")
                for c in range(8)
            )
            + bias[f]
            for f in range(8)
        ]
    )
    plain = np.where(plain > 0, plain, SLOPE * plain)
    np.testing.assert_allclose(layer(stack), plain, atol=1e-4)
    np.testing.assert_allclose(layer(stack, added=True), stack + plain, atol=1e-4)


def test_a_mixture_of_a_number_of_channels_that_four_does_not_divide(rng):
    stack, kernel, bias = rng.normal(size=(7, 2, 3, 5)), rng.normal(size=(7, 5)), rng.normal(size=5)
    weights = {"a/kernel": kernel.astype(np.float32), "a/bias": bias.astype(np.float32)}
    found = Mixture(weights, "a", rectified=False)(stack.astype(np.float32))
    np.testing.assert_allclose(found, np.einsum("ckji,cf->fkji", stack, kernel) + bias[:, None, None, None], atol=1e-5)


def test_the_cost_volume_by_hand(rng):
    fixed, moving = rng.normal(size=(2, 3, 5, 6, 4)).astype(np.float32)
    offsets = offsets_within((2, 1, 0)).astype(np.int64)
    found = np.empty((len(offsets), 5, 6, 4), np.float32)
    over_slices(correlate_slices, fixed, moving, offsets, np.float32(2.0), found, slices=5)
    for n, place in np.ndindex(len(offsets), 3):
        k, j, i = ((0, 0, 0), (2, 3, 1), (4, 5, 3))[place]
        there = np.add((k, j, i), offsets[n][::-1])
        inside = ((there >= 0) & (there < fixed.shape[1:])).all()
        expected = 2.0 * fixed[:, k, j, i] @ moving[(slice(None), *there)] if inside else 0.0
        assert found[n, k, j, i] == pytest.approx(expected, abs=1e-5)


def test_channels_do_not_run_into_each_other(rng):
    stack = rng.normal(size=(3, 4, 6, 8)).astype(np.float32)
    for step in (blurred, halved, doubled):
        alone = np.concatenate([step(stack[n : n + 1]) for n in range(3)])
        np.testing.assert_array_equal(step(stack), alone)


def test_the_number_of_threads_changes_no_number(rng, threads):
    passes = load_passes(find_model("cvpyramid"), None)
    pair = ndimage.gaussian_filter(rng.random((1, 48, 32, 64, 2)).astype(np.float32), (0, 2, 2, 2, 0))
    pair = (pair - pair.min()) / np.ptp(pair)
    answers = []
    for count in (1, 2, 3, 5):
        threads(count)
        answers.append(passes(pair))
    assert np.abs(answers[0][0]).max() > 1.0 and answers[0][1].min() > 0
    for flow, error in answers[1:]:
        np.testing.assert_array_equal(flow, answers[0][0])
        np.testing.assert_array_equal(error, answers[0][1])
