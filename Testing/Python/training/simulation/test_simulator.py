"""The simulator: the paper's field, motions of other kinds, what else differs between two dates, whole scans."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.jacobian import ndv_percent
from LongitudinalRegistrationLib.training.simulation import appearance
from LongitudinalRegistrationLib.training.simulation.appearance import AppearanceOptions
from LongitudinalRegistrationLib.training.simulation.copies import deformed_copies
from LongitudinalRegistrationLib.training.simulation.motion import Motion, MotionOptions, cavity_weight, random_motion
from LongitudinalRegistrationLib.training.simulation.samples import (
    Pair,
    PreparedScan,
    batch_of,
    block_origin,
    flipped,
    moved_pair,
    on_voxels,
    random_pair,
    stretched,
)
from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scan
from LongitudinalRegistrationLib.training.simulation.simulator import (
    PAPER_SIGMA_MM,
    SimulatorOptions,
    gaussian_sum,
    least_jacobian,
    random_coarse_field,
    scatter_points,
    simulate_follow_up,
    warp_block,
)

STILL = {"still_share": 0.0, "breathing_share": 0.0, "filling_share": 0.0, "shift_mm": 0.0}


@pytest.fixture(scope="module")
def scan(ellipsoid):
    return ellipsoid


def folded_percent(field, spacing_mm):
    image = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    image.SetSpacing([spacing_mm] * 3)
    return ndv_percent(image)


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


@pytest.mark.parametrize("delta", range(0, 26))
def test_fields_of_all_deltas_are_as_large_as_asked_and_do_not_fold(scan, delta):
    field = random_coarse_field(scan.body, 2.0, SimulatorOptions(delta_mm=float(delta)), np.random.default_rng(delta))
    assert np.abs(field).max() == pytest.approx(delta, abs=1e-3)
    assert least_jacobian(field) > 0 and folded_percent(field, 8.0) == 0.0


def test_a_gaussian_impulse_by_hand():
    field = gaussian_sum(np.array([[16.0, 8.0, 24.0]]), np.array([[1.0, 2.0, -3.0]]), 10.0, (16, 12, 14), 2.0)
    np.testing.assert_allclose(field[3, 1, 2], [1, 2, -3], rtol=1e-5)
    np.testing.assert_allclose(field[3, 1, 3], np.exp(-0.32) * np.array([1, 2, -3]), rtol=1e-5)


def test_the_least_jacobian_sees_a_fold_and_a_shrinkage():
    x = np.arange(6) * 8.0
    field = np.zeros((6, 6, 6, 3))
    field[..., 0] = -0.5 * x
    assert least_jacobian(field) == pytest.approx(0.5)
    field[..., 0] = -1.25 * x
    assert least_jacobian(field) == pytest.approx(-0.25)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sigma", [(10.0, 14.0), (10.0, 80.0)])
def test_motions_of_all_kinds_together_do_not_fold(scan, seed, sigma):
    options = MotionOptions(
        breathing_share=1.0, filling_share=0.5, still_share=0.0, sigma_mm=sigma, delta_mm=(12.0, 24.0)
    )
    motion = random_motion(scan.body, scan.cavity, 2.0, options, np.random.default_rng(seed))
    field = motion.on_block(2.0, np.zeros(3, np.int64), scan.image.shape)
    assert motion.breathing is not None and 1.0 < np.abs(field).max() < 60.0
    assert folded_percent(field, 2.0) == 0.0


def test_breathing_slides_along_the_wall_from_head_to_foot_only(scan):
    options = MotionOptions(**{**STILL, "breathing_share": 1.0, "delta_mm": (0.01, 0.01)})
    motion = random_motion(scan.body, scan.cavity, 2.0, options, np.random.default_rng(1))
    field = motion.on_block(2.0, np.zeros(3, np.int64), scan.image.shape)
    assert np.abs(field[..., :2]).max() < 0.02
    moving = np.abs(field[..., 2])
    middle = moving[:, 28, 34].argmax()
    assert moving[middle, 28, 34] > 2.0 and moving[middle][scan.body[middle] == 0].max() < 0.1
    across = np.abs(np.diff(moving[middle], axis=1)).max()
    along = np.abs(np.diff(moving, axis=0)).max()
    assert across > 2 * along


def test_what_breathes_is_deep_and_no_bone():
    body = np.zeros((40, 60, 60), np.uint8)
    body[:, 5:55, 5:55] = 1
    image = 0.8 * body.astype(np.float32)
    image[:, 40:50, 25:35] = 1.0
    weight = cavity_weight(image, body, 2.0)
    assert weight.shape == (20, 30, 30)
    assert weight[10, 15, 15] > 0.9 and weight[10, 22, 15] < 0.1 and weight[10, 4, 15] == 0


def test_in_the_chest_what_breathes_lies_inside_the_pleura():
    """Two lungs with the mediastinum between them, under a wall of 60 mm."""
    body = np.zeros((40, 130, 150), np.uint8)
    body[:, 5:125, 5:145] = 1
    image = 0.8 * body.astype(np.float32)
    image[:, 35:95, 35:65] = image[:, 35:95, 85:115] = 0.2
    weight = cavity_weight(image, body, 2.0)[10]
    assert weight[32, 25] > 0.9 and weight[32, 37] > 0.9 and weight[32, 50] > 0.9
    assert weight[32, 14] == 0 and weight[12, 37] < 0.1
    image[image == np.float32(0.2)] = 0.8
    assert cavity_weight(image, body, 2.0)[10][32, 17] > 0.9


def test_a_bladder_that_fills_moves_its_surroundings_outward(scan):
    options = MotionOptions(**{**STILL, "filling_share": 1.0, "delta_mm": (0.01, 0.01)})
    motion = random_motion(scan.body, None, 2.0, options, np.random.default_rng(2))
    divergence = sum(np.gradient(motion.smooth[..., c], 8.0, axis=2 - c) for c in range(3))
    assert motion.breathing is None and np.abs(divergence).max() > 0.1
    strongest = np.unravel_index(np.abs(divergence).argmax(), divergence.shape)
    ahead, behind = (motion.smooth[strongest[0], strongest[1], strongest[2] + n, 0] for n in (2, -2))
    assert np.sign(ahead - behind) == np.sign(divergence[strongest])


def test_motions_are_reproducible_and_options_are_checked(scan):
    drawn = [random_motion(scan.body, None, 2.0, MotionOptions(), np.random.default_rng(3)).smooth for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert not MotionOptions(delta_mm=(5.0, 2.0)).isValid()[0]
    assert not MotionOptions(breathing_share=2.0).isValid()[0]
    assert not AppearanceOptions(noise=-1.0).isValid()[0]
    assert MotionOptions().isValid()[0] and AppearanceOptions().isValid()[0]


def test_a_block_moves_as_the_whole_scan_does(scan):
    motion = random_motion(scan.body, scan.cavity, 2.0, MotionOptions(breathing_share=1.0), np.random.default_rng(4))
    whole = moved_pair(scan, motion, np.zeros(3, np.int64), scan.image.shape)
    origin = np.array([20, 8, 12])
    part = moved_pair(scan, motion, origin, (32, 32, 32))
    there = tuple(slice(o, o + 32) for o in origin)
    np.testing.assert_allclose(part.flow, whole.flow[there], atol=1e-5)
    np.testing.assert_allclose(part.fixed, whole.fixed[there], atol=1e-5)
    np.testing.assert_array_equal(part.moving, scan.image[there])


def test_a_training_pair_holds_its_flow(scan):
    plain = AppearanceOptions(gain=0, phase=0, lesions=0, noise=0, kernel=0, thickness=0, remap=0)
    pair = random_pair(scan, (48, 48, 48), MotionOptions(delta_mm=(8.0, 8.0)), plain, np.random.default_rng(5))
    warped = warp_block(np.ascontiguousarray(pair.moving), np.ascontiguousarray(pair.flow), np.zeros(3, np.int64))
    inner = (slice(12, -12),) * 3
    before = np.abs(pair.fixed - pair.moving)[inner].mean()
    assert np.abs(pair.fixed - warped)[inner].mean() < 0.35 * before


def test_flipping_a_pair_turns_its_flow(scan):
    pair = random_pair(scan, (32,) * 3, MotionOptions(), AppearanceOptions(), np.random.default_rng(6))
    mirrored = flipped(pair)
    np.testing.assert_array_equal(mirrored.moving[:, :, 0], pair.moving[:, :, -1])
    np.testing.assert_allclose(mirrored.flow[:, :, 0], pair.flow[:, :, -1] * [-1, 1, 1])


def test_a_pair_on_four_millimetre_voxels(scan):
    still = Motion(np.full((2, 2, 2, 3), 3.0, np.float32), None)
    pair = moved_pair(scan, still, np.array([10, 4, 20]), (32, 48, 32))
    coarse = on_voxels(pair, 4.0)
    assert coarse.fixed.shape == (16, 24, 16) and on_voxels(pair, 2.0) is pair
    assert coarse.fixed[3, 4, 5] == pytest.approx(pair.fixed[6:8, 8:10, 10:12].mean(), abs=1e-6)
    np.testing.assert_allclose(coarse.flow[0, 0, 0], 0.5 * pair.flow[0, 0, 0], rtol=1e-5)
    directly = moved_pair(scan, still, np.array([10, 4, 20]), (16, 24, 16), 4.0)
    for name in ("fixed", "moving", "flow", "body"):
        np.testing.assert_allclose(getattr(directly, name), getattr(coarse, name), atol=1e-5)
    images, truth = batch_of([coarse, coarse])
    assert images.shape == (2, 16, 24, 16, 2) and truth.shape == (2, 16, 24, 16, 4)


def test_differences_between_dates(scan):
    rng = np.random.default_rng(8)
    image = np.full((24, 24, 24), 0.8, np.float32)
    larger = appearance.add_lesion(image, np.array([12.0, 12, 12]), np.array([4.0, 4, 4]), 0.1)
    assert larger[12, 12, 12] == pytest.approx(0.9) and larger[12, 12, 20] == pytest.approx(0.8)
    assert image.max() == pytest.approx(0.8)
    line = np.zeros((16, 16, 16), np.float32)
    line[8] = 1.0
    assert appearance.thicker_slices(line, 3)[7:10].mean() == pytest.approx(1 / 3)
    for voxels in (1, 1.5, 2, 3, 4, 5):
        thick = appearance.thicker_slices(line, voxels)
        assert np.average(np.arange(16), weights=thick.sum(axis=(1, 2))) == pytest.approx(8)
        assert thick.sum() == pytest.approx(256)
    remapped = appearance.common_remap([np.linspace(0, 1, 50, dtype=np.float32)], 1.0, rng)[0]
    assert np.all(np.diff(remapped) >= 0) and remapped[0] == 0 and remapped[-1] == pytest.approx(1, abs=0.01)
    kernels = [appearance.other_kernel(scan.image, 0.8, rng) for _ in range(6)]
    rough = [np.abs(np.diff(image, axis=0)).mean() for image in (scan.image, *kernels)]
    assert min(rough) < 0.95 * rough[0] and max(rough) > 1.02 * rough[0]
    lung = np.full((8, 8, 8), 0.2, np.float32)
    aerated = appearance.other_aeration(lung, 0.5, rng)
    assert 0.01 < np.abs(aerated / lung - 1).max() <= 0.5
    np.testing.assert_array_equal(appearance.other_aeration(image, 0.5, rng), image)
    brighter = appearance.contrast_phase(scan.image, 0.2, rng)
    assert 0.001 < np.abs(brighter - scan.image).max() <= 0.2


def test_what_differs_is_as_large_on_voxels_of_any_size():
    flat = np.full((48, 48, 48), 0.8, np.float32)
    still, body = np.zeros((*flat.shape, 3), np.float32), np.ones(flat.shape, np.uint8)
    options = AppearanceOptions(gain=0, phase=0, lesions=0, noise=0, kernel=0, thickness=0, remap=0, gas=1)
    volumes = []
    for spacing in (2.0, 4.0):
        drawn = [
            appearance.differ(flat, flat, still, body, options, np.random.default_rng(n), spacing) for n in range(12)
        ]
        volumes.append(max(np.sum(image < 0.4) for pair in drawn for image in pair) * spacing**3)
    assert 0.3 < volumes[1] / volumes[0] < 3.0
    options = AppearanceOptions(gain=0, phase=0, lesions=0, noise=0.05, kernel=0, thickness=0, remap=0)
    noise = [
        appearance.differ(flat, flat, still, body, options, np.random.default_rng(1), mm)[0].std() for mm in (2, 4)
    ]
    assert noise[1] == pytest.approx(noise[0] / np.sqrt(8), rel=0.01)


def test_a_block_in_the_lung_has_its_centre_there():
    image, body = np.full((40, 40, 64), 0.8, np.float32), np.ones((40, 40, 64), np.uint8)
    image[10:30, 10:30, 40:60] = 0.2
    scan = PreparedScan("half a lung", image, body)
    assert scan.lung[20, 20, 50] and not scan.lung[..., :38].any()
    for seed in range(5):
        origin = block_origin(scan.lung, (16, 16, 16), np.random.default_rng(seed))
        assert scan.lung[tuple(origin + 8)]
    assert not PreparedScan("no lung", np.full_like(image, 0.8), body).lung_voxels


def test_a_stretched_scan_is_another_patient_of_the_same_make(scan):
    prepared = PreparedScan("a", scan.image, scan.body)
    copies = [stretched(prepared, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(copies[0].image, copies[1].image)
    assert copies[0].image.shape != copies[2].image.shape
    for copy in copies:
        ratios = np.array(copy.image.shape) / scan.image.shape
        assert np.all((ratios > 0.78) & (ratios < 1.28)) and copy.image.shape == copy.body.shape
        assert copy.body.mean() == pytest.approx(scan.body.mean(), rel=0.05)
        assert copy.image[copy.body > 0].mean() == pytest.approx(scan.image[scan.body > 0].mean(), rel=0.05)


def test_lesions_are_as_large_as_asked_for():
    flat, body = np.full((48, 48, 48), 0.8, np.float32), np.ones((48, 48, 48), np.uint8)
    still, widest = np.zeros((48, 48, 48, 3), np.float32), []
    off = dict(gain=0, phase=0, noise=0, kernel=0, thickness=0, remap=0)
    for limits in ((3.0, 4.0), (18.0, 20.0)):
        options = AppearanceOptions(**off, lesions=1, lesion_mm=limits)
        drawn = [appearance.differ(flat, flat, still, body, options, np.random.default_rng(n)) for n in range(12)]
        widest.append(max(np.abs(image - 0.8).max(axis=(0, 1)).astype(bool).sum() for pair in drawn for image in pair))
    assert widest[0] <= 8 and 15 < widest[1] <= 32


def test_lesions_grow_where_the_motion_takes_them():
    flat = np.full((48, 48, 48), 0.8, np.float32)
    body = np.ones(flat.shape, np.uint8)
    flow = np.zeros((*flat.shape, 3), np.float32)
    flow[..., 0] = 5.0
    options = AppearanceOptions(gain=0, phase=0, lesions=1, noise=0, kernel=0, thickness=0, remap=0)
    centres = []
    for seed in range(40):
        pair = appearance.differ(flat, flat, flow, body, options, np.random.default_rng(seed))
        weights = [np.abs(image - 0.8) for image in pair]
        if min(w.sum() for w in weights) > 1 and all(w[:, :, [0, 1, -2, -1]].max() == 0 for w in weights):
            centres.append([np.average(np.arange(48), weights=w.sum(axis=(0, 1))) for w in weights])
    shifts = [moving - fixed for fixed, moving in centres]
    assert len(shifts) > 3
    np.testing.assert_allclose(shifts, 5.0, atol=0.2)


def test_copies_share_their_scan_and_differ_in_motion(scan):
    copies = deformed_copies(scan, 2, SimulatorOptions(noise=0.0), np.random.default_rng(9))
    pairs = [copy.pair((32, 32, 32), np.random.default_rng(0)) for copy in copies]
    np.testing.assert_array_equal(pairs[0].moving, pairs[1].moving)
    assert np.abs(pairs[0].flow - pairs[1].flow).max() > 0.2
    assert isinstance(pairs[0], Pair) and isinstance(copies[0].motion, Motion)


def test_a_whole_scan_is_moved_by_the_transform_it_comes_with(phantom_pair):
    baseline = phantom_pair.baseline
    made = simulate_scan(
        baseline.image, SimulatorOptions(delta_mm=9.0), np.random.default_rng(10), baseline.vertebrae, noise=0.0
    )
    assert made.image.GetSize() == baseline.image.GetSize() and made.image.GetPixelID() == sitk.sitkInt16
    scan_values = sitk.Cast(baseline.image, sitk.sitkFloat64)
    labels, moved = sitk.GetArrayFromImage(baseline.vertebrae), sitk.GetArrayFromImage(made.labels)
    assert set(np.unique(moved)) == set(np.unique(labels)) and (moved != labels).any()
    rng, lengths = np.random.default_rng(11), []
    body = np.argwhere(sitk.GetArrayViewFromImage(baseline.body))
    for index in body[rng.choice(len(body), 50)]:
        point = baseline.image.TransformIndexToPhysicalPoint(index[::-1].tolist())
        place = made.transform.TransformPoint(point)
        lengths.append(np.linalg.norm(np.subtract(place, point)))
        if scan_values.TransformPhysicalPointToIndex(place)[2] in range(1, scan_values.GetSize()[2] - 1):
            expected = scan_values.EvaluateAtPhysicalPoint(place)
            assert made.image[index[::-1].tolist()] == pytest.approx(expected, abs=2.0)
    assert 1.0 < max(lengths) < 9.0 * 3**0.5


def test_a_scan_can_be_moved_in_other_ways(phantom_pair):
    options = MotionOptions(delta_mm=(8.0, 8.0), breathing_share=1.0, still_share=0.0)
    made = simulate_scan(phantom_pair.baseline.image, options, np.random.default_rng(12))
    assert made.labels is None
    points = np.random.default_rng(13).uniform(-60, 60, (20, 3))
    assert max(np.linalg.norm(np.subtract(made.transform.TransformPoint(p), p)) for p in points) > 1.0
