"""Scores of a network on simulated follow-ups, and `longct simulate` and `evaluate`."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.cli.arguments import numbers, seeds
from LongitudinalRegistrationLib.evaluation.metrics import dice_per_label
from scoring import middle_of, score_the_middle


@pytest.fixture(scope="module")
def predictors():
    from LongitudinalRegistrationLib.methods.network.model_store import find_model
    from LongitudinalRegistrationLib.methods.network.predict import Predictor

    return {network: Predictor(find_model(network)) for network in ("cvpyramid", "vxm2")}


@pytest.fixture(scope="module")
def scores(predictors, phantom_pair):
    from LongitudinalRegistrationLib.experiments.model_scores import on_scoring_grid, simulated_scores

    scan = phantom_pair.baseline
    prepared = middle_of(on_scoring_grid(scan.image))
    return {
        network: simulated_scores(prepared, predictor, 8.0, np.random.default_rng(0), scan.vertebrae)
        for network, predictor in predictors.items()
    }


@pytest.mark.parametrize(("network", "part"), [("cvpyramid", 0.45), ("vxm2", 0.8)])
def test_the_shipped_networks_bring_a_simulated_follow_up_closer(scores, network, part):
    found = scores[network]
    assert found["end_point_error_mm"][1] < part * found["end_point_error_mm"][0]
    assert found["ssim"][1] > found["ssim"][0] + 0.03
    assert found["dsc"][1] > found["dsc"][0]
    assert found["dsc_twice"][0] <= found["dsc_twice"][1] < 1
    assert found["ndv_percent"] < 0.05


@pytest.mark.parametrize(("width_mm", "percent"), [(280.0, 100.0), (400.0, 90.0)])
def test_how_much_of_a_body_is_scored_is_told_where_it_is_not_all(width_mm, percent):
    from LongitudinalRegistrationLib.experiments.model_scores import on_scoring_grid, scored_percent, scores_text

    y, x = (np.arange(90)[:, None] - 44.5) * 5.0, (np.arange(90) - 44.5) * 5.0
    body = np.where((2 * x / width_mm) ** 2 + (y / 100.0) ** 2 < 1, 40, -1000).astype(np.int16)
    scan = sitk.GetImageFromArray(np.stack([body] * 20))
    scan.SetSpacing((5.0, 5.0, 5.0))
    inside = scored_percent(on_scoring_grid(scan), scan)
    assert inside == pytest.approx(percent, abs=2.0)
    row = dict.fromkeys(("end_point_error_mm", "ssim"), [1.0, 1.0]) | {"ndv_percent": 0.0, "seconds": 1.0}
    told = scores_text({"scan": {"delta 6 mm": {**row, "scored_body_percent": inside}}})
    assert ("the rest is not scored" in told) == (percent < 100)


def test_both_networks_are_asked_the_same_and_ours_is_better(scores):
    for name in ("end_point_error_mm", "dsc", "ssim"):
        assert scores["cvpyramid"][name][0] == pytest.approx(scores["vxm2"][name][0])
    assert scores["cvpyramid"]["end_point_error_mm"][1] < scores["vxm2"]["end_point_error_mm"][1]
    assert scores["cvpyramid"]["dsc"][1] > scores["vxm2"]["dsc"][1]


@pytest.mark.parametrize("where", ["middle", pytest.param("whole", marks=pytest.mark.slow)])
def test_the_default_network_meets_the_paper_s_deformations(predictors, phantom_pair, where, monkeypatch):
    """At the paper's delta and at the one that starts at its Dice: error, Dice and folding as the README says."""
    from LongitudinalRegistrationLib.experiments.model_scores import ScoredScan, model_scores

    if where == "middle":
        score_the_middle(monkeypatch)
    scan = ScoredScan("phantom", phantom_pair.baseline.image, phantom_pair.baseline.vertebrae)
    found = model_scores([scan], predictors["cvpyramid"], (6.0, 11.0), draws=1)["phantom"]
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
