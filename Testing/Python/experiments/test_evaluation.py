"""Scores of labels, of scans and of a network on simulated follow-ups, and `longct simulate` and `evaluate`."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.cli.arguments import numbers, seeds
from LongitudinalRegistrationLib.evaluation.metrics import bone_overlap, dice_per_label, global_ncc, local_ncc, ssim
from LongitudinalRegistrationLib.evaluation.scores import score_labels
from LongitudinalRegistrationLib.evaluation.similarity_maps import similarity_maps
from LongitudinalRegistrationLib.field.box_warp import Box, box_of_image, parts_of, sample, whole
from LongitudinalRegistrationLib.field.transforms import compose
from scoring import middle_of, score_the_middle
from test_cli import longct

SPACING = (1.5, 2.0, 3.0)


@pytest.fixture(scope="module")
def predictors():
    from LongitudinalRegistrationLib.methods.network.model_store import find_model
    from LongitudinalRegistrationLib.methods.network.predict import Predictor

    return {network: Predictor(find_model(network)) for network in ("lkpyramid", "vxm2")}


@pytest.fixture(scope="module")
def scores(predictors, phantom_pair):
    from LongitudinalRegistrationLib.experiments.model_scores import on_scoring_grid, simulated_scores

    scan = phantom_pair.baseline
    prepared = middle_of(on_scoring_grid(scan.image))
    return {
        network: simulated_scores(prepared, predictor, 8.0, np.random.default_rng(0), scan.vertebrae)
        for network, predictor in predictors.items()
    }


@pytest.mark.parametrize(("network", "part"), [("lkpyramid", 0.45), ("vxm2", 0.8)])
def test_the_shipped_networks_bring_a_simulated_follow_up_closer(scores, network, part):
    found = scores[network]
    assert found["end_point_error_mm"][1] < part * found["end_point_error_mm"][0]
    assert found["ssim"][1] > found["ssim"][0] + 0.03
    assert found["dsc"][1] > found["dsc"][0]
    assert found["dsc_twice"][0] <= found["dsc_twice"][1] < 1
    assert found["ndv_percent"] < 0.05


def test_both_networks_are_asked_the_same_and_ours_is_better(scores):
    for name in ("end_point_error_mm", "dsc", "ssim"):
        assert scores["lkpyramid"][name][0] == pytest.approx(scores["vxm2"][name][0])
    assert scores["lkpyramid"]["end_point_error_mm"][1] < scores["vxm2"]["end_point_error_mm"][1]
    assert scores["lkpyramid"]["dsc"][1] > scores["vxm2"]["dsc"][1]


@pytest.mark.parametrize("where", ["middle", pytest.param("whole", marks=pytest.mark.slow)])
def test_the_default_network_meets_the_paper_s_deformations(predictors, phantom_pair, where, monkeypatch):
    """At the paper's delta and at the one that starts at its Dice: error, Dice and folding as the README says."""
    from LongitudinalRegistrationLib.experiments.model_scores import ScoredScan, model_scores

    if where == "middle":
        score_the_middle(monkeypatch)
    scan = ScoredScan("phantom", phantom_pair.baseline.image, phantom_pair.baseline.vertebrae)
    found = model_scores([scan], predictors["lkpyramid"], (6.0, 11.0), draws=1)["phantom"]
    assert list(found) == ["delta 6 mm", "delta 11 mm"]
    assert found["delta 6 mm"]["dsc"][1] > 0.93 and found["delta 11 mm"]["dsc"][1] > 0.88
    assert found["delta 6 mm"]["ndv_percent"] < 0.01
    assert found["delta 11 mm"]["end_point_error_mm"][0] > found["delta 6 mm"]["end_point_error_mm"][0]


def test_simulate_writes_scans_labels_and_transforms_that_agree(capsys, phantom_pair, tmp_path, tmp_path_factory):
    """On half of the scan's slices."""
    scan, labels = (tmp_path_factory.mktemp("half") / f"{name}.nii.gz" for name in ("scan", "labels"))
    for path, image in ((scan, phantom_pair.baseline.image), (labels, phantom_pair.baseline.vertebrae)):
        sitk.WriteImage(image[:, :, 14:42], str(path))
    words = ("simulate", scan, "--out", tmp_path, "--delta", 9, "--labels", labels, "--count", 2, "--seed", 4)
    code, out, _ = longct(capsys, *words)
    assert code == 0 and "simulated_4_1_transform.h5" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        f"simulated_4_{n}{part}" for n in range(2) for part in (".nii.gz", "_labels.nii.gz", "_transform.h5")
    )
    transform = sitk.ReadTransform(str(tmp_path / "simulated_4_0_transform.h5"))
    moving = sitk.ReadImage(str(labels))
    again = sitk.GetArrayFromImage(sitk.Resample(moving, moving, transform, sitk.sitkNearestNeighbor, 0))
    written = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "simulated_4_0_labels.nii.gz")))
    assert min(dice_per_label(written, again).values()) > 0.999
    first, second = (sitk.ReadImage(str(tmp_path / f"simulated_4_{n}.nii.gz")) for n in range(2))
    assert sitk.Hash(first) != sitk.Hash(second)
    code, *_ = longct(
        capsys, "simulate", scan, "--out", tmp_path / "b", "--delta", 9, "--seed", 4, "--motion", "varied"
    )
    assert code == 0 and (tmp_path / "b" / "simulated_4.nii.gz").exists()


