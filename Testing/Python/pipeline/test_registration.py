"""Registration of the phantom: each method against the true transform, `auto` and its reasons, bad input."""

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.scores import Agreement
from LongitudinalRegistrationLib.evaluation.verdict import reason_for_doubt
from LongitudinalRegistrationLib.methods.affine.align import align
from LongitudinalRegistrationLib.methods.affine.translation_search import best_offsets, correlation_map
from LongitudinalRegistrationLib.methods.method import Problem
from LongitudinalRegistrationLib.methods.network import method as network
from LongitudinalRegistrationLib.pipeline import candidates, registration
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.pipeline.registration import register
from LongitudinalRegistrationLib.pipeline.report_content import result_content
from LongitudinalRegistrationLib.pipeline.stages import Stages
from LongitudinalRegistrationLib.scan.body import find_body
from LongitudinalRegistrationLib.scan.geometry import bounds_of
from LongitudinalRegistrationLib.scan.grid import body_bounds, common_grid
from LongitudinalRegistrationLib.scan.normalise import ceiling_hu, normalise
from LongitudinalRegistrationLib.scan.pyramid import make_pyramid
from TableRemovalLib.errors import InputError


def register_phantom(pair, **options):
    return register(
        pair.baseline.image,
        pair.followup.image,
        RegistrationOptions(**options),
        pair.baseline.vertebrae,
        pair.followup.vertebrae,
    )


def body_points(pair, count=300, shown=None):
    """Points of the baseline's body that the follow-up (or `shown`, its body mask) shows too."""
    body = sitk.GetArrayViewFromImage(pair.baseline.body)
    index = np.argwhere(body)[np.random.default_rng(0).choice(int(body.sum()), 4 * count)]
    points = [pair.baseline.image.TransformIndexToPhysicalPoint(row[::-1].tolist()) for row in index]
    low, high = body_bounds(pair.followup.body if shown is None else shown)
    inside = [p for p in points if np.all(np.array(pair.true_transform.TransformPoint(p)) > low + 10)]
    return [p for p in inside if np.all(np.array(pair.true_transform.TransformPoint(p)) < high - 10)][:count]


def points_apart_mm(first, second, points):
    """Distance between where two transforms take each point."""
    return np.array([np.linalg.norm(np.subtract(first.TransformPoint(p), second.TransformPoint(p))) for p in points])


def mean_error_mm(transform, pair):
    return float(points_apart_mm(transform, pair.true_transform, body_points(pair)).mean())


@pytest.mark.parametrize("moved_mm", [(0.0, 0.0, 0.0), (13.7, -8.3, 5.1)])
def test_a_scan_that_is_registered_to_itself_is_not_deformed(phantom_pair, moved_mm):
    """The network alone moves it by 0.2 mm, and by 3 mm at most."""
    scan = phantom_pair.baseline.image
    copy = sitk.Image(scan)
    copy.SetOrigin(tuple(np.add(scan.GetOrigin(), moved_mm)))
    options = RegistrationOptions(method="cost-volume")
    problem = Problem(*(registration.prepare(image, options) for image in (scan, copy)), Stages())
    found = candidates.candidate_of("cost-volume", problem, options)
    assert found.doubt is None and found.after == found.before and found.before.ncc > 0.9999
    assert (
        points_apart_mm(found.transform, sitk.TranslationTransform(3, moved_mm), body_points(phantom_pair)).max() < 0.01
    )


@pytest.fixture(scope="module")
def by_network(phantom_pair):
    return register_phantom(phantom_pair, method="cost-volume")


def mean_after(result, step):
    return np.nanmean([score.dsc[step] for score in result.label_scores])


def test_the_network_and_refinement_bring_the_vertebrae_together(by_network, phantom_pair):
    assert by_network.method == "cost-volume" and by_network.fallback_reason is None
    # DSC 0.185, 0.742 and 0.893, 1.42 mm: slices of 7.6 mm cost half a millimetre
    assert mean_after(by_network, "before") < 0.2
    assert mean_after(by_network, "after") > 0.87 > 0.76 > mean_after(by_network, "affine")
    assert mean_error_mm(by_network.transform, phantom_pair) < 1.6
    assert by_network.ndv_percent < 0.05
    assert by_network.scores["after"].ssim > by_network.scores["affine"].ssim > by_network.scores["before"].ssim


