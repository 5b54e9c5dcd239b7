"""Registration of the phantom: each method against the true transform, `auto` and its reasons, bad input."""

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib import registration
from LongitudinalRegistrationLib.affine import align
from LongitudinalRegistrationLib.bodies import find_body
from LongitudinalRegistrationLib.grid import NETWORK_SIZE, body_bounds, common_grid
from LongitudinalRegistrationLib.normalise import ceiling_hu, normalise
from LongitudinalRegistrationLib.options import RegistrationOptions
from LongitudinalRegistrationLib.quality import Scores, reason_for_doubt
from LongitudinalRegistrationLib.registration import register
from LongitudinalRegistrationLib.translation_search import best_offset
from TableRemovalLib.errors import InputError


def register_phantom(pair, **options):
    return register(
        pair.baseline.image,
        pair.followup.image,
        RegistrationOptions(**options),
        pair.baseline.vertebrae,
        pair.followup.vertebrae,
    )


def body_points(pair, count=300):
    """Points of the baseline's body that the follow-up shows too."""
    body = sitk.GetArrayViewFromImage(pair.baseline.body)
    index = np.argwhere(body)[np.random.default_rng(0).choice(int(body.sum()), 4 * count)]
    points = [pair.baseline.image.TransformIndexToPhysicalPoint(row[::-1].tolist()) for row in index]
    low, high = body_bounds(pair.followup.body)
    inside = [p for p in points if np.all(np.array(pair.true_transform.TransformPoint(p)) > low + 10)]
    return [p for p in inside if np.all(np.array(pair.true_transform.TransformPoint(p)) < high - 10)][:count]


def mean_error_mm(transform, pair):
    errors = [
        np.linalg.norm(np.subtract(transform.TransformPoint(p), pair.true_transform.TransformPoint(p)))
        for p in body_points(pair)
    ]
    return float(np.mean(errors))


@pytest.fixture(scope="module")
def by_network(phantom_pair):
    return register_phantom(phantom_pair, method="voxelmorph")


def mean_after(result, step):
    return np.nanmean([score.dsc[step] for score in result.label_scores])


def test_the_network_and_refinement_bring_the_vertebrae_together(by_network, phantom_pair):
    assert by_network.method == "voxelmorph" and by_network.fallback_reason is None
    assert mean_after(by_network, "before") < 0.5
    assert mean_after(by_network, "after") > max(0.8, mean_after(by_network, "affine"))
    assert mean_error_mm(by_network.transform, phantom_pair) < 2.5
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


def test_the_dvf_is_on_the_network_s_grid_and_that_of_the_transform(by_network):
    dvf = by_network.dvf
    assert dvf.GetSize() == NETWORK_SIZE and dvf.GetSpacing() == (2.0, 2.0, 2.0)
    for index in ((80, 80, 128), (40, 100, 110), (120, 60, 140)):
        point = dvf.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(np.add(point, dvf[index]), by_network.transform.TransformPoint(point), atol=0.02)


def test_inputs_are_not_changed(phantom_pair, by_network):
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    again = make_phantom(3, PhantomOptions(size=160, slices=56))
    assert sitk.Hash(again.baseline.image) == sitk.Hash(phantom_pair.baseline.image)
    assert sitk.Hash(again.followup.image) == sitk.Hash(phantom_pair.followup.image)


def test_auto_falls_back_to_niftyreg_and_says_why(phantom_pair, monkeypatch):
    monkeypatch.setattr(registration, "reason_for_doubt", lambda *_: "the field folds in 3.00 % of the body")
    result = register_phantom(phantom_pair, niftyreg_spacing_mm=6.0)
    assert result.method == "niftyreg"
    assert result.fallback_reason == "the field folds in 3.00 % of the body"
    assert mean_after(result, "after") > 0.75
    assert mean_error_mm(result.transform, phantom_pair) < 3.5
    assert result.seconds["niftyreg"] > 0


def test_auto_without_tensorflow_or_niftyreg_says_what_to_install(phantom_pair, monkeypatch, tmp_path):
    monkeypatch.setenv("LONGCT_NIFTYREG", str(tmp_path))
    monkeypatch.setattr(registration, "tensorflow_missing", lambda: "tensorflow not installed (pip install x)")
    with pytest.raises(InputError, match=r"tensorflow not installed .*correct the folder"):
        register_phantom(phantom_pair)
    with pytest.raises(InputError, match="tensorflow not installed"):
        register_phantom(phantom_pair, method="voxelmorph")
    with pytest.raises(InputError, match="correct the folder"):
        register_phantom(phantom_pair, method="niftyreg")