def test_simulate_says_what_is_wrong(capsys, phantom_folder, tmp_path):
    scan = phantom_folder / "baseline.nii.gz"
    code, _, err = longct(capsys, "simulate", scan, "--out", tmp_path, "--delta", -1)
    assert code == 2 and "delta_mm must be a number that is not negative" in err
    code, _, err = longct(capsys, "simulate", scan, "--out", tmp_path, "--labels", scan.parent / "followup.nii.gz")
    assert code == 2 and "labels" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["middle", pytest.param("whole", marks=pytest.mark.slow)])
def test_evaluate_prints_a_table_and_writes_scores_and_a_picture(capsys, phantom_folder, tmp_path, where, monkeypatch):
    pytest.importorskip("matplotlib")
    if where == "middle":
        score_the_middle(monkeypatch)
    manifest = tmp_path / "test.csv"
    names = (phantom_folder / "baseline.nii.gz", phantom_folder / "baseline_vertebrae.nii.gz")
    manifest.write_text(f"patient,time_point,image,labels\nP1,1,{names[0]},{names[1]}\n")
    out, figure = tmp_path / "scores.json", tmp_path / "figure.png"
    code, text, _ = longct(
        capsys, "evaluate", "--manifest", manifest, "--deltas", "7", "--out", out, "--figure", figure
    )
    assert code == 0 and "P1, 1, delta 7 mm" in text and "->" in text
    assert json.loads(out.read_text())["P1, 1"]["delta 7 mm"]["labels"]
    assert figure.stat().st_size > 50_000


def test_evaluate_says_what_is_wrong(capsys, tmp_path):
    code, _, err = longct(capsys, "evaluate")
    assert code == 2 and "nothing to score" in err
    code, _, err = longct(capsys, "evaluate", "x.nii.gz", "--deltas", "six")
    assert code == 2 and "give numbers" in err


def test_ranges_of_numbers():
    assert numbers("6,11.5") == (6.0, 11.5) and numbers("0-3") == (0.0, 1.0, 2.0, 3.0) and seeds("7-8") == (7, 8)


def labels_of(*boxes, shape=(30, 50, 60)):
    """A label volume with a box (value, [k, j, i] slices) for each label."""
    array = np.zeros(shape, np.uint8)
    for value, box in boxes:
        array[box] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin((-40.0, 12.0, 300.0))
    return image


def box_at(k, j, i, size=(8, 12, 16)):
    return tuple(slice(first, first + n) for first, n in zip((k, j, i), size, strict=True))


def shift(*mm):
    return sitk.TranslationTransform(3, mm)


def smooth_field(image, largest=6.0, spacing=4.0):
    """A field of waves around an image, 0 on its edge, and the same for every call."""
    size = [int(n * s / spacing) + 12 for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in size[::-1]), indexing="ij")
    hat = ((1 - x**2) * (1 - y**2) * (1 - z**2))[..., None]
    waves = np.stack([np.sin(3 * y + z), np.cos(4 * z - x), np.sin(2 * x + 3 * y)], axis=-1)
    field = sitk.GetImageFromArray(largest * hat * waves, isVector=True)
    field.SetSpacing([spacing] * 3)
    field.SetOrigin([o - 5 * spacing for o in image.GetOrigin()])
    return field


def test_two_boxes_apart_have_the_scores_that_follow_from_their_distance():
    fixed, moving = labels_of((20, box_at(10, 20, 20))), labels_of((20, box_at(10, 20, 24)))
    (score,) = score_labels(fixed, moving, {"before": None, "after": shift(4 * SPACING[0], 0, 0)})
    assert (score.label, score.name, score.status) == (20, "L1", "both")
    assert score.dsc["before"] == pytest.approx(12 / 16)
    assert score.hd95_mm["before"] == pytest.approx(4 * SPACING[0])
    assert score.centroid_mm["before"] == pytest.approx(4 * SPACING[0])
    assert (score.dsc["after"], score.hd95_mm["after"], score.centroid_mm["after"]) == (1.0, 0.0, 0.0)