def test_the_registered_volume_is_the_moving_scan_through_the_transform(by_network, phantom_pair):
    registered, moving = by_network.registered, phantom_pair.followup.image
    assert registered.GetSize() == phantom_pair.baseline.image.GetSize()
    assert registered.GetPixelID() == moving.GetPixelID()
    checked = 0
    for point in body_points(phantom_pair, 60):
        index = registered.TransformPhysicalPointToIndex(point)
        place = by_network.transform.TransformPoint(registered.TransformIndexToPhysicalPoint(index))
        continuous = np.array(moving.TransformPhysicalPointToContinuousIndex(place))
        if np.all(continuous > 1) and np.all(continuous < np.array(moving.GetSize()) - 2):
            low = np.floor(continuous).astype(int)
            corners = sitk.GetArrayViewFromImage(moving)[low[2] : low[2] + 2, low[1] : low[1] + 2, low[0] : low[0] + 2]
            assert corners.min() - 1 <= registered[index] <= corners.max() + 1
            checked += 1
    assert checked > 30


def test_the_dvf_is_that_of_the_transform_on_2_mm_over_the_whole_baseline(by_network, phantom_pair):
    dvf = by_network.dvf
    low, high = body_bounds(find_body(phantom_pair.baseline.image).mask)
    assert dvf.GetSpacing() == (2.0, 2.0, 2.0)
    assert np.all(bounds_of(dvf)[0] <= low) and np.all(bounds_of(dvf)[1] >= high)
    width, height, depth = dvf.GetSize()
    for index in ((width // 2, height // 2, depth // 2), (0, 10, 5), (width - 1, height - 2, depth - 3)):
        point = dvf.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(np.add(point, dvf[index]), by_network.transform.TransformPoint(point), atol=0.02)


def test_points_come_back_through_the_inverse_and_the_report_says_how_near(by_network):
    inverse = by_network.inverse_consistency
    # 0.28 and 2.2 mm: the inverse's field is linear between nodes 4 mm apart, and so is the transform's own
    assert 0.01 < inverse.mean_mm < 0.4 and inverse.mean_mm < inverse.largest_mm < 3.0
    noted = result_content(by_network)["inverse_consistency"]
    assert noted["mean_mm"] == pytest.approx(inverse.mean_mm, abs=1e-4)


def test_inputs_are_not_changed(phantom_pair, by_network):
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    again = make_phantom(3, PhantomOptions(size=160, slices=56))
    assert sitk.Hash(again.baseline.image) == sitk.Hash(phantom_pair.baseline.image)
    assert sitk.Hash(again.followup.image) == sitk.Hash(phantom_pair.followup.image)


@pytest.mark.slow
def test_auto_falls_back_to_niftyreg_and_says_why(phantom_pair, monkeypatch):
    monkeypatch.setattr(candidates, "reason_for_doubt", lambda *_: "the field folds in 3.00 % of the body")
    result = register_phantom(phantom_pair, niftyreg_spacing_mm=6.0)
    assert result.method == "niftyreg"
    assert result.fallback_reason == "the field folds in 3.00 % of the body"
    assert mean_after(result, "after") > 0.75
    assert mean_error_mm(result.transform, phantom_pair) < 3.5
    assert result.seconds["niftyreg"] > 0


def test_auto_without_a_model_or_niftyreg_says_what_to_install(phantom_pair, monkeypatch, tmp_path):
    monkeypatch.setenv("LONGCT_NIFTYREG", str(tmp_path))
    monkeypatch.setattr(network, "runtime_missing", lambda name: f"what runs {name} is not installed (pip install x)")
    with pytest.raises(InputError, match=r"what runs cvpyramid is not installed .*correct the folder"):
        register_phantom(phantom_pair)
    with pytest.raises(InputError, match="what runs cvpyramid is not installed"):
        register_phantom(phantom_pair, method="cost-volume")
    with pytest.raises(InputError, match="correct the folder"):
        register_phantom(phantom_pair, method="niftyreg")
    assert register_phantom(phantom_pair, method="refinement").method == "refinement"


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (("onnxruntime",), "TensorFlow"),
        (("onnxruntime", "keras"), "ONNX Runtime is not installed (pip install"),
        (("tensorflow",), "ONNX Runtime"),
    ],
)
def test_a_runtime_that_is_really_absent_is_noticed(hidden, said):
    """In a process whose import system does not find it; TensorFlow, where it is installed, takes its place."""
    code = (
        "import importlib.machinery as m, sys\n"
        "find = m.PathFinder.find_spec\n"
        f"m.PathFinder.find_spec = classmethod(lambda c, n, *a: None if n in {hidden!r} else find(n, *a))\n"
        "from LongitudinalRegistrationLib.methods.network.runtime import runtime_missing, runtime_words\n"
        "assert runtime_words('cvpyramid').startswith('compiled code') and not runtime_missing('cvpyramid')\n"
        "print(runtime_words('vxm2') or runtime_missing('vxm2'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith(said), done.stderr


@pytest.mark.parametrize(
    ("result", "ndv", "largest", "words"),
    [
        (Agreement(0.8, 0.8), 0.0, 10.0, None),
        (Agreement(0.6, 0.8), 0.0, 10.0, "less similar"),
        (Agreement(0.8, 0.6), 0.0, 10.0, "less similar"),
        (Agreement(0.8, 0.8), 0.5, 10.0, "folds in 0.50 %"),
        (Agreement(0.8, 0.8), 0.0, 40.0, "40 mm are out of the range"),
    ],
)
def test_reasons_for_doubt(result, ndv, largest, words):
    reason = reason_for_doubt(Agreement(0.7, 0.7), result, ndv, largest, 12.0)
    assert (reason is None) if words is None else (words in reason)


def test_the_search_for_the_translation_needs_no_origin():
    rng = np.random.default_rng(1)
    world = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.random((60, 40, 40)).astype(np.float32)), 2.0)
    )
    fixed, moving = world[5:35, 4:36, 4:36], world[12:58, 2:38, 6:40]
    scores = correlation_map(fixed, np.ones(fixed.shape), moving, np.ones(moving.shape))
    first, second = best_offsets(scores, moving.shape, 2)
    assert first.tolist() == [5 - 12, 4 - 2, 4 - 6]
    assert scores.max() > 0.99 and np.abs(first - second).max() > 2