def test_tensorflow_really_absent_is_noticed():
    """In a process whose import system does not find TensorFlow."""
    code = (
        "import importlib.machinery as m, sys\n"
        "find = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = classmethod(lambda c, n, *a: None if n == 'tensorflow' else find(n, *a))\n"
        "from LongitudinalRegistrationLib.network.model_store import tensorflow_missing\n"
        "print(tensorflow_missing())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("tensorflow not installed (pip install"), done.stderr


@pytest.mark.parametrize(
    ("result", "ndv", "largest", "words"),
    [
        (Scores(0.8, 0.8), 0.0, 10.0, None),
        (Scores(0.6, 0.8), 0.0, 10.0, "less similar"),
        (Scores(0.8, 0.6), 0.0, 10.0, "less similar"),
        (Scores(0.8, 0.8), 0.5, 10.0, "folds in 0.50 %"),
        (Scores(0.8, 0.8), 0.0, 40.0, "40 mm are out of the range"),
    ],
)
def test_reasons_for_doubt(result, ndv, largest, words):
    reason = reason_for_doubt(Scores(0.7, 0.7), result, ndv, largest, 12.0)
    assert (reason is None) if words is None else (words in reason)


def test_the_search_for_the_translation_needs_no_origin():
    rng = np.random.default_rng(1)
    world = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.random((60, 40, 40)).astype(np.float32)), 2.0)
    )
    fixed, moving = world[5:35, 4:36, 4:36], world[12:58, 2:38, 6:40]
    offset, score = best_offset(fixed, np.ones(fixed.shape), moving, np.ones(moving.shape))
    assert offset.tolist() == [5 - 12, 4 - 2, 4 - 6]
    assert score > 0.99


def test_affine_alignment_does_not_depend_on_origins(phantom_pair):
    baseline, followup = phantom_pair.baseline, phantom_pair.followup
    shifted, body = sitk.Image(followup.image), sitk.Image(followup.body)
    for image in (shifted, body):
        image.SetOrigin(np.add(image.GetOrigin(), (300.0, -200.0, 500.0)).tolist())
    clean = find_body(baseline.image), find_body(shifted)
    found = align(clean[0].clean, clean[0].mask, clean[1].clean, clean[1].mask)
    errors = [
        np.linalg.norm(
            np.subtract(
                np.subtract(found.TransformPoint(p), (300.0, -200.0, 500.0)),
                phantom_pair.true_transform.TransformPoint(p),
            )
        )
        for p in body_points(phantom_pair)
    ]
    assert np.mean(errors) < 5.0


def test_the_grid_lies_around_what_both_bodies_share(phantom_pair):
    grid = common_grid(phantom_pair.baseline.body, phantom_pair.baseline.body, sitk.AffineTransform(3))
    low, high = body_bounds(phantom_pair.baseline.body)
    centre = np.array(grid.origin) + (np.array(grid.size) - 1) * grid.spacing_mm / 2
    np.testing.assert_allclose(centre, (low + high) / 2, atol=1e-6)
    away = sitk.AffineTransform(3)
    away.SetTranslation((0.0, 0.0, 2000.0))
    with pytest.raises(InputError, match="no part of the body in common"):
        common_grid(phantom_pair.baseline.body, phantom_pair.baseline.body, away)


def test_normalisation_maps_air_to_0_and_the_99th_percentile_to_1():
    values = np.linspace(-1024, 1000, 10001)
    ceiling = ceiling_hu(values)
    scaled = normalise(values, ceiling)
    assert scaled[0] == 0.0 and scaled[-1] == 1.0
    assert np.mean(scaled >= 1.0) == pytest.approx(0.01, abs=0.001)
    assert scaled.dtype == np.float32


def test_scans_stored_along_other_axes_register_the_same(phantom_pair):
    """Sagittal slices, and an axis turned round: bodies lie at the same place in space."""
    image = phantom_pair.baseline.image
    straight = find_body(image).mask
    for other in (sitk.PermuteAxes(image, (1, 2, 0)), sitk.Flip(image, (False, True, True))):
        mask = find_body(other).mask
        back = sitk.Resample(mask, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor)
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(back, straight)
        assert overlap.GetDiceCoefficient(1) > 0.995


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
        register(image, far, RegistrationOptions(method="voxelmorph", affine=False))
