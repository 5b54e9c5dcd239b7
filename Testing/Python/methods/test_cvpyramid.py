"""The cost-volume pyramid: its convolution and search against plain ones, its reach, the error it expects."""

import json
import os
import subprocess
import sys
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from LongitudinalRegistrationLib.methods.network.model_store import find_model
from LongitudinalRegistrationLib.training.simulation.samples import on_voxels, prepare_body, random_pair

BACKENDS = """
import sys
import keras
import numpy as np
from LongitudinalRegistrationLib.methods.network.architectures.cvpyramid import CostVolumePyramid
from LongitudinalRegistrationLib.methods.network.architectures.gauss_newton import Level
from LongitudinalRegistrationLib.training.config import LossOptions
from LongitudinalRegistrationLib.training.stepper import Stepper

network = CostVolumePyramid((Level(2, 0, 1, 8),), (1, 1, 1))
if keras.backend.backend() == "tensorflow":
    network.save_weights(sys.argv[1])
network.load_weights(sys.argv[1])
rng = np.random.default_rng(0)
images, truth = rng.random((1, 16, 16, 16, 2), np.float32), rng.random((1, 16, 16, 16, 4), np.float32)
stepper = Stepper(network, LossOptions())
print([stepper.step(images, truth, 1e-3)["loss"] for _ in range(3)])
"""


@pytest.fixture(scope="module")
def nn():
    """Keras and our parts of the network; imported late, since a process that renders must not load TensorFlow."""
    import keras
    from LongitudinalRegistrationLib.methods.network.architectures import convolution, cvpyramid, search
    from LongitudinalRegistrationLib.methods.network.build import build_network

    def trained(name):
        model = find_model(name)
        network = build_network(name, **model.options)
        network.load_weights(model.weights)
        return network

    parts = {name: value for room in (convolution, cvpyramid, search) for name, value in vars(room).items()}
    return SimpleNamespace(**{**parts, "keras": keras, "array": keras.ops.convert_to_numpy, "trained": trained})


@pytest.fixture(scope="module")
def trunk():
    """A synthetic patient that no training saw, on 4 mm voxels: image and body, sides multiples of 16."""
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
    from LongitudinalRegistrationLib.scan.body import find_body
    from LongitudinalRegistrationLib.training.simulation.samples import Pair, cut

    scan = make_phantom(103, PhantomOptions(size=128, slices=64)).baseline
    prepared, _ = prepare_body(find_body(sitk.DICOMOrient(scan.image, "LPS")), "phantom")
    size = [32 * -(-n // 32) for n in prepared.image.shape]
    image, body = (cut(x, np.zeros(3, int), size) for x in (prepared.image, prepared.body.astype(np.float32)))
    pair = on_voxels(Pair(image, image, np.zeros((*image.shape, 3), np.float32), body), 4.0)
    return SimpleNamespace(image=pair.fixed, body=pair.body > 0.5, prepared=prepared)


def test_a_convolution_by_slices_is_the_three_dimensional_one(nn):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, 7, 3)).astype(np.float32)
    ours = nn.SliceConvolution(3, 4, "float32")
    plain = nn.keras.layers.Conv3D(4, 3, padding="same")
    plain.build(x.shape)
    ours.bias.assign(rng.normal(size=4))
    plain.set_weights([nn.array(ours.kernel), nn.array(ours.bias)])
    np.testing.assert_allclose(nn.array(ours(x)), nn.array(plain(x)), atol=1e-5)


def test_the_cost_volume_by_hand(nn):
    rng, reach = np.random.default_rng(1), (2, 1, 0)
    fixed, moving = rng.normal(size=(2, 1, 5, 6, 4, 3)).astype(np.float32)
    found = nn.array(nn.correlation(fixed, moving, reach))[0]
    offsets = nn.offsets_within(reach)
    assert found.shape[-1] == len(offsets) == 15
    for n, place in product(range(15), ((0, 0, 0), (2, 3, 1), (4, 5, 3))):
        there = tuple(np.add(place, offsets[n][::-1]).astype(int))
        inside = all(0 <= a < b for a, b in zip(there, fixed.shape[1:4], strict=True))
        expected = fixed[0][place] @ moving[0][there] if inside else 0.0
        assert found[place][n] == pytest.approx(expected, abs=1e-5)