def affine_error_mm(found, pair, offset=(0.0, 0.0, 0.0), shown=None):
    """Mean distance from the true transform, and that of the best affine there is, at points of the body."""
    points = np.array(body_points(pair, shown=shown))
    true = np.array([pair.true_transform.TransformPoint(p.tolist()) for p in points])
    ours = np.array([found.TransformPoint(p.tolist()) for p in points]) - offset
    homogeneous = np.column_stack([points, np.ones(len(points))])
    best = homogeneous @ np.linalg.lstsq(homogeneous, true, rcond=None)[0]
    return np.linalg.norm(ours - true, axis=1).mean(), np.linalg.norm(best - true, axis=1).mean()


@pytest.fixture(scope="module")
def baseline_pyramid(phantom_pair):
    return make_pyramid(phantom_pair.baseline.image)


def test_affine_alignment_does_not_depend_on_origins(phantom_pair, baseline_pyramid):
    shifted = sitk.Image(phantom_pair.followup.image)
    shifted.SetOrigin(np.add(shifted.GetOrigin(), (300.0, -200.0, 500.0)).tolist())
    fit = align(baseline_pyramid, make_pyramid(shifted))
    error, best = affine_error_mm(fit.transform, phantom_pair, (300.0, -200.0, 500.0))
    assert error < best + 0.3 and not fit.doubtful


