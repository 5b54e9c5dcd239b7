"""The refinement: its energy and equations against plain ones, what it finds and keeps, folding, lesions, time."""

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.jacobian import ndv_percent, smallest_jacobian
from LongitudinalRegistrationLib.field.transforms import component_first, compose
from LongitudinalRegistrationLib.methods.refinement.agreement import agreement
from LongitudinalRegistrationLib.methods.refinement.energy import Comparison, Energy, Mismatch, Regularisation, solve
from LongitudinalRegistrationLib.methods.refinement.kernels import Differences, Geometry, Images, Sums, System
from LongitudinalRegistrationLib.methods.refinement.linearise_kernels import linearise_slices
from LongitudinalRegistrationLib.methods.refinement.options import FAST, RefinementOptions
from LongitudinalRegistrationLib.methods.refinement.refine import descend, refine, without_folds
from LongitudinalRegistrationLib.scan.grid import resample
from LongitudinalRegistrationLib.scan.pyramid import make_pyramid
from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scans
from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions
from scipy.ndimage import gaussian_filter, shift


@pytest.fixture(scope="module")
def simulated(phantom_pair):
    """The phantom's baseline, deformed by up to 11 mm with known truth: fixed and moving pyramid, true transform."""
    scan = phantom_pair.baseline.image
    pair = next(iter(simulate_scans(scan, SimulatorOptions(delta_mm=11.0), [np.random.default_rng(4)])))
    return make_pyramid(pair.image), make_pyramid(scan), pair.transform


def displacement(transform, reference):
    image = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        reference.GetSize(),
        reference.GetOrigin(),
        reference.GetSpacing(),
        reference.GetDirection(),
    )
    return sitk.GetArrayFromImage(image)


def error_mm(transform, truth, pyramid):
    level = pyramid.levels[4.0]
    reference = level.grid.reference()
    away = np.linalg.norm(displacement(transform, reference) - displacement(truth, reference), axis=-1)
    return float(away[(level.body > 0) & (level.seen > 0)].mean())


def test_refinement_alone_finds_a_known_deformation(simulated):
    fixed, moving, truth = simulated
    identity = sitk.AffineTransform(3)
    before = error_mm(identity, truth, fixed)
    found = refine(fixed, moving, identity)
    after = error_mm(compose(identity, found.field), truth, fixed)
    assert before > 4.0 and after < 1.3 and found.in_time
    first, then = agreement(fixed, moving, identity), agreement(fixed, moving, identity, found.field)
    assert then.ncc > first.ncc + 0.05 and then.local_ncc > first.local_ncc + 0.1


def test_thorough_goes_on_where_fast_stops_and_neither_folds(simulated):
    fixed, moving, truth = simulated
    identity = sitk.AffineTransform(3)
    errors, steps = {}, {}
    for effort in ("fast", "thorough"):
        found = refine(fixed, moving, identity, None, RefinementOptions(effort=effort))
        errors[effort], steps[effort] = error_mm(compose(identity, found.field), truth, fixed), found.steps
        assert ndv_percent(found.field) == 0.0
    assert errors["thorough"] < errors["fast"] + 0.05 and steps["thorough"] > steps["fast"]


def test_a_good_start_is_not_made_worse(simulated):
    fixed, moving, truth = simulated
    field = sitk.TransformToDisplacementField(
        truth, sitk.sitkVectorFloat64, (48, 40, 64), fixed.levels[2.0].grid.origin, (8.0, 8.0, 8.0)
    )
    found = refine(fixed, moving, sitk.AffineTransform(3), field)
    assert error_mm(compose(sitk.AffineTransform(3), found.field), truth, fixed) < 1.0


IDENTITY = sitk.AffineTransform(3)


def ball_of_tissue(inside):
    """A ball of 50 HU, 112 mm across, with `inside` (HU, [64, 64, 64] on 2 mm voxels) in its middle: a pyramid."""
    distance = np.linalg.norm(np.indices((64, 64, 64)) - 31.5, axis=0)
    values = np.where(distance < 28, 50.0, -1000.0)
    values = np.where(distance < 20, inside, values)
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing((2.0, 2.0, 2.0))
    return make_pyramid(image)


def texture(seed):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64, 64)), 2.0)
    return noise / noise.std()


def bump(pyramid, height_mm):
    """A field along x, greatest in the ball's middle and nothing from 36 mm on, on 8 mm voxels."""
    grid = pyramid.levels[2.0].grid.coarser(4)
    places = np.moveaxis(np.indices(grid.size[::-1]), 0, -1)[..., ::-1] * grid.spacing_mm + np.array(grid.origin)
    distance = np.linalg.norm(places - pyramid.centre, axis=-1)
    field = np.zeros((*grid.size[::-1], 3), np.float32)
    field[..., 0] = height_mm * np.cos(np.pi / 2 * np.minimum(distance / 36, 1)) ** 2
    return grid.image(field)


