"""Training: configuration, cohort, folds, both schemes, resuming after a kill, what is shipped."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from LongitudinalRegistrationLib.cli.main import main
from LongitudinalRegistrationLib.training import checkpoint
from LongitudinalRegistrationLib.training.config import IncrementalOptions, TrainingConfig, config_from, read_config
from LongitudinalRegistrationLib.training.folds import Split, splits
from LongitudinalRegistrationLib.training.incremental import rate_of, volumes_in_order, watched_entries
from LongitudinalRegistrationLib.training.journal import Journal
from LongitudinalRegistrationLib.training.manifest import Entry, in_time_order, patients, read_manifest
from LongitudinalRegistrationLib.training.pooled import difficulty_at
from LongitudinalRegistrationLib.training.pooled import rate_at as pooled_rate_at
from TableRemovalLib.errors import InputError

SMALL = {
    "network": "vxm2",
    "block": [32, 32, 32],
    "epoch_steps": 3,
    "checkpoint_minutes": 0,
    "simulator": {"delta_mm": 8.0},
}


def cohort(count, time_points=2):
    return tuple(
        Entry(f"p{n}", str(t), Path(f"p{n}_{t}.nii.gz")) for n in range(count) for t in range(1, time_points + 1)
    )


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory):
    """Two synthetic patients, two time points each, and their manifest."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
    from LongitudinalRegistrationLib.writing import write_image

    folder, lines = tmp_path_factory.mktemp("cohort"), ["patient,time_point,image,labels"]
    for seed in (21, 22):
        pair = make_phantom(seed, PhantomOptions(size=128, slices=48))
        for number, scan in enumerate((pair.baseline, pair.followup)):
            write_image(scan.image, folder / f"{seed}_{number}.nii.gz")
            write_image(scan.vertebrae, folder / f"{seed}_{number}_labels.nii.gz")
            lines.append(f"P{seed},{number + 1},{seed}_{number}.nii.gz,{seed}_{number}_labels.nii.gz")
    (folder / "cohort.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_config(folder, name, **options):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"manifest": "cohort.csv", **SMALL, **options}))
    return path


def rows_of(log):
    with open(log, newline="") as stream:
        return list(csv.DictReader(stream))


def losses(log):
    return np.array([[float(row["loss"]), float(row["validation_loss"])] for row in rows_of(log)])


# Configuration, cohort, folds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, 'at least "manifest"'),
        ([], 'at least "manifest"'),
        ({"network": "unet"}, "network must be one of"),
        ({"scheme": "all"}, "scheme must be one of"),
        ({"folds": 1}, "folds must be 0"),
        ({"folds": 4, "test_patients": ["a"]}, "folds choose the patients"),
        ({"block": [40, 48, 48]}, "multiples of 16"),
        ({"steps": 5}, "there is no option 'steps'"),
        ({"pooled": {"step": 5}}, "there is no option 'step'"),
        ({"pooled": {"steps": 1.5}}, "steps must be a whole number"),
        ({"loss": {"end_point": 0.0}}, "must be positive"),
        ({"simulator": {"delta_mm": -1.0}}, "delta_mm must not be negative"),
        ({"learning_rate": 0.1}, "learning_rate must be a list"),
        ({"learning_rate": [0.1, 0.0]}, "two positive numbers"),
        ({"incremental": {"patience": 0}}, "patience must be 1 or more"),
        ({"initial_weights": "nowhere.h5"}, "there is no file"),
        ({"scheme": 3}, "scheme must be a text"),
        ({"block": [48, "48", 48]}, "wrong type"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(content, message, tmp_path):
    whole = {"manifest": "cohort.csv", **content} if content and isinstance(content, dict) else content
    with pytest.raises(InputError, match=message):
        config_from(whole, tmp_path)


def test_a_configuration_survives_its_own_file(tmp_path):
    config = config_from({"manifest": "c.csv", "loss": {"ncc": 1.0}, "motion": {"delta_mm": [1.0, 5.0]}}, tmp_path)
    (tmp_path / "kept.json").write_text(json.dumps(config.content()))
    assert read_config(tmp_path / "kept.json") == config
    with pytest.raises(InputError, match="is no JSON"):
        (tmp_path / "broken.json").write_text("{")
        read_config(tmp_path / "broken.json")
    with pytest.raises(InputError, match="no file"):
        read_config(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient,image\na,x.nii\n", "no column 'time_point'"),
        ("patient,time_point,image\n", "lists no scan"),
        ("patient,time_point,image\na,1,missing.nii\n", "line 2: there is no file"),
        ("patient,time_point,image\na,,c.csv\n", "line 2: time_point is empty"),
        ("patient,time_point,image\na,1,c.csv\na,1,c.csv\n", "line 3: patient a has time point 1 in line 2 too"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(text, message, tmp_path):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "c.csv")


def test_time_points_sort_by_number_or_date(tmp_path):
    for name in ("1", "2", "10"):
        (tmp_path / name).touch()
    (tmp_path / "c.csv").write_text("patient,time_point,image\nb,10,10\nb,2,2\na,2021-03-01,1\na,2020-12-01,2\n")
    entries = read_manifest(tmp_path / "c.csv")
    assert patients(entries) == ["b", "a"]
    assert [e.time_point for e in in_time_order(entries, "b")] == ["2", "10"]
    assert [e.time_point for e in in_time_order(entries, "a")] == ["2020-12-01", "2021-03-01"]


@pytest.mark.parametrize("seed", range(5))
def test_folds_never_have_a_patient_on_both_sides(seed):
    entries = cohort(12, 5)
    folds = splits(entries, TrainingConfig(Path("c.csv"), folds=4, seed=seed))
    tested = [entry.patient for fold in folds for entry in fold.test]
    assert sorted(set(tested)) == sorted({e.patient for e in entries}) and len(tested) == len(entries)
    for fold in folds:
        assert not {e.patient for e in fold.train} & {e.patient for e in fold.test}
        assert len({e.patient for e in fold.test}) == 3 and len(fold.train) + len(fold.test) == len(entries)


def test_named_patients_are_left_out(tmp_path):
    config = TrainingConfig(Path("c.csv"), validation_patients=("p1",), test_patients=("p2",))
    (split,) = splits(cohort(4), config)
    assert {e.patient for e in split.train} == {"p0", "p3"}
    assert {e.patient for e in split.validation} == {"p1"} and {e.patient for e in split.test} == {"p2"}
    for wrong, message in (
        ({"folds": 5}, "as many patients"),
        ({"test_patients": ("x",)}, "x is not in the manifest"),
        ({"test_patients": ("p0",), "validation_patients": ("p0",)}, "one of them only"),
        ({"test_patients": ("p0", "p1", "p2", "p3")}, "No patient is left"),
    ):
        with pytest.raises(InputError, match=message):
            splits(cohort(4), TrainingConfig(Path("c.csv"), **wrong))


# The schemes' plans


def test_volumes_come_patient_by_patient_in_time_order():
    entries = cohort(5, 3)
    split = Split("all", entries, (), ())
    volumes = volumes_in_order(split, TrainingConfig(Path("c.csv"), scheme="incremental", seed=3))
    assert sorted(e.name for e in volumes) == sorted(e.name for e in entries)
    assert [e.time_point for e in volumes] == ["1", "2", "3"] * 5
    assert [e.patient for e in volumes] != [e.patient for e in entries]
    twice = TrainingConfig(Path("c.csv"), scheme="incremental", incremental=IncrementalOptions(passes=2))
    assert len(volumes_in_order(split, twice)) == 30
    assert len(volumes_in_order(split, TrainingConfig(Path("c.csv"), scheme="single"))) == 1


def test_the_learning_rate_falls_linearly_over_the_iterations():
    config = TrainingConfig(Path("c.csv"), learning_rate=(1e-4, 1e-6))
    rates = [rate_of(n, 5, config) for n in range(5)]
    assert rates[0] == 1e-4 and rates[-1] == pytest.approx(1e-6)
    np.testing.assert_allclose(np.diff(rates), np.diff(rates)[0])
    pooled = [pooled_rate_at(step, config) for step in (0, 99, 7500, 15000)]
    assert pooled[0] < 2e-6 and pooled[1] == pytest.approx(1e-4, rel=0.01) and pooled[3] == pytest.approx(1e-6)


def test_named_test_patients_never_monitor():
    test, train, validation = cohort(1), cohort(2), cohort(3)
    plain, folds = TrainingConfig(Path("c.csv")), TrainingConfig(Path("c.csv"), folds=2)
    assert watched_entries(Split("all", train, (), test), plain) == train
    assert watched_entries(Split("all", train, validation, test), plain) == validation
    assert watched_entries(Split("fold1", train, (), test), folds) == test


def test_lessons_get_harder():
    config = config_from({"manifest": "c", "pooled": {"steps": 1000, "lesson": 0.1, "ramp": 0.5}}, Path("."))
    steps = [difficulty_at(step, config) for step in (0, 200, 400, 900)]
    assert [s.shifted for s in steps] == [True, False, False, False]
    assert [s.delta_mm for s in steps] == sorted(s.delta_mm for s in steps)
    assert steps[-1].delta_mm == config.motion.delta_mm[1] and steps[-1].block == config.block


# What is kept


def test_a_checkpoint_comes_back_and_is_replaced_as_a_whole(tmp_path):
    assert checkpoint.load(tmp_path) is None
    arrays = {"weights": [np.arange(6.0).reshape(2, 3), np.float32([1])], "best": [np.zeros(2)]}
    state = np.random.default_rng(1).bit_generator.state
    checkpoint.save(tmp_path, {"step": 3, "generator": state}, arrays)
    checkpoint.save(tmp_path, {"step": 4, "generator": state}, arrays)
    position, found = checkpoint.load(tmp_path)
    assert position == {"step": 4, "generator": state}
    assert [a.shape for a in found["weights"]] == [(2, 3), (1,)]
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.NAME]


def test_a_journal_forgets_what_came_after_the_checkpoint(tmp_path):
    pytest.importorskip("tensorboardX")
    said = []
    journal = Journal(tmp_path, ("step", "loss"), lambda text, part: said.append((text, part)))
    for step in (1, 2, 3):
        journal.write(step, {"step": step, "loss": 1.0 / step})
        journal.say(f"step {step}", step / 4)
    journal.close()
    again = Journal(tmp_path, ("step", "loss"), None, 2)
    again.write(3, {"step": 3, "loss": 0.25})
    again.close()
    assert (tmp_path / "log.csv").read_text() == "step,loss\n1,1\n2,0.5\n3,0.25\n"
    assert said[0] == ("step 1", 0.25) and said[1][0].endswith("left")
    assert any((tmp_path / "tensorboard").iterdir())


# Runs


@pytest.fixture(scope="module")
def paper_run(phantom_cohort, tmp_path_factory):
    """The paper's scheme on two patients, two folds, from the command line."""
    out = tmp_path_factory.mktemp("runs") / "paper"
    options = {
        "scheme": "incremental",
        "folds": 2,
        "learning_rate": [1e-4, 1e-6],
        "loss": {"end_point": 0.0, "ncc": 1.0, "diffusion": 1.0},
        "incremental": {"deformations": 2, "validation_deformations": 2, "validation_steps": 2, "most_epochs": 2},
    }
    config = write_config(phantom_cohort, "paper", **options)
    assert main(["train", "--config", str(config), "--out", str(out), "--json"]) == 0
    return out


def test_the_paper_s_training_runs_through_every_stage(paper_run):
    for fold in ("fold1", "fold2"):
        result = json.loads((paper_run / fold / "result.json").read_text())
        assert len(result["iterations"]) == 2 and result["steps"] == 2 * 2 * 3
        trained, tested = ({name.split(",")[0] for name in result[part]} for part in ("train", "test"))
        assert len(trained) == len(tested) == 1 and not trained & tested
        rates = [record["learning_rate"] for record in result["iterations"]]
        assert rates == pytest.approx([1e-4, 1e-6])
        for record in result["iterations"]:
            assert record["best_validation"]["loss"] <= record["start_validation"]["loss"]
            assert record["converged"] == (record["best_validation"]["loss"] < record["start_validation"]["loss"])
            assert record["best_training"]["loss"] < 0
        assert np.isfinite(result["kept_for_testing"]["loss"])
        assert (paper_run / fold / "best.weights.h5").stat().st_size > 1e6
        assert len(rows_of(paper_run / fold / "log.csv")) == 4


def test_what_is_finished_is_not_done_again(paper_run, capsys):
    before = (paper_run / "fold1" / "best.weights.h5").stat().st_mtime_ns
    assert main(["train", "--resume", str(paper_run), "--json"]) == 0
    assert (paper_run / "fold1" / "best.weights.h5").stat().st_mtime_ns == before
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert [split["split"] for split in result["splits"]] == ["fold1", "fold2"]


def test_the_figures_of_a_run(paper_run, tmp_path):
    from LongitudinalRegistrationLib.evaluation.training_figures import plot_run

    pytest.importorskip("matplotlib")
    picture = plot_run(paper_run, tmp_path / "curves.png")
    assert picture.stat().st_size > 10_000


def test_a_run_is_not_written_over_and_must_be_one(paper_run, phantom_cohort, tmp_path, capsys):
    config = write_config(phantom_cohort, "again")
    assert main(["train", "--config", str(config), "--out", str(paper_run)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main(["train", "--resume", str(tmp_path)]) == 2
    assert "holds no training run" in capsys.readouterr().err
    assert main(["train", "--config", str(config)]) == 2
    assert "--out DIR" in capsys.readouterr().err


def test_a_killed_run_goes_on_with_the_same_losses(phantom_cohort, tmp_path):
    """Killed at an arbitrary step; the log of the resumed run is that of one that was left alone."""
    options = {"scheme": "pooled", "pooled": {"steps": 24, "validation_pairs": 2}, "loss": {"end_point": 1.0}}
    config = write_config(phantom_cohort, "killed", **options)
    command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", "train"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = subprocess.Popen([*command, "--config", config, "--out", broken], stderr=subprocess.DEVNULL)
    log, begun = broken / "all" / "log.csv", time.monotonic()
    while not log.exists() or len(log.read_text().splitlines()) < 4:
        assert process.poll() is None and time.monotonic() - begun < 300
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (broken / "all" / "result.json").exists()
    done = len(rows_of(log))
    assert main(["train", "--resume", str(broken), "--json"]) == 0
    assert main(["train", "--config", str(config), "--out", str(whole), "--json"]) == 0
    expected, found = losses(whole / "all" / "log.csv"), losses(log)
    assert done < len(expected) == len(found) == 8
    np.testing.assert_allclose(found, expected, rtol=2e-3)
    assert not list(broken.rglob(".longct-*.npz"))


def test_the_default_network_trains_with_every_part_of_the_loss(phantom_cohort, tmp_path):
    options = {
        "network": "lkpyramid",
        "scheme": "pooled",
        "block": [16, 16, 16],
        "validation_patients": ["P22"],
        "pooled": {"steps": 3, "validation_pairs": 1},
        "loss": {"end_point": 1.0, "ncc": 0.1, "diffusion": 0.1, "inverse_consistency": 0.1},
    }
    config = write_config(phantom_cohort, "ours", **options)
    assert main(["train", "--config", str(config), "--out", str(tmp_path / "run"), "--json"]) == 0
    (row,) = rows_of(tmp_path / "run" / "all" / "log.csv")
    assert np.isfinite(float(row["loss"])) and float(row["error_voxels"]) > 0

    from LongitudinalRegistrationLib.network.model_store import find_model
    from LongitudinalRegistrationLib.training.ship import card_of, ship

    notes = {"what_it_is": "a test", "data": [], "held_out": [], "command": "longct train"}
    card = card_of(tmp_path / "run", notes, None)
    assert card["steps"] == 3 and card["largest_displacement_mm"] == 26.0 and card["grid"]["size"] == [80, 80, 128]
    assert "/" not in card["options"]["manifest"]
    ship(tmp_path / "run", notes, {"x": 1}, tmp_path)
    model = find_model("lkpyramid", tmp_path)
    assert model.card["scores"] == {"x": 1} and model.spacing_mm == 4.0