@pytest.mark.parametrize("seed", range(4))
def test_affine_alignment_takes_30_mm_and_10_degrees(phantom_pair, baseline_pyramid, seed):
    """The follow-up turned about its middle and moved: the same answer, turned and moved."""
    rng = np.random.default_rng(seed)
    image = phantom_pair.followup.image
    motion = sitk.VersorRigid3DTransform()
    motion.SetCenter(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    axis = rng.normal(size=3)
    motion.SetRotation((axis / np.linalg.norm(axis)).tolist(), np.radians(10.0))
    motion.SetTranslation((30.0 * rng.choice([-1.0, 1.0], 3)).tolist())
    moved = sitk.TransformGeometry(image, motion)
    fit = align(baseline_pyramid, make_pyramid(moved))
    back = sitk.CompositeTransform([motion, fit.transform])
    error, best = affine_error_mm(back, phantom_pair)
    assert error < best + 0.5 and not fit.doubtful


def test_affine_alignment_of_an_oblique_scan(phantom_pair, baseline_pyramid):
    """The baseline's own voxels along turned axes: the turn is found, to a twentieth of a voxel of 2 mm."""
    image = phantom_pair.baseline.image
    turn = sitk.Euler3DTransform()
    turn.SetCenter(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    turn.SetRotation(0.1, -0.05, 0.2)
    fit = align(baseline_pyramid, make_pyramid(sitk.TransformGeometry(image, turn)))
    back = sitk.CompositeTransform([turn, fit.transform])
    apart = points_apart_mm(back, sitk.Transform(3, sitk.sitkIdentity), body_points(phantom_pair))
    assert apart.mean() < 0.1 and apart.max() < 0.2  # 0.04 and 0.09 mm


def test_affine_alignment_of_half_a_scan(phantom_pair, baseline_pyramid):
    half = phantom_pair.followup.image[:, :, 28:]
    fit = align(baseline_pyramid, make_pyramid(half))
    error, best = affine_error_mm(fit.transform, phantom_pair, shown=phantom_pair.followup.body[:, :, 28:])
    assert error < best + 0.5 and fit.overlap < 0.75 and not fit.doubtful


def test_a_start_that_cannot_be_found_is_doubtful(baseline_pyramid, monkeypatch):
    """The scan turned upside down and mirrored has no affine of the right kind near by; auto says so."""
    image = baseline_pyramid.image
    upside_down = sitk.GetImageFromArray(sitk.GetArrayFromImage(image)[::-1, :, ::-1])
    upside_down.CopyInformation(image)
    fit = align(baseline_pyramid, make_pyramid(upside_down))
    assert fit.hard and fit.doubtful


def test_the_grid_lies_around_what_both_bodies_share(phantom_pair):
    low, high = bounds = body_bounds(phantom_pair.baseline.body)
    grid = common_grid(bounds, bounds, sitk.AffineTransform(3))
    centre = np.array(grid.origin) + (np.array(grid.size) - 1) * grid.spacing_mm / 2
    np.testing.assert_allclose(centre, (low + high) / 2, atol=1e-6)
    away = sitk.AffineTransform(3)
    away.SetTranslation((0.0, 0.0, 2000.0))
    with pytest.raises(InputError, match="no part of the body in common"):
        common_grid(bounds, bounds, away)


def test_normalisation_maps_air_to_0_and_the_99th_percentile_to_1():
    values = np.linspace(-1024, 1000, 10001)
    ceiling = ceiling_hu(values)
    scaled = normalise(values, ceiling)
    assert scaled[0] == 0.0 and scaled[-1] == 1.0
    assert np.mean(scaled >= 1.0) == pytest.approx(0.01, abs=0.001)
    assert scaled.dtype == np.float32


def test_scans_stored_along_other_axes_register_the_same(phantom_pair):
    """Sagittal slices, and axes turned round: the same transform."""
    fixed, moving = phantom_pair.baseline.image, phantom_pair.followup.image
    others = sitk.PermuteAxes(fixed, (1, 2, 0)), sitk.Flip(moving, (False, True, True))
    ours, same = (register(*pair, RegistrationOptions(method="refinement")) for pair in ((fixed, moving), others))
    apart = points_apart_mm(ours.transform, same.transform, body_points(phantom_pair))
    assert np.percentile(apart, 95) < 0.001 and apart.max() < 0.1  # 0.0001, 0.027 mm, as sums are rounded otherwise


def test_labels_on_another_grid_are_refused(phantom_pair):
    scan, labels = phantom_pair.baseline.image, phantom_pair.baseline.vertebrae
    moved = sitk.Image(labels)
    moved.SetOrigin(np.add(labels.GetOrigin(), (0, 0, 5)).tolist())
    for wrong in (moved, labels[:, :, 1:], phantom_pair.followup.vertebrae):
        with pytest.raises(InputError, match="fixed labels are on another grid"):
            registration.check_labels(wrong, scan, "fixed")
    with pytest.raises(InputError, match="not integers"):
        registration.check_labels(sitk.Cast(labels, sitk.sitkFloat32), scan, "fixed")


def test_scans_with_nothing_in_common_are_refused(phantom_pair):
    image = phantom_pair.baseline.image
    far = sitk.Image(image)
    far.SetOrigin(np.add(image.GetOrigin(), (0, 0, 3000)).tolist())
    with pytest.raises(InputError, match="no part of the body in common"):
        register(image, far, RegistrationOptions(method="cost-volume", affine=False))