def along_x(field):
    """The mean displacement along x, mm, in the middle 24 mm."""
    values = sitk.GetArrayFromImage(field)[..., 0]
    middle = tuple(slice(n // 2 - 1, n // 2 + 2) for n in values.shape)
    return float(values[middle].mean())


def test_lung_is_seen():
    """Lung of -850 HU whose texture has moved by 4 mm; below -200 HU nothing else differs."""
    lung = -850 + 60 * texture(0)
    fixed, moving = ball_of_tissue(lung), ball_of_tissue(np.roll(lung, 2, axis=2))
    assert along_x(refine(fixed, moving, IDENTITY).field) == pytest.approx(4.0, abs=0.8)


def test_where_the_scans_say_nothing_the_start_stays():
    flat = ball_of_tissue(50.0)
    start = bump(flat, 6.0)
    assert along_x(refine(flat, flat, IDENTITY, start).field) > 0.8 * along_x(start) > 3.0


def expected(field, millimetres):
    """An expected error, the same everywhere, on the voxels of a field."""
    grid = sitk.GetArrayViewFromImage(field).shape[:3]
    image = sitk.GetImageFromArray(np.full(grid, millimetres, np.float32))
    image.CopyInformation(field)
    return image


def test_a_start_that_is_expected_to_be_right_is_kept_more_than_one_that_is_not():
    """The scans are in register and the start is wrong: the less error it admits, the more of it stays."""
    scan = ball_of_tissue(50 + 15 * texture(5))
    start = bump(scan, 5.0)
    left = [
        along_x(refine(scan, scan, IDENTITY, start, expected_error=expected(start, error)).field)
        for error in (0.1, 1.0, 4.0)
    ]
    assert left[0] > left[1] + 0.1 > left[2] + 0.1


def test_coarse_levels_are_for_a_start_that_is_far_off():
    scan = ball_of_tissue(50 + 15 * texture(5))
    start = bump(scan, 0.0)
    steps = [sum(level.steps for level in FAST if level.from_error_mm <= error) for error in (0.5, 1.5, 3.0)]
    assert steps[0] < steps[1] < steps[2]
    found = [refine(scan, scan, IDENTITY, start, expected_error=expected(start, error)).steps for error in (0.5, 3.0)]
    assert found[0] <= steps[0] and found[0] < found[1]


def test_a_lesion_that_has_grown_is_not_shrunk_to_fit_where_no_displacement_is_expected():
    """Seven millimetres more in radius, nothing has moved: the Jacobian in the lesion is 1."""
    distance = 2.0 * np.linalg.norm(np.indices((64, 64, 64)) - 31.5, axis=0)
    tissue = 50 + 20 * texture(6)
    fixed, moving = (ball_of_tissue(np.where(distance < radius, 600.0, tissue)) for radius in (10.0, 17.0))
    start = bump(fixed, 0.0)
    jacobian = {}
    for name, error in (("known", expected(start, 0.3)), ("unknown", None)):
        field = sitk.Cast(refine(fixed, moving, IDENTITY, start, expected_error=error).field, sitk.sitkVectorFloat64)
        middle = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field, True))[7:9, 7:9, 7:9]
        jacobian[name] = float(middle.mean())
    assert abs(jacobian["known"] - 1) < 0.1 < 0.2 < jacobian["unknown"] - 1


class Unhurried:
    """A clock of a refinement without a time budget."""

    def late(self):
        return False

    def step(self):
        pass


class Uphill:
    """The images agree better the larger the field is; the energy is least at one, and goes up from there."""

    def compare(self, field):
        return Mismatch(100.0 - field.max(), 1, 0, 0.0)

    def step(self, field, found, iterations):
        return field + 1

    def at(self, field, found):
        return (field.max() - 1) ** 2


def test_a_step_that_lowers_the_image_cost_and_raises_the_energy_is_refused():
    found = descend(Uphill(), np.zeros((3, 2, 2, 2), np.float32), 5, 8, Unhurried())
    assert found.max() == 1.0


def test_where_coarser_levels_have_led_astray_the_network_s_field_stands():
    """Three is where they ended; the energy is less at a half, and less still at one."""
    astray, prior, close = (np.full((3, 2, 2, 2), value, np.float32) for value in (3.0, 0.5, 1.0))
    assert descend(Uphill(), astray, 5, 8, Unhurried()) is astray
    assert descend(Uphill(), astray, 5, 8, Unhurried(), prior) is prior
    assert descend(Uphill(), close, 5, 8, Unhurried(), prior) is close


