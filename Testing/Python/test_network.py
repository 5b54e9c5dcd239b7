"""The network: its size, its layers against SimpleITK and by hand, its losses, its weights and card."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.grid import Grid
from LongitudinalRegistrationLib.network.model_store import MODELS_FOLDER, find_model
from LongitudinalRegistrationLib.network.predict import NetworkError, Predictor
from TableRemovalLib.errors import InputError


@pytest.fixture(scope="module")
def nn():
    """Keras and our parts of the network; imported late, since a process that renders must not load TensorFlow."""
    import keras
    import tensorflow
    from LongitudinalRegistrationLib.network import losses, spatial_transformer, vxm2

    parts = {**vars(losses), **vars(spatial_transformer), **vars(vxm2)}
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
    fine = nn.ops.convert_to_numpy(nn.UpsampleFlow()(flow))[0]
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


def test_diffusion_and_end_point_losses_by_hand(nn):
    z, y, x = np.meshgrid(*[np.arange(5.0)] * 3, indexing="ij")
    flow = np.stack([2 * x, 0 * y, z], axis=-1)[None].astype(np.float32)
    assert float(nn.diffusion_loss(flow)) == pytest.approx((4 / 3 + 1 / 3) / 3, rel=1e-5)
    weight = np.zeros((1, 5, 5, 5, 1), np.float32)
    assert float(nn.end_point_loss(flow, 0 * flow, weight)) == 0.0
    weight[0, 1, 2, 3] = 1
    assert float(nn.end_point_loss(flow, 0 * flow, weight)) == pytest.approx(36 + 1, rel=1e-4)


def test_the_shipped_model_has_a_card_that_fits_its_weights():
    model = find_model()
    for entry in ("data", "held_out", "seed", "command", "steps", "code_version", "scores", "what_it_is"):
        assert entry in model.card, entry
    assert model.weights.stat().st_size < 20e6


def test_the_shipped_model_predicts_a_finite_field_in_mm():
    model = find_model()
    grid = Grid((32, 32, 32), (0.0, 0.0, 0.0))
    small = Predictor(type(model)(**{**model.__dict__, "size": grid.size}))
    rng = np.random.default_rng(3)
    image = smooth_noise(rng, (32, 32, 32))
    field = small.field(image, image, grid)
    assert field.GetSize() == grid.size and field.GetSpacing() == (2.0, 2.0, 2.0)
    assert np.abs(sitk.GetArrayFromImage(field)).max() < 2 * model.largest_displacement_mm
    with pytest.raises(NetworkError, match="not finite"):
        small.field(np.full_like(image, np.nan), image, grid)


def test_a_missing_or_changed_model_is_said_so(tmp_path):
    with pytest.raises(InputError, match="no model"):
        find_model(folder=tmp_path)
    card = json.loads((MODELS_FOLDER / "vxm2.json").read_text())
    shutil.copy(MODELS_FOLDER / "vxm2.json", tmp_path)
    with pytest.raises(InputError, match="missing"):
        find_model(folder=tmp_path)
    (tmp_path / card["weights"]).write_bytes(b"something else")
    with pytest.raises(InputError, match="do not match"):
        find_model(folder=tmp_path)


def test_the_network_learns_a_shift(nn):
    """A few steps of the real training step lower the loss on one fixed batch."""
    rng = np.random.default_rng(4)
    image = smooth_noise(rng, (16, 16, 20))
    pair = nn.tf.constant(np.stack([image[..., :16], image[..., 2:18]], axis=-1)[None])
    truth = nn.tf.constant(np.broadcast_to(np.float32([-2.0, 0, 0]), (1, 8, 8, 8, 3)))
    network = nn.build_vxm2((16, 16, 16))
    optimizer = nn.keras.optimizers.Adam(1e-3)
    losses = []
    for _ in range(60):
        with nn.tf.GradientTape() as tape:
            loss = nn.end_point_loss(truth, network(pair), nn.tf.ones((1, 8, 8, 8, 1)))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables, strict=True)
        )
        losses.append(float(loss))
    assert losses[0] == pytest.approx(4.0, abs=0.1)
    assert losses[-1] < 0.5
