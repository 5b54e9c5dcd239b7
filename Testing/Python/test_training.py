"""The simulator of deformations, and the short training run."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.metrics import ndv_percent
from LongitudinalRegistrationLib.training.first_training import TrainingOptions, difficulty_at, train
from LongitudinalRegistrationLib.training.samples import PreparedScan, flipped, random_pair
from LongitudinalRegistrationLib.training.simulator import (
    PAPER_SIGMA_MM,
    SimulatorOptions,
    scatter_points,
    simulate_follow_up,
    warp_block,
)


@pytest.fixture(scope="module")
def scan():
    """A textured ellipsoid of 120 x 100 x 160 mm on 2 mm voxels."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (88, 56, 68)), indexing="ij")
    body = (x**2 + y**2 + z**2 < 0.85).astype(np.uint8)
    noise = sitk.GetImageFromArray(np.random.default_rng(0).random(body.shape).astype(np.float32))
    texture = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 2.0))
    return PreparedScan("ellipsoid", (body * np.clip(0.8 + 3 * (texture - 0.5), 0, 1)).astype(np.float32), body)


def test_the_gaussian_of_the_paper_in_mm():
    assert pytest.approx(31.83, abs=0.01) == PAPER_SIGMA_MM


def test_points_lie_in_the_body_and_keep_their_distance(scan):
    points = scatter_points(scan.body, 2.0, SimulatorOptions(), np.random.default_rng(1))
    assert 2 <= len(points) <= 100
    index = np.round(points / 2.0).astype(int)
    assert scan.body[index[:, 2], index[:, 1], index[:, 0]].all()
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert distances[np.triu_indices(len(points), 1)].min() >= 40.0
    with pytest.raises(ValueError, match="empty"):
        scatter_points(0 * scan.body, 2.0, SimulatorOptions(), np.random.default_rng(1))


def test_a_simulated_field_is_as_large_as_asked_smooth_seeded_and_unfolded(scan):
    options = SimulatorOptions(delta_mm=11.0)
    fixed, field = simulate_follow_up(scan.image, scan.body, 2.0, options, np.random.default_rng(2))
    again, _ = simulate_follow_up(scan.image, scan.body, 2.0, options, np.random.default_rng(2))
    other, _ = simulate_follow_up(scan.image, scan.body, 2.0, options, np.random.default_rng(3))
    np.testing.assert_array_equal(fixed, again)
    assert np.abs(fixed - other).max() > 0.1
    assert np.abs(field).max() == pytest.approx(11.0, rel=0.05)
    image = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    image.SetSpacing([2.0] * 3)
    assert ndv_percent(image) == 0.0


def test_the_field_takes_fixed_points_to_moving_points(scan):
    options = SimulatorOptions(delta_mm=8.0, noise=0.0)
    fixed, field = simulate_follow_up(scan.image, scan.body, 2.0, options, np.random.default_rng(4))
    displacement = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    displacement.SetSpacing([2.0] * 3)
    moving = sitk.GetImageFromArray(scan.image)
    moving.SetSpacing([2.0] * 3)
    expected = sitk.Resample(moving, sitk.DisplacementFieldTransform(displacement), sitk.sitkLinear, 0.0)
    inner = (slice(8, -8),) * 3
    np.testing.assert_allclose(fixed[inner], sitk.GetArrayFromImage(expected)[inner], atol=1e-4)


def test_a_training_pair_holds_its_flow(scan):
    pair = random_pair(scan, 32, 10.0, np.random.default_rng(5), shift=0.3, gain=0.0)
    warped = warp_block(np.ascontiguousarray(pair.moving), np.ascontiguousarray(pair.flow), np.zeros(3, np.int64))
    inner = (slice(8, -8),) * 3
    before = np.abs(pair.fixed - pair.moving)[inner].mean()
    assert np.abs(pair.fixed - warped)[inner].mean() < 0.35 * before


def test_flipping_a_pair_turns_its_flow(scan):
    pair = random_pair(scan, 32, 10.0, np.random.default_rng(6))
    mirrored = flipped(pair)
    np.testing.assert_array_equal(mirrored.moving[:, :, 0], pair.moving[:, :, -1])
    np.testing.assert_allclose(mirrored.flow[:, :, 0], pair.flow[:, :, -1] * [-1, 1, 1])


def test_lessons_get_harder():
    options = TrainingOptions(steps=1000)
    steps = [difficulty_at(step, options) for step in (0, 200, 400, 900)]
    assert [s.shift for s in steps] == sorted((s.shift for s in steps), reverse=True)
    assert [s.delta_mm for s in steps] == sorted(s.delta_mm for s in steps)
    assert steps[0].shift == 1.0 and steps[-1].delta_mm == options.delta_mm


def test_training_goes_on_where_it_was_and_leaves_weights(scan, tmp_path):
    train([scan], tmp_path, TrainingOptions(steps=2))
    first = (tmp_path / "vxm2_half.weights.h5").stat().st_size
    train([scan], tmp_path, TrainingOptions(steps=4))
    assert first > 1e6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoints", "options.json", "vxm2_half.weights.h5"]


def test_the_shipped_network_brings_a_simulated_follow_up_closer(phantom_pair):
    from LongitudinalRegistrationLib.evaluation.model_scores import simulated_scores
    from LongitudinalRegistrationLib.network.model_store import find_model
    from LongitudinalRegistrationLib.network.predict import Predictor

    scan = phantom_pair.baseline
    predictor = Predictor(find_model())
    scores = simulated_scores(scan.image, predictor, 6.0, np.random.default_rng(0), scan.vertebrae)
    assert scores["end_point_error_mm"][1] < 0.8 * scores["end_point_error_mm"][0]
    assert scores["ssim"][1] > scores["ssim"][0] + 0.03
    assert scores["dsc"][1] > scores["dsc"][0]
    assert scores["ndv_percent"] < 0.05


def test_a_card_says_what_was_trained(scan, tmp_path):
    from LongitudinalRegistrationLib.training.ship import card_of

    train([scan], tmp_path, TrainingOptions(steps=2))
    (tmp_path / "log.csv").write_text("50,4.0,1.00,1.9,2.0,10\n100,5.0,0.90,1.5,2.1,20\n")
    card = card_of(tmp_path, {"what_it_is": "a test"}, None)
    assert card["steps"] == 100 and card["seed"] == 1 and card["what_it_is"] == "a test"
    assert card["last_training_error_voxels"] == {"start": 2.1, "end": 1.5}
    assert card["largest_displacement_mm"] == TrainingOptions().delta_mm