def test_the_energy_is_the_image_cost_and_the_weighted_squared_slopes():
    """But for a constant, against sums over all pairs of neighbours."""
    rng = np.random.default_rng(6)
    prior, first, second = (rng.normal(size=(3, 4, 5, 6)).astype(np.float32) for _ in range(3))
    whole, correction = (rng.uniform(0.1, 1.0, (4, 5, 6)).astype(np.float32) for _ in range(2))

    def slopes(field, weights):
        total = 0.0
        for axis in range(3):
            weight = np.moveaxis(weights, axis, 0)
            rise = np.diff(np.moveaxis(field, axis + 1, 1), axis=1) ** 2
            total += float((0.5 * (weight[1:] + weight[:-1]) * rise).sum())
        return total

    found = Regularisation(whole, correction, prior)
    plain = [slopes(field, whole) + slopes(field - prior, correction) for field in (first, second)]
    assert found.energy(first) - found.energy(second) == pytest.approx(plain[0] - plain[1], rel=1e-4)


def test_what_is_pushed_out_of_view_is_no_gain():
    """The energy of a field that takes the whole scan out of sight is above that of a field that fits."""
    fixed = ball_of_tissue(50 + 60 * texture(1))
    comparison = Comparison(fixed, fixed, sitk.TranslationTransform(3, (3.0, 0.0, 0.0)), FAST[-1], None)
    still = np.zeros((3, *comparison.grid.size[::-1]), np.float32)
    fits, gone = still.copy(), still.copy()
    fits[0], gone[0] = -3.0, 1000.0
    weights = np.ones(still.shape[1:], np.float32)
    energy = Energy(comparison, Regularisation(weights, weights, still))
    at = [energy.at(field, energy.compare(field)) for field in (still, fits, gone)]
    assert energy.compare(gone).count == 0 and energy.compare(gone).unseen > 1000
    assert at[1] < 0.1 * at[0] and at[2] > 0.9 * at[0]


def test_contrast_medium_does_not_bend_the_field():
    """Scans in register, one with other noise and with organs that have become brighter: what moves is error."""
    organs = 50 + 40 * np.sign(texture(2))
    noise = np.random.default_rng(3).normal(size=(2, 64, 64, 64)) * 25
    fixed, moving = ball_of_tissue(organs + noise[0]), ball_of_tissue(organs + 30 * (texture(4) > 0.8) + noise[1])
    found = sitk.GetArrayFromImage(refine(fixed, moving, IDENTITY).field)
    assert np.linalg.norm(found, axis=-1).mean() < 0.5


def test_a_spent_budget_stops_the_steps_and_says_so(simulated):
    fixed, moving, _ = simulated
    found = refine(fixed, moving, sitk.AffineTransform(3), None, RefinementOptions(budget_seconds=1e-9))
    assert not found.in_time and found.steps == 0
    assert np.abs(sitk.GetArrayFromImage(found.field)).max() == 0.0


def test_the_solution_is_that_of_the_normal_equations():
    """Against numpy's dense solver, matrix by matrix, on a small grid with uneven regularisation."""
    rng = np.random.default_rng(2)
    shape = (4, 5, 6)
    slopes = rng.normal(size=(*shape, 2, 3))
    blocks = np.einsum("kjina,kjinb->kjiab", slopes, slopes)
    right = rng.normal(size=(*shape, 3))
    regularisation = rng.uniform(0.5, 3.0, shape).astype(np.float32)
    field = rng.normal(size=(3, *shape)).astype(np.float32)
    equations = np.empty((9, *shape), np.float32)
    for n, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
        equations[n] = blocks[..., a, b]
    equations[6:] = np.moveaxis(right, -1, 0)
    voxels = np.arange(np.prod(shape)).reshape(shape)
    laplacian = np.zeros((voxels.size, voxels.size))
    for axis in range(3):
        ahead, own = (np.moveaxis(voxels, axis, 0)[part].ravel() for part in (slice(1, None), slice(None, -1)))
        for p, q in zip(ahead, own, strict=True):
            weight = 0.5 * (regularisation.ravel()[p] + regularisation.ravel()[q])
            laplacian[[p, q, p, q], [p, q, q, p]] += weight * np.array([1, 1, -1, -1])
    whole = np.zeros((voxels.size, 3, voxels.size, 3))
    for a in range(3):
        whole[:, a, :, a] += laplacian
    for v, block in enumerate(blocks.reshape(-1, 3, 3)):
        whole[v, :, v, :] += block
    bending = np.stack([laplacian @ field[a].ravel() for a in range(3)], axis=-1)
    expected = np.linalg.solve(whole.reshape(3 * voxels.size, -1), (right.reshape(-1, 3) - bending).ravel())
    found = solve(System(equations, regularisation), field, iterations=200)
    np.testing.assert_allclose(np.moveaxis(found, 0, -1).reshape(-1, 3), expected.reshape(-1, 3), atol=2e-3)