def test_distances_are_in_mm_along_every_axis():
    fixed, moving = labels_of((3, box_at(10, 20, 20))), labels_of((3, box_at(12, 20, 20)))
    (score,) = score_labels(fixed, moving, {"before": None})
    assert score.centroid_mm["before"] == pytest.approx(2 * SPACING[2])
    assert score.hd95_mm["before"] == pytest.approx(2 * SPACING[2])


def test_apart_by_more_than_their_size_there_is_no_overlap_but_a_distance():
    fixed, moving = labels_of((3, box_at(2, 20, 4))), labels_of((3, box_at(2, 20, 40)))
    (score,) = score_labels(fixed, moving, {"before": None, "out": shift(900.0, 0, 0)})
    assert score.dsc["before"] == 0 and score.centroid_mm["before"] == pytest.approx(36 * SPACING[0])
    assert score.dsc["out"] == 0 and np.isnan(score.hd95_mm["out"]) and np.isnan(score.centroid_mm["out"])


def test_a_label_that_one_scan_lacks_is_listed_as_such():
    from LongitudinalRegistrationLib.report.content import vertebrae_content, vertebrae_csv

    same = (20, box_at(2, 2, 2))
    fixed, moving = labels_of(same, (21, box_at(12, 20, 20))), labels_of(same, (22, box_at(18, 30, 30)))
    scores = score_labels(fixed, moving, {"before": None, "after": None})
    assert {s.name: s.status for s in scores} == {"L1": "both", "L2": "baseline only", "L3": "follow-up only"}
    content = vertebrae_content(scores)
    assert content["21"]["dsc"] == {"before": None, "after": None} and content["20"]["hd95_mm"]["after"] == 0
    lines = vertebrae_csv(content).splitlines()
    assert lines[0].startswith("label,name,status,dsc_before,dsc_after,hd95_mm_before")
    assert lines[2] == "21,L2,baseline only,,,,,," and lines[3].startswith("22,L3,follow-up only,")


def test_labels_of_one_scan_alone_have_no_scores_and_empty_ones_are_no_error():
    some, none = labels_of((4, box_at(2, 2, 2))), labels_of()
    assert score_labels(some, None, {"before": None}) == ()
    assert score_labels(none, none, {"before": None}) == ()
    assert [s.status for s in score_labels(none, some, {"before": None})] == ["follow-up only"]


@pytest.mark.parametrize("kind", ["identity", "affine", "composed", "other"])
def test_dice_of_the_boxes_is_that_of_the_whole_volumes(phantom_pair, kind):
    """The same as SimpleITK's resampling of the whole label volume, for transforms of every kind."""
    fixed, moving = phantom_pair.baseline.vertebrae, phantom_pair.followup.vertebrae
    affine = sitk.AffineTransform(3)
    affine.SetMatrix([1.02, 0.03, 0, -0.03, 0.98, 0.01, 0, 0.02, 1.01])
    affine.SetTranslation((4.0, -3.0, 6.0))
    steps = {
        "identity": None,
        "affine": affine,
        "composed": compose(affine, smooth_field(phantom_pair.baseline.image)),
        "other": phantom_pair.true_transform,
    }
    scores = score_labels(fixed, moving, {"step": steps[kind]})
    identity = sitk.Transform(3, sitk.sitkIdentity)
    warped = sitk.Resample(moving, fixed, steps[kind] or identity, sitk.sitkNearestNeighbor, 0)
    expected = dice_per_label(*(sitk.GetArrayFromImage(image) for image in (fixed, warped)))
    found = {score.label: score.dsc["step"] for score in scores if score.status == "both"}
    assert len(found) > 3 and found == pytest.approx({label: expected[label] for label in found}, abs=1e-3)


def test_the_box_holds_all_that_a_deformation_brings_in():
    image = labels_of((1, box_at(10, 20, 20)))
    transform = compose(shift(5.0, -7.0, 2.0), smooth_field(image, 9.0))
    everywhere = sample(image, image, transform, labels=True)
    used = Box((10, 20, 20), (18, 32, 36))
    box = box_of_image(parts_of(transform), image, used, image)
    assert everywhere.sum() > 500 and everywhere[box.slices].sum() == everywhere.sum()
    assert np.prod(box.shape) < 0.5 * everywhere.size
    np.testing.assert_array_equal(sample(image, image, transform, box, labels=True), everywhere[box.slices])
    assert parts_of(sitk.CompositeTransform([transform, shift(1.0, 0, 0)])) is None
    assert whole(image).shape == everywhere.shape


@pytest.fixture(scope="module")
def pyramids(phantom_pair):
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    return tuple(make_pyramid(scan.image) for scan in (phantom_pair.baseline, phantom_pair.followup))