def test_every_weight_is_trained(nn):
    tf, rng = pytest.importorskip("tensorflow"), np.random.default_rng(2)
    network = nn.build_cvpyramid((16, 16, 16))
    for variable in network.trainable_variables:
        if "leave" in variable.path or "expand" in variable.path:
            variable.assign(0.1 * rng.normal(size=variable.shape))
    pair = tf.constant(rng.random((1, 16, 16, 16, 2)).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_mean((flow - 1.0) ** 2) + tf.reduce_mean(error) for flow, error in network.estimates(pair))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.abs(gradient.numpy()).max() > 0, variable.path
    with pytest.raises(ValueError, match="multiple of 16"):
        nn.build_cvpyramid((40, 48, 48))


def test_it_reaches_further_than_the_pyramid_without_a_search(nn, trunk):
    """The patient lies 28 mm to the side."""
    pair = np.stack([trunk.image, np.roll(trunk.image, 7, axis=2)], axis=-1)[None]
    inner = nn.array(nn.halve(trunk.body[None].astype(np.float32)))[0] > 0.9
    errors = {}
    for name in ("cvpyramid", "lkpyramid"):
        flow = nn.array(nn.trained(name)(pair))[0]
        errors[name] = 4.0 * np.linalg.norm(flow - [7, 0, 0], axis=-1)[inner].mean()
    assert errors["cvpyramid"] < 2.0 and errors["cvpyramid"] < 0.5 * errors["lkpyramid"], errors


def test_it_expects_more_error_where_the_scans_do_not_show_the_same(nn, trunk):
    fixed = trunk.image.copy()
    middle = fixed.shape[2] // 2
    fixed[..., middle:] = trunk.image[::-1, :, middle:]
    pair = np.stack([fixed, trunk.image], axis=-1)[None]
    flow, expected = (nn.array(x)[0] for x in nn.trained("cvpyramid").with_expected_error(pair))
    assert expected.shape == (*flow.shape[:3], 1) and expected.min() > 0
    body = nn.array(nn.halve(trunk.body[None].astype(np.float32)))[0] > 0.9
    same, other = expected[..., : middle // 2 - 4, 0], expected[..., middle // 2 + 4 :, 0]
    here, there = body[..., : middle // 2 - 4], body[..., middle // 2 + 4 :]
    assert np.median(other[there]) > 2.0 * np.median(same[here])


def test_the_expected_error_goes_with_the_error(nn, trunk):
    from LongitudinalRegistrationLib.training.simulation.appearance import AppearanceOptions
    from LongitudinalRegistrationLib.training.simulation.motion import MotionOptions

    rng = np.random.default_rng(4)
    drawn = random_pair(trunk.prepared, (96, 96, 96), MotionOptions(delta_mm=(25.0, 25.0)), AppearanceOptions(), rng)
    pair = on_voxels(drawn, 4.0)
    images = np.stack([pair.fixed, pair.moving], axis=-1)[None]
    flow, expected = (nn.array(x)[0] for x in nn.trained("cvpyramid").with_expected_error(images))
    truth = nn.array(nn.halve(pair.flow[None]))[0]
    body = nn.array(nn.halve(pair.body[None]))[0] > 0.5
    error, expected = np.linalg.norm(flow - truth, axis=-1)[body], expected[..., 0][body]
    low, high = np.quantile(expected, [0.25, 0.75])
    assert error[expected >= high].mean() > 1.5 * error[expected <= low].mean()


def test_tensorflow_and_jax_take_the_same_steps(tmp_path):
    pytest.importorskip("jax")
    found = []
    for backend in ("tensorflow", "jax"):
        command = [sys.executable, "-c", BACKENDS, str(tmp_path / "start.weights.h5")]
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)
    assert found[0][2] < found[0][0]