def test_a_fold_is_seen_and_smoothed_away():
    flow = np.zeros((3, 12, 12, 12), np.float32)
    flow[0, 6, 6, 6], flow[0, 6, 6, 7] = 5.0, -5.0
    assert smallest_jacobian(flow, 4.0).min() < 0
    assert ndv_percent(sitk.GetImageFromArray(np.moveaxis(flow, 0, -1).astype(float), isVector=True)) > 0
    assert smallest_jacobian(without_folds(flow, 4.0), 4.0).min() > 0


def lesion_jacobian(transform, pyramid, lesion):
    reference = pyramid.levels[2.0].grid.reference()
    field = sitk.GetImageFromArray(displacement(transform, reference), isVector=True)
    field.CopyInformation(reference)
    jacobian = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field, True))
    return float(jacobian[sitk.GetArrayFromImage(resample(lesion, reference, labels=True)) == 1].mean())


def test_a_growing_lesion_keeps_its_change_of_volume_where_that_is_asked_for(phantom_pair):
    """The sclerotic lesion grows by more than half; its bone does not: the true Jacobian is about 1."""
    from LongitudinalRegistrationLib.methods.affine.align import align

    lesion = phantom_pair.baseline.lesion
    grown = np.sum(sitk.GetArrayViewFromImage(phantom_pair.followup.lesion) == 1)
    assert grown > 1.5 * np.sum(sitk.GetArrayViewFromImage(lesion) == 1)
    fixed, moving = make_pyramid(phantom_pair.baseline.image), make_pyramid(phantom_pair.followup.image)
    affine = align(fixed, moving).transform
    found = {}
    for name, mask in (("free", None), ("kept", lesion)):
        field = refine(fixed, moving, affine, None, None, mask).field
        found[name] = lesion_jacobian(compose(affine, field), fixed, lesion)
    true = lesion_jacobian(phantom_pair.true_transform, fixed, lesion)
    assert abs(found["kept"] - true) < 0.1 < 0.2 < found["free"] - true


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (RefinementOptions(effort="quick"), "must be one of fast, thorough"),
        (RefinementOptions(iterations=0), "1 or more"),
        (RefinementOptions(budget_seconds=0), "positive"),
    ],
)
def test_options_say_what_to_change(options, words):
    ok, reason = options.isValid()
    assert not ok and words in reason


def test_component_first_keeps_components_apart():
    array = np.arange(24.0).reshape(2, 2, 2, 3)
    assert component_first(sitk.GetImageFromArray(array, isVector=True))[1, 0, 1, 0] == array[0, 1, 0, 1]


def test_the_normal_equations_are_those_of_the_differences_however_the_slices_are_shared_out():
    """Cost and count against a plain sum of interpolated differences; the sums bit by bit from slice to slice."""
    rng = np.random.default_rng(7)
    shape, ratio = (8, 12, 72), 2
    fixed, moving = (gaussian_filter(rng.normal(size=(*shape, 2)), (1, 1, 1, 0)).astype(np.float32) for _ in range(2))
    mask, seen = (rng.random(shape) > 0.2).astype(np.uint8), np.ones(shape, np.uint8)
    field = np.full((3, *(n // ratio for n in shape)), np.float32(0.6))
    gain, width = np.array([12.0, 1.0], np.float32), np.array([0.02, 1.0], np.float32)
    offsets = np.array([[k, j, i] for k in range(2) for j in range(2) for i in range(2)])
    images, geometry = Images(fixed, mask, moving, seen), Geometry(ratio, 2.0, np.eye(3, 4))
    whole, single = (Sums(*(np.zeros((n, *field.shape[1:]), np.float32) for n in (9, 2))) for _ in range(2))
    arguments = images, geometry, Differences(offsets, gain, width), field
    cost, count, unseen = linearise_slices(*arguments, whole, 0, field.shape[1])
    for k in range(field.shape[1]):
        linearise_slices(*arguments, single, k, k + 1)

    inside = (slice(0, shape[0] - 1), slice(0, shape[1] - 1), slice(0, shape[2] - 1))
    expected = 0.0
    for n in range(2):
        sampled = shift(moving[..., n].astype(float), -0.3, order=1)
        squares = ((fixed[..., n] - sampled) ** 2)[inside][mask[inside] > 0]
        expected += float(np.sum(gain[n] * squares / (1 + squares / width[n])))
    assert count == np.count_nonzero(mask[inside]) and count + unseen == np.count_nonzero(mask)
    assert cost == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(whole.equations, single.equations)
    np.testing.assert_array_equal(whole.costs, single.costs)
    assert whole.costs[1].sum() == count and whole.equations[:3].sum() > 0