def test_the_similarity_of_scans_is_that_of_the_measures(phantom_pair, pyramids):
    """SSIM, NCC and bone overlap as the plain measures give them on SimpleITK's resampling."""
    from LongitudinalRegistrationLib.evaluation.scores import Scorer
    from LongitudinalRegistrationLib.scan.normalise import normalise

    fixed, moving = pyramids
    level, transform = fixed.levels[2.0], phantom_pair.true_transform
    reference, scores = level.grid.reference(), Scorer(*pyramids).scores(transform)
    hu = [
        sitk.GetArrayFromImage(sitk.Resample(scan.clean, reference, t, sitk.sitkLinear, -1024.0, sitk.sitkFloat32))
        for scan, t in ((fixed, sitk.Transform(3, sitk.sitkIdentity)), (moving, transform))
    ]
    extent = sitk.Image(moving.image.GetSize(), sitk.sitkUInt8) + 1
    extent.CopyInformation(moving.image)
    seen = sitk.GetArrayFromImage(sitk.Resample(extent, reference, transform, sitk.sitkNearestNeighbor, 0))
    mask = (level.body > 0) & (seen > 0)
    images = [normalise(values, fixed.ceiling) for values in hu]
    assert scores.ssim == pytest.approx(ssim(*images, mask), abs=2e-3)
    assert scores.ncc == pytest.approx(global_ncc(*images, mask), abs=2e-3)
    assert scores.bone == pytest.approx(bone_overlap(*(np.where(mask, values, -1024) for values in hu)), abs=5e-3)
    assert Scorer(*pyramids).scores(shift(5000.0, 0, 0)).ssim == 0


def test_how_much_of_the_bodies_both_scans_show(pyramids):
    from LongitudinalRegistrationLib.evaluation.scores import common_body_percent
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    fixed, _ = pyramids
    nothing = sitk.AffineTransform(3)
    assert common_body_percent(fixed, fixed, nothing) == 100
    upper, lower = (make_pyramid(part) for part in (fixed.image[:, :, 20:], fixed.image[:, :, :36]))
    assert common_body_percent(fixed, upper, nothing) > 95
    assert common_body_percent(upper, lower, nothing) == pytest.approx(100 * 16 / 36, abs=10)
    assert common_body_percent(fixed, fixed, shift(5000.0, 0, 0)) == 0


def test_the_maps_say_where_scans_differ(phantom_pair):
    """Equal scans: 1 in the body, NaN outside; noise in one half of it: low there, 1 in the other."""
    scan = phantom_pair.baseline
    array = sitk.GetArrayFromImage(scan.image)
    half = array.shape[2] // 2
    noise = np.random.default_rng(0).normal(0, 300, array[..., half:].shape)
    spoilt = array.copy()
    spoilt[..., half:] = np.clip(spoilt[..., half:] + noise, -1000, 3000)
    other = sitk.GetImageFromArray(spoilt)
    other.CopyInformation(scan.image)
    same, maps = (similarity_maps(scan.image, image, scan.body) for image in (scan.image, other))
    assert maps.ssim.GetSpacing() == (4.0, 4.0, 4.0) and maps.ssim.GetPixelID() == sitk.sitkFloat32
    for name in ("ssim", "ncc"):
        equal, found = (sitk.GetArrayFromImage(getattr(each, name)) for each in (same, maps))
        assert np.nanmin(equal) > 0.999 and 0.2 < np.isnan(equal).mean() < 0.95
        point = scan.image.TransformIndexToPhysicalPoint((half, 0, 0))
        middle = maps.ssim.TransformPhysicalPointToIndex(point)[0]
        assert np.nanmean(found[..., : middle - 4]) > 0.999
        assert np.nanmean(found[..., middle + 4 :]) < 0.8
        assert np.isnan(found[0, 0, 0])
    found = sitk.GetArrayFromImage(similarity_maps(scan.image, other).ssim)
    assert np.nanmean(found) == pytest.approx(np.nanmean(sitk.GetArrayFromImage(maps.ssim)), abs=0.02)


def test_maps_and_measures_agree():
    from LongitudinalRegistrationLib.evaluation.similarity_maps import covariance, moments, ncc_map, ssim_map

    rng = np.random.default_rng(1)
    first = rng.random((24, 26, 28), np.float32)
    second = 0.5 * first + 0.5 * rng.random(first.shape, np.float32)
    pair = [moments(image, 7) for image in (first, second)]
    assert ssim_map(*pair, covariance(*pair, 7)).mean() == pytest.approx(ssim(first, second), abs=1e-5)
    assert ncc_map(*pair, covariance(*pair, 7)).mean() == pytest.approx(local_ncc(first, second, window=7), abs=1e-5)
