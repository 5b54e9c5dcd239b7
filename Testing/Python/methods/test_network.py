"""The network: its size, its layers against SimpleITK and by hand, its losses, its weights and card."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.methods.network.architectures.catalogue import DEFAULT_NETWORK, NETWORKS
from LongitudinalRegistrationLib.methods.network.model_store import MODELS_FOLDER, find_model
from LongitudinalRegistrationLib.methods.network.predict import NetworkError, Predictor
from LongitudinalRegistrationLib.scan.grid import Grid
from LongitudinalRegistrationLib.scan.pyramid import WINDOW_HU, Level
from LongitudinalRegistrationLib.training.simulation.simulator import warp_block
from TableRemovalLib.errors import InputError


@pytest.fixture(scope="module")
def nn():
    """Keras and our parts of the network; imported late, since a process that renders must not load TensorFlow."""
    import keras
    import tensorflow
    from LongitudinalRegistrationLib.methods.network.architectures import (
        fields,
        lkpyramid,
        losses,
        lucas_kanade,
        spatial_transformer,
        vxm2,
    )

    rooms = (losses, spatial_transformer, vxm2, fields, lucas_kanade, lkpyramid)
    parts = {name: value for room in rooms for name, value in vars(room).items()}
    return SimpleNamespace(**{**parts, "keras": keras, "tf": tensorflow, "ops": keras.ops})


def smooth_noise(rng, shape):
    image = sitk.GetImageFromArray(rng.random(shape).astype(np.float32))
    return sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, 1.5))


@pytest.mark.parametrize(("resolution", "parameters"), [("full", 300_547), ("half", 292_755)])
def test_parameters_are_those_of_the_paper_s_network(nn, resolution, parameters):
    network = nn.build_vxm2((32, 48, 16), resolution)
    assert network.count_params() == parameters
    factor = 1 if resolution == "full" else 2
    assert network.output_shape == (None, 32 // factor, 48 // factor, 16 // factor, 3)


def test_an_untrained_network_moves_nearly_nothing(nn):
    pair = np.random.default_rng(0).random((1, 32, 32, 32, 2)).astype(np.float32)
    assert np.abs(nn.ops.convert_to_numpy(nn.build_vxm2((32, 32, 32))(pair))).max() < 1e-2


def test_sizes_and_options_are_checked(nn):
    with pytest.raises(ValueError, match="multiple of 16"):
        nn.build_vxm2((30, 32, 32))
    with pytest.raises(ValueError, match="flow_resolution"):
        nn.build_vxm2((32, 32, 32), "quarter")


def test_warp_agrees_with_simpleitk(nn):
    rng = np.random.default_rng(1)
    shape = (12, 14, 16)
    volume = smooth_noise(rng, shape)
    flow = np.stack([smooth_noise(rng, shape) * 8 - 4 for _ in range(3)], axis=-1).astype(np.float32)
    field = sitk.GetImageFromArray(flow.astype(np.float64), isVector=True)
    image = sitk.GetImageFromArray(volume)
    expected = sitk.GetArrayFromImage(
        sitk.Resample(image, sitk.DisplacementFieldTransform(field), sitk.sitkLinear, -1.0)
    )
    warped = nn.ops.convert_to_numpy(nn.warp(volume[None, ..., None], flow[None]))[0, ..., 0]
    inside = expected >= 0
    assert inside.mean() > 0.5
    np.testing.assert_allclose(warped[inside], expected[inside], atol=1e-4)


def test_warp_by_whole_voxels_in_a_batch(nn):
    volume = np.arange(2 * 4 * 5 * 6, dtype=np.float32).reshape(2, 4, 5, 6, 1)
    flow = np.zeros((2, 4, 5, 6, 3), np.float32)
    flow[1, ..., 0], flow[1, ..., 2] = 1.0, 2.0
    warped = nn.ops.convert_to_numpy(nn.warp(volume, flow))
    np.testing.assert_allclose(warped[0], volume[0])
    np.testing.assert_allclose(warped[1, :2, :, :5], volume[1, 2:, :, 1:])


def test_upsampling_keeps_a_linear_flow(nn):
    z, y, x = np.meshgrid(np.arange(6), np.arange(5), np.arange(4), indexing="ij")
    flow = np.stack([x, 2 * y, -z], axis=-1).astype(np.float32)[None]
    fine = nn.ops.convert_to_numpy(nn.double(flow))[0]
    assert fine.shape == (12, 10, 8, 3)
    np.testing.assert_allclose(fine[5, 4, 1:-1, 0], (np.arange(1, 7) - 0.5) / 2, atol=1e-6)
    np.testing.assert_allclose(fine[1:-1, 4, 3, 2], -(np.arange(1, 11) - 0.5) / 2, atol=1e-6)


def test_local_ncc_against_a_slow_transcription(nn):
    rng = np.random.default_rng(2)
    a, b = (smooth_noise(rng, (11, 11, 11)) for _ in range(2))
    scores = []
    for k, j, i in np.ndindex(3, 3, 3):
        u, v = (w[k : k + 9, j : j + 9, i : i + 9].astype(np.float64) for w in (a, b))
        u, v = u - u.mean(), v - v.mean()
        scores.append((u * v).sum() ** 2 / ((u * u).sum() * (v * v).sum() + 1e-5))
    found = nn.ops.convert_to_numpy(nn.squared_local_ncc(a[None, ..., None], b[None, ..., None]))[
        0, 4:-4, 4:-4, 4:-4, 0
    ]
    np.testing.assert_allclose(found.ravel(), scores, atol=2e-3)
    assert float(nn.local_ncc_loss(a[None, ..., None], a[None, ..., None])) == pytest.approx(-1, abs=0.02)


def test_ncc_loss_is_finite_with_gradients_where_images_are_flat(nn):
    flat = nn.tf.zeros((1, 12, 12, 12, 1))
    half = nn.tf.Variable(
        nn.tf.concat([nn.tf.zeros((1, 6, 12, 12, 1)), nn.tf.random.stateless_uniform((1, 6, 12, 12, 1), (1, 2))], 1)
    )
    with nn.tf.GradientTape(persistent=True) as tape:
        losses = [nn.local_ncc_loss(flat, half), nn.local_ncc_loss(half, half)]
    assert abs(float(losses[0])) < 1e-6 and -1 <= float(losses[1]) < -0.3
    for loss in losses:
        assert np.isfinite(tape.gradient(loss, half).numpy()).all()


def test_the_diffusion_loss_by_hand(nn):
    z, y, x = np.meshgrid(*[np.arange(5.0)] * 3, indexing="ij")
    flow = np.stack([2 * x, 0 * y, z], axis=-1)[None].astype(np.float32)
    assert float(nn.diffusion_loss(flow)) == pytest.approx((4 / 3 + 1 / 3) / 3, rel=1e-5)


@pytest.mark.parametrize("network", ["cvpyramid", "lkpyramid", "vxm2"])
def test_a_shipped_model_has_a_card_that_fits_its_weights(network):
    model = find_model(network)
    for entry in ("data", "held_out", "seed", "command", "steps", "code_version", "scores", "what_it_is", "options"):
        assert entry in model.card, entry
    assert model.weights.stat().st_size < 20e6
    assert model.name == model.network == network


@pytest.mark.parametrize(("network", "factor"), [("cvpyramid", 2), ("lkpyramid", 2), ("vxm2", 2)])
def test_a_shipped_model_predicts_a_finite_field_in_mm_over_the_same_box(network, factor):
    model = find_model(network)
    grid = Grid((32, 48, 32), (10.0, -5.0, 3.0), model.spacing_mm)
    small = Predictor(model)
    rng = np.random.default_rng(3)
    image = smooth_noise(rng, (32, 48, 32))
    field = small.field(image, image, grid)
    assert field.GetSize() == (16, 24, 16) and field.GetSpacing() == (factor * model.spacing_mm,) * 3
    for corner in ((-0.5, -0.5, -0.5), (31.5, 47.5, 31.5)):
        there = grid.reference().TransformContinuousIndexToPhysicalPoint(corner)
        ours = tuple((c + 0.5) / factor - 0.5 for c in corner)
        np.testing.assert_allclose(field.TransformContinuousIndexToPhysicalPoint(ours), there, atol=1e-9)
    assert np.abs(sitk.GetArrayFromImage(field)).max() < 2 * model.largest_displacement_mm
    with pytest.raises(NetworkError, match="not finite"):
        small.field(np.full_like(image, np.nan), image, grid)


def test_only_the_network_that_says_how_far_off_it_is_has_an_expected_error():
    """In mm, on the voxels of its field; more where the two images have nothing in common than where they match."""
    rng = np.random.default_rng(4)
    image = smooth_noise(rng, (32, 48, 48))
    other = np.concatenate([image[:16], smooth_noise(rng, (16, 48, 48))])
    found = {}
    for name in NETWORKS:
        model = find_model(name)
        found[name] = Predictor(model).predict(image, other, Grid((48, 48, 32), (0.0, 0.0, 0.0), model.spacing_mm))
    assert [name for name in NETWORKS if found[name].expected_error is not None] == ["cvpyramid"]
    field, error = found["cvpyramid"].field, found["cvpyramid"].expected_error
    assert error.GetSize() == field.GetSize() and error.GetSpacing() == field.GetSpacing()
    values = sitk.GetArrayFromImage(error)
    assert values.min() > 0 and values[10:].mean() > 1.5 * values[:6].mean()


def test_a_missing_or_changed_model_is_said_so(tmp_path):
    with pytest.raises(InputError, match="no model"):
        find_model(folder=tmp_path)
    card = json.loads((MODELS_FOLDER / f"{DEFAULT_NETWORK}.json").read_text())
    shutil.copy(MODELS_FOLDER / f"{DEFAULT_NETWORK}.json", tmp_path)
    with pytest.raises(InputError, match="missing"):
        find_model(folder=tmp_path)
    (tmp_path / card["weights"]).write_bytes(b"something else")
    with pytest.raises(InputError, match="does not match"):
        find_model(folder=tmp_path)


def test_networks_are_built_by_name(nn):
    from LongitudinalRegistrationLib.methods.network.architectures.catalogue import spacing_of
    from LongitudinalRegistrationLib.methods.network.build import build_network

    assert build_network("vxm2", (32, 32, 32), leaky_slope=0.5).count_params() == 292_755
    assert build_network("lkpyramid", (32, 32, 32)).count_params() < 500_000
    assert build_network("cvpyramid", (32, 32, 32)).count_params() < 1_000_000
    assert spacing_of("cvpyramid") == spacing_of("lkpyramid") == 4.0 and spacing_of("vxm2") == 2.0
    with pytest.raises(ValueError, match="no network"):
        build_network("unet")


def test_the_network_learns_a_shift(nn):
    """A few steps of the real training step lower the loss on one fixed batch."""
    rng = np.random.default_rng(4)
    image = smooth_noise(rng, (16, 16, 20))
    pair = nn.tf.constant(np.stack([image[..., :16], image[..., 2:18]], axis=-1)[None])
    truth = nn.tf.constant(np.broadcast_to(np.float32([-2.0, 0, 0]), (1, 8, 8, 8, 3)))
    network = nn.build_vxm2((16, 16, 16))
    optimizer = nn.keras.optimizers.Adam(1e-3)

    @nn.tf.function
    def step():
        with nn.tf.GradientTape() as tape:
            loss = nn.mean_length(truth - network(pair), nn.tf.ones((1, 8, 8, 8, 1)))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    optimizer.build(network.trainable_variables)
    losses = [float(step()) for _ in range(60)]
    assert losses[0] == pytest.approx(2.0, abs=0.1)
    assert losses[-1] < 0.5


# The default network: fields, evidence, pyramid


def test_halving_doubling_blurring_by_hand(nn):
    x = np.random.default_rng(5).random((2, 4, 6, 8)).astype(np.float32)
    half = nn.ops.convert_to_numpy(nn.halve(x))
    assert half.shape == (2, 2, 3, 4) and half[1, 1, 2, 3] == pytest.approx(x[1, 2:4, 4:6, 6:8].mean(), rel=1e-5)
    ramp = np.broadcast_to(np.arange(6, dtype=np.float32), (1, 4, 4, 6))
    fine = nn.ops.convert_to_numpy(nn.double(ramp))
    assert fine.shape == (1, 8, 8, 12)
    np.testing.assert_allclose(fine[0, 3, 3], [0, *(np.arange(1, 11) / 2 - 0.25), 5], atol=1e-6)
    spike = np.zeros((1, 5, 5, 5), np.float32)
    spike[0, 2, 2, 2] = 64
    smooth = nn.ops.convert_to_numpy(nn.blur(spike))
    assert smooth[0, 2, 2, 2] == pytest.approx(8) and smooth[0, 1, 2, 3] == pytest.approx(2)
    assert nn.ops.convert_to_numpy(nn.blur(np.ones((1, 4, 4, 4), np.float32))).min() == pytest.approx(1)
    z, y, x = np.meshgrid(*[np.arange(5, dtype=np.float32)] * 3, indexing="ij")
    slopes = nn.central_differences((3 * x + 2 * y - z)[None])
    assert [float(slope[0, 2, 2, 2]) for slope in slopes] == [3, 2, -1]


def test_normal_equations_are_solved_as_numpy_solves_them(nn):
    rng = np.random.default_rng(6)
    root = rng.normal(size=(4, 3, 3))
    matrices, right = root @ root.transpose(0, 2, 1), rng.normal(size=(4, 3))
    parts = [matrices[:, a, b] for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    solved = np.stack([nn.ops.convert_to_numpy(x) for x in nn.solve_symmetric(parts, list(right.T), 0.3)], axis=-1)
    damped = matrices + 0.3 * np.eye(3)
    np.testing.assert_allclose(solved, np.linalg.solve(damped, right[..., None])[..., 0], rtol=1e-4)
    residual = np.stack(
        [nn.ops.convert_to_numpy(x) for x in nn.residual(parts, list(right.T), list(solved.T))], axis=-1
    )
    np.testing.assert_allclose(residual, right - np.einsum("nab,nb->na", matrices, solved), atol=1e-5)


def test_sampling_by_components_is_the_warp(nn):
    rng = np.random.default_rng(7)
    volume = rng.random((2, 8, 9, 10)).astype(np.float32)
    flow = rng.uniform(-3, 3, (2, 8, 9, 10, 3)).astype(np.float32)
    found = nn.ops.convert_to_numpy(nn.sample(volume, [flow[..., n] for n in range(3)]))
    np.testing.assert_allclose(found, nn.ops.convert_to_numpy(nn.warp(volume[..., None], flow))[..., 0], atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 40, 5), (2, 2, 2), (6, 7, 9)])
def test_sampling_in_the_graph_is_that_of_the_compiled_core(nn, shape):
    """Inside, on the outermost voxels and beyond them; thin and uneven shapes."""
    rng = np.random.default_rng(10)
    volume = rng.normal(size=shape).astype(np.float32)
    flow = rng.uniform(-3, 3, (*shape, 3)).astype(np.float32)
    flow.reshape(-1, 3)[::5] = 0
    found = nn.ops.convert_to_numpy(nn.sample(volume[None], [flow[None, ..., n] for n in range(3)]))[0]
    np.testing.assert_allclose(found, warp_block(volume, flow, np.zeros(3, np.int64)), atol=1e-5, err_msg=str(shape))


def test_contrast_channels_in_the_graph_are_those_that_are_compiled(nn):
    """Both channels, the ends included, of an image that is 0 to 1 in the window."""
    _, low, high = WINDOW_HU
    image = smooth_noise(np.random.default_rng(11), (8, 12, 20))
    image = (image - image.min()) / np.ptp(image)
    ones = np.ones(image.shape, np.uint8)
    compiled = Level(Grid(image.shape[::-1], (0.0,) * 3), low + (high - low) * image, ones, ones).channels
    in_graph = [nn.ops.convert_to_numpy(x)[0] for x in nn.contrast_channels(image[None])]
    np.testing.assert_allclose(compiled[..., 0], in_graph[0] / nn.RAW_GAIN, atol=1e-5)
    np.testing.assert_allclose(compiled[..., 1], in_graph[1], atol=2e-3)
    assert np.std(compiled[..., 1]) > 0.3


def test_the_second_channel_does_not_see_gain_and_offset(nn):
    image = smooth_noise(np.random.default_rng(8), (1, 16, 16, 16)[1:])[None] * 4
    plain, other = (nn.ops.convert_to_numpy(nn.contrast_channels(x)[1]) for x in (image, 0.8 * image + 0.1))
    assert np.std(plain) > 0.3 and np.abs(plain - other).max() < 0.2 * np.abs(plain).max()


def test_evidence_finds_a_shift_without_any_training(nn):
    rng = np.random.default_rng(9)
    image = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.random((32,) * 3)), 2.0))
    image = (0.5 + 3 * (image - image.mean())).astype(np.float32)
    flow = np.broadcast_to(np.float32([0.6, -0.4, 0.3]), (*image.shape, 3))
    fixed = nn.ops.convert_to_numpy(nn.warp(image[None, ..., None], flow[None]))[..., 0]
    channels = [nn.contrast_channels(x) for x in (fixed, image[None])]
    system = nn.normal_equations(*channels, np.float32([20.0, 4.0]), np.float32([0.1, 1.0]))
    found, evidence = nn.solve_over_scales(system, 0.01 * nn.ops.ones(3))
    assert len(evidence) == nn.EVIDENCE
    middle = [float(np.median(nn.ops.convert_to_numpy(x)[0, 8:-8, 8:-8, 8:-8])) for x in found]
    np.testing.assert_allclose(middle, [0.6, -0.4, 0.3], atol=0.08)


def test_the_pyramid_gets_closer_step_by_step_before_any_training(nn):
    rng = np.random.default_rng(10)
    image = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.random((48,) * 3)), 3.0))
    image = np.clip(0.5 + 5 * (image - image.mean()), 0, 1).astype(np.float32)
    pair = np.stack([image, np.roll(image, (2, 4), axis=(0, 2))], axis=-1)[None]
    flows = [nn.ops.convert_to_numpy(flow)[0] for flow in nn.build_lkpyramid((48, 48, 48)).flows(pair)]
    assert [flow.shape[0] for flow in flows] == [12, 12, 12, 24, 24]
    errors = []
    for flow in flows:
        inner = flow[tuple(slice(n // 4, -n // 4) for n in flow.shape[:3])]
        errors.append(np.linalg.norm(inner - [4, 0, 2], axis=-1).mean())
    assert errors[-1] < 0.5 < 1.0 < errors[0], errors
    with pytest.raises(ValueError, match="multiple of 16"):
        nn.build_lkpyramid((40, 48, 48))


def test_every_weight_of_the_pyramid_is_trained(nn):
    rng = np.random.default_rng(11)
    network = nn.build_lkpyramid((16, 16, 16))
    for variable in network.trainable_variables:
        if "leave" in variable.path:
            variable.assign(0.1 * rng.normal(size=variable.shape))
    pair = nn.tf.constant(rng.random((1, 16, 16, 16, 2)).astype(np.float32))
    with nn.tf.GradientTape() as tape:
        loss = sum(nn.tf.reduce_mean(nn.tf.square(flow - 1.0)) for flow in network.flows(pair))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.isfinite(gradient.numpy()).all(), variable.path
        assert np.abs(gradient.numpy()).max() > 0, variable.path


def test_going_forth_and_back_costs_nothing_if_the_flows_undo_each_other(nn):
    there = np.zeros((1, 8, 8, 8, 3), np.float32)
    there[..., 0] = 2.0
    assert float(nn.inverse_consistency_loss(there, -there)) == pytest.approx(0, abs=1e-6)
    assert float(nn.inverse_consistency_loss(there, there)) == pytest.approx(16, rel=1e-4)
    weight = np.zeros((1, 8, 8, 8, 1), np.float32)
    assert float(nn.mean_length(there, weight)) == 0.0
    weight[0, 0] = 1
    assert float(nn.mean_length(there, weight)) == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("name", ["cvpyramid", "lkpyramid", "vxm2"])
def test_convolutions_in_bfloat16_change_little_and_weights_stay_float32(nn, name):
    from LongitudinalRegistrationLib.methods.network.build import build_network

    model = find_model(name)
    image = smooth_noise(np.random.default_rng(12), (32, 32, 36))
    pair = np.stack([image[..., :32], image[..., 1:33]], axis=-1)[None]
    flows = []
    for compute in ("float32", "bfloat16"):
        network = build_network(name, (32, 32, 32), compute=compute, **model.options)
        network.load_weights(model.weights)
        assert {variable.dtype for variable in network.variables} == {"float32"}
        flow = network(pair)
        assert flow.dtype == nn.tf.float32
        flows.append(flow.numpy())
    difference = np.abs(flows[0] - flows[1])
    assert 0 < difference.mean() < 0.2 * np.abs(flows[0]).mean() + 0.01


def test_there_is_no_other_type_for_convolutions():
    from LongitudinalRegistrationLib.methods.network.architectures.compute import convolution_policy

    with pytest.raises(ValueError, match="compute must be"):
        convolution_policy("float16")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_files_give_what_keras_gives_at_any_size(name):
    """The reference is Keras on TensorFlow; measured: at most 7e-6 voxels apart on one machine."""
    from LongitudinalRegistrationLib.methods.network.keras_passes import KerasPasses
    from LongitudinalRegistrationLib.methods.network.runtime import load_passes

    model = find_model(name)
    reference = KerasPasses(model, 2)
    shipped = load_passes(model, 2)
    assert not isinstance(shipped, KerasPasses)
    for shape in ((32, 32, 48), (48, 16, 64)):
        image = smooth_noise(np.random.default_rng(13), (*shape[:2], shape[2] + 3))
        pair = np.ascontiguousarray(np.stack([image[..., :-3], image[..., 3:]], axis=-1)[None])
        for expected, found in zip(reference(pair), shipped(pair), strict=True):
            assert (found is None) == (expected is None)
            if found is not None:
                assert np.abs(expected).max() > 0.1 and found.dtype == np.float32
                np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=f"{name}, {shape}")


def test_a_model_that_was_just_trained_runs_in_keras_and_a_shipped_one_does_not(monkeypatch):
    from LongitudinalRegistrationLib.methods.network import runtime
    from LongitudinalRegistrationLib.methods.network.compiled.passes import CompiledPasses
    from LongitudinalRegistrationLib.methods.network.keras_passes import KerasPasses
    from LongitudinalRegistrationLib.methods.network.model_store import trained_model
    from LongitudinalRegistrationLib.methods.network.onnx_passes import OnnxPasses

    model = find_model("vxm2")
    assert isinstance(runtime.load_passes(model, 1), OnnxPasses)
    assert isinstance(runtime.load_passes(trained_model("vxm2", model.weights, 0.2, 6.0), 1), KerasPasses)
    monkeypatch.setattr(runtime, "has_onnx_runtime", lambda: False)
    assert isinstance(runtime.load_passes(model, 1), KerasPasses)
    assert runtime.runtime_words("vxm2").startswith("TensorFlow 2.") and not runtime.runtime_missing("vxm2")
    monkeypatch.setattr(runtime, "tensorflow_missing", lambda: "tensorflow not installed")
    assert "onnxruntime" in runtime.runtime_missing("vxm2") and not runtime.runtime_words("vxm2")
    assert isinstance(runtime.load_passes(find_model("cvpyramid"), 1), CompiledPasses)
    assert not runtime.runtime_missing("cvpyramid")


@pytest.mark.parametrize(
    ("name", "form", "file"), [("vxm2", "onnx", "vxm2_flow.onnx"), ("cvpyramid", "compiled", "cvpyramid_compiled.npz")]
)
def test_a_damaged_file_is_noticed(tmp_path, name, form, file):
    for path in MODELS_FOLDER.glob(f"{name}*"):
        shutil.copy(path, tmp_path)
    assert getattr(find_model(name, tmp_path), form) == tmp_path / file
    with open(tmp_path / file, "r+b") as opened:
        opened.seek(1000)
        opened.write(b"!")
    with pytest.raises(InputError, match=f"{file} does not match"):
        find_model(name, tmp_path)


@pytest.mark.slow
def test_a_network_is_converted_as_the_shipped_one_was(tmp_path):
    from dataclasses import replace

    from LongitudinalRegistrationLib.methods.network.export import export_onnx
    from LongitudinalRegistrationLib.methods.network.onnx_passes import OnnxPasses

    model = find_model("vxm2")
    again = replace(model, onnx=tmp_path / export_onnx(model, tmp_path)["file"])
    pair = np.random.default_rng(14).random((1, 32, 32, 32, 2), np.float32)
    np.testing.assert_allclose(OnnxPasses(again, 2)(pair)[0], OnnxPasses(model, 2)(pair)[0], atol=1e-5)


def test_the_weights_for_compiled_code_are_those_of_the_card(tmp_path):
    from LongitudinalRegistrationLib.methods.network.export import export_compiled

    model = find_model("cvpyramid")
    assert export_compiled(model, tmp_path) == model.card["compiled"]


def test_nothing_that_registers_asks_for_the_processor_or_a_stopwatch():
    """bfloat16 is for training alone, where it was asked for."""
    folder = MODELS_FOLDER.parents[1] / "LongitudinalRegistrationLib"
    outside = [p for p in folder.rglob("*.py") if "training" not in p.parts and "cpuinfo" in p.read_text()]
    assert not outside
    for name in ("predict", "runtime", "onnx_passes", "keras_passes"):
        assert "bfloat16" not in (folder / "methods" / "network" / f"{name}.py").read_text(), name
