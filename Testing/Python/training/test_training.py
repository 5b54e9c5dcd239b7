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
from LongitudinalRegistrationLib.training.incremental import (
    IncrementalTraining,
    rate_of,
    volumes_in_order,
    watched_entries,
)
from LongitudinalRegistrationLib.training.journal import Journal
from LongitudinalRegistrationLib.training.manifest import Entry, in_time_order, patients, read_manifest
from LongitudinalRegistrationLib.training.pooled import rate_at as pooled_rate_at
from LongitudinalRegistrationLib.training.session import begin, splits_content, train
from scoring import score_the_middle
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
    from LongitudinalRegistrationLib.scan.write import write_image

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
        ({"loss": {"ncc": float("nan")}}, "no part of the loss may be negative"),
        ({"simulator": {"delta_mm": -1.0}}, "delta_mm must be a number that is not negative"),
        ({"simulator": {"delta_mm": float("nan")}}, "delta_mm must be a number that is not negative"),
        ({"motion": {"delta_mm": [1.0]}}, "wrong type or length"),
        ({"appearance": {"phase_share": 5.0}}, "phase_share is a probability"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"compute": "float16"}, "compute must be one of"),
        ({"flow_resolution": "third"}, "flow_resolution must be half or full"),
        ({"clip_norm": -1.0}, "clip_norm must not be negative"),
        ({"pooled": {"stretched": -1}}, "must not be negative"),
        ({"appearance": {"lesion_mm": [5.0, 2.0]}}, "lesion_mm must be two positive limits"),
        ({"test_patients": [1]}, "must be lists of texts"),
        ({"block": [48.0, 48, 48]}, "multiples of 16"),
        ({"learning_rate": 0.1}, "learning_rate must be a list"),
        ({"learning_rate": [0.1, 0.0]}, "two positive numbers"),
        ({"incremental": {"patience": 0}}, "patience must be 1 or more"),
        ({"initial_weights": "nowhere.h5"}, "there is no file"),
        ({"scheme": 3}, "scheme must be a text"),
        ({"block": [48, "48", 48]}, "multiples of 16"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(content, message, tmp_path):
    whole = {"manifest": "cohort.csv", **content} if content and isinstance(content, dict) else content
    with pytest.raises(InputError, match=message):
        config_from(whole, tmp_path)


@pytest.mark.parametrize("scheme", ["incremental", "single"])
def test_the_paper_s_numbers_are_the_defaults_of_its_scheme(scheme, tmp_path):
    config = config_from({"manifest": "c.csv", "scheme": scheme}, tmp_path)
    assert config.network == "vxm2" and config.flow_resolution == "half" and config.leaky_slope == 0.5
    assert config.clip_norm == 0 and not config.centred_first_layer and config.block == (256, 160, 160)
    assert config.incremental.deformations == 30 and config.incremental.patience == 20
    loss = config.loss
    assert (loss.ncc, loss.diffusion, loss.end_point, loss.inverse_consistency, loss.expected_error) == (1, 1, 0, 0, 0)
    assert config_from({"manifest": "c.csv", "scheme": scheme, "leaky_slope": 0.2}, tmp_path).leaky_slope == 0.2
    assert config_from({"manifest": "c.csv"}, tmp_path) == TrainingConfig((tmp_path / "c.csv").resolve())


def test_lambda_weighs_the_field_on_the_input_s_voxels(nn_stepper):
    """A field that grows by 0.2 voxels from voxel to voxel along one axis: 0.04 / 9, however coarse it is stored."""
    from LongitudinalRegistrationLib.training.config import LossOptions

    images, truth = np.zeros((1, 32, 32, 32, 2), np.float32), np.zeros((1, 32, 32, 32, 4), np.float32)
    found = []
    for spacing in (1, 2):
        places = spacing * np.arange(32 // spacing, dtype=np.float32) + 0.5 * (spacing - 1)
        flow = np.zeros((1, *3 * (len(places),), 3), np.float32)
        flow[..., 0] = 0.2 * places
        model = nn_stepper.TrainingModel(None, LossOptions(end_point=0.0, diffusion=1.0, expected_error=0.0))
        found.append(float(model.compute_loss(images, truth, [(nn_stepper.ops.convert_to_tensor(flow), None)])))
    assert found[0] == pytest.approx(0.04 / 9, rel=1e-4)
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_gradients_are_clipped_where_that_is_asked_for(nn_stepper):
    import keras
    from LongitudinalRegistrationLib.training.config import LossOptions

    network = keras.Sequential([keras.Input((16, 16, 16, 2)), keras.layers.Conv3D(3, 1)])
    clips = [nn_stepper.Stepper(network, LossOptions(), norm).optimizer.clipnorm for norm in (0.0, 0.5)]
    assert clips == [None, 0.5]


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
        ("patient,time_point,image\na,1,c.csv\na,1.0,d\n", "line 3: patient a has time point 1.0 in line 2 too"),
        ("patient,time_point,image\na,1,c.csv\nb,1,c.csv\n", "line 3: the image is that of line 2 too"),
        ("patient,time_point,image\na,28.02.2021,c.csv\n", "line 2: '28.02.2021' is no time point"),
        ("patient,time_point,image\na,nan,c.csv\n", "line 2: 'nan' is no time point"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(text, message, tmp_path):
    (tmp_path / "c.csv").write_text(text)
    (tmp_path / "d").touch()
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "c.csv")


def test_time_points_sort_by_number_or_date(tmp_path):
    for name in "1234":
        (tmp_path / name).touch()
    (tmp_path / "c.csv").write_text("patient,time_point,image\nb,10,1\nb,2,2\na,2021-03-01,3\na,2020-12-01,4\n")
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


def test_only_a_patient_s_first_time_points_take_part_where_that_is_asked_for():
    folds = splits(cohort(12, 5), TrainingConfig(Path("c.csv"), folds=4, time_points=2))
    for fold in folds:
        assert len(fold.train) == 18 and len(fold.test) == 6
        assert {entry.time_point for part in (fold.train, fold.test) for entry in part} == {"1", "2"}
    assert not TrainingConfig(Path("c.csv"), time_points=-1).isValid()[0]


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


@pytest.fixture(scope="module")
def nn_stepper():
    from LongitudinalRegistrationLib.methods.network.keras_passes import quiet_tensorflow

    quiet_tensorflow()
    from LongitudinalRegistrationLib.training import stepper

    return stepper


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


class ScriptedStepper:
    """Weights that are one number, and validation losses that are a function of it."""

    def __init__(self, losses):
        self.value, self.losses, self.rates = 0.0, losses, []

    def weights(self):
        return [np.array(self.value)]

    def set_weights(self, values):
        self.value = float(values[0])

    def optimizer_state(self):
        return [np.array(7.0)]

    def set_optimizer_state(self, values):
        assert float(values[0]) == 7.0

    def step(self, images, truth, rate):
        self.value += 1.0
        self.rates.append(rate)
        return {"loss": -self.value, "error": 1.0}

    def evaluate(self, images, truth):
        return {"loss": self.losses(self.value), "error": 1.0}


def scripted_run(losses, ellipsoid, folder, volumes=2, **options):
    """The incremental scheme on scripted losses: one step an epoch; its result and the weights it ends with."""
    incremental = {"deformations": 1, "validation_deformations": 2, "validation_steps": 1, "patience": 3, **options}
    content = {"manifest": "c.csv", "scheme": "incremental", "epoch_steps": 1, "block": [16, 16, 16]}
    config = config_from({**content, "incremental": incremental}, folder)
    stepper = ScriptedStepper(losses)
    split = Split("all", cohort(1, volumes), (), ())
    result = IncrementalTraining(stepper, split, lambda entry: ellipsoid, folder, config).run()
    return result["iterations"], stepper.value


def test_an_iteration_ends_with_its_best_weights_after_its_patience(ellipsoid, tmp_path):
    records, value = scripted_run(lambda v: abs(v - 4.0), ellipsoid, tmp_path, volumes=1)
    assert records[0]["converged"] and records[0]["best_validation"]["loss"] == 0.0
    assert records[0]["epochs"] == 4 + 3 and value == 4.0
    assert records[0]["best_training"]["loss"] == -7.0


def test_an_iteration_that_never_gets_better_leaves_the_weights(ellipsoid, tmp_path):
    records, value = scripted_run(lambda v: v, ellipsoid, tmp_path)
    assert [record["converged"] for record in records] == [False, False] and value == 0.0
    assert [record["epochs"] for record in records] == [3, 3]


def test_each_iteration_begins_where_the_last_one_was_best(ellipsoid, tmp_path):
    records, value = scripted_run(lambda v: -v, ellipsoid, tmp_path, most_epochs=2)
    assert [record["start_validation"]["loss"] for record in records] == [0.0, -2.0] and value == 4.0


def test_a_loss_that_is_no_number_ends_the_iteration_and_is_not_kept(ellipsoid, tmp_path):
    stepper_losses = iter([1.0, 0.5, float("nan")] + [float("nan")] * 10)
    records, value = scripted_run(lambda v: next(stepper_losses), ellipsoid, tmp_path, volumes=1)
    assert value == 1.0 and records[0]["best_validation"]["loss"] == 0.5


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
    with pytest.MonkeyPatch.context() as patch:
        score_the_middle(patch)
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
        assert set(result["monitored_on"]) == set(result["test_scores"]) == set(result["test"])
        for scores in result["test_scores"].values():
            assert 0 < scores["delta 8 mm"]["dsc"][0] < 1 and scores["delta 8 mm"]["end_point_error_mm"][0] > 1
        assert (paper_run / fold / "best.weights.h5").stat().st_size > 1e6
        assert len(rows_of(paper_run / fold / "log.csv")) == 4


def test_what_is_finished_is_not_done_again(paper_run, capsys):
    before = (paper_run / "fold1" / "best.weights.h5").stat().st_mtime_ns
    assert main(["train", "--resume", str(paper_run), "--json"]) == 0
    assert (paper_run / "fold1" / "best.weights.h5").stat().st_mtime_ns == before
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert [split["split"] for split in result["splits"]] == ["fold1", "fold2"]


def test_the_figures_of_a_run(paper_run, tmp_path):
    from LongitudinalRegistrationLib.experiments.training_figures import plot_run

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
    options = {
        "scheme": "pooled",
        "learning_rate": [0.03, 0.03],
        "pooled": {"steps": 24, "validation_pairs": 2},
        "loss": {"end_point": 1.0},
    }
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
    assert np.ptp(expected[:, 1]) > 0.02 * expected[0, 1], "a run that does not learn shows nothing"
    assert not list(broken.rglob(".longct-*"))


class Stopped(Exception):
    """The run is stopped from outside."""


def test_a_stopped_incremental_run_goes_on_in_the_middle_of_a_volume(paper_run, phantom_cohort, tmp_path):
    told = []

    def stop_at_the_third_epoch(text, part):
        told.append(text)
        if sum("epoch" in line for line in told) == 3:
            raise Stopped

    begin(read_config(phantom_cohort / "paper.json"), tmp_path / "run")
    with pytest.raises(Stopped):
        train(tmp_path / "run", stop_at_the_third_epoch)
    position, _ = checkpoint.load(tmp_path / "run" / "fold1")
    assert position["iteration"] == 1 and position["epoch"] == 0

    def stop_after_the_first_fold(text, part):
        if len(rows_of(tmp_path / "run" / "fold1" / "log.csv")) == 4:
            raise Stopped

    with pytest.raises(Stopped):
        train(tmp_path / "run", stop_after_the_first_fold)
    logs = [losses(run / "fold1" / "log.csv") for run in (paper_run, tmp_path / "run")]
    np.testing.assert_allclose(logs[1], logs[0], rtol=2e-3)


def test_a_run_does_not_go_on_with_another_cohort(phantom_cohort, tmp_path):
    lines = (phantom_cohort / "cohort.csv").read_text().splitlines()
    folder = tmp_path / "cohort"
    folder.mkdir()
    entries = read_manifest(phantom_cohort / "cohort.csv")
    rows = [f"{e.patient},{e.time_point},{e.image}" for e in entries]
    (folder / "cohort.csv").write_text("\n".join(["patient,time_point,image", *rows]) + "\n")
    begin(read_config(write_config(folder, "c", folds=2)), tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "splits.json").read_text())
    config = TrainingConfig(Path("c.csv"), folds=2)
    assert kept == splits_content(splits(entries, config)) and len(lines) == 5
    (folder / "cohort.csv").write_text("\n".join(["patient,time_point,image", *rows[:-1]]) + "\n")
    with pytest.raises(InputError, match="is not the one that this run began with"):
        train(tmp_path / "run")


def test_a_cohort_with_an_unreadable_scan_is_refused_by_name(phantom_cohort, tmp_path):
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    (tmp_path / "cohort.csv").write_text("patient,time_point,image\nA,1,bad.nii.gz\n")
    with pytest.raises(InputError, match="A, 1: .*bad.nii.gz cannot be read"):
        begin(read_config(write_config(tmp_path, "c")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def trained_in(compute, config, out, capsys):
    """Train; whether it did. In bfloat16 a processor may be one whose gradients are wrong, which must be said then."""
    code = main(["train", "--config", str(config), "--out", str(out), "--json"])
    said = capsys.readouterr().err
    refused = compute == "bfloat16" and code == 2 and "are wrong on this processor" in said
    assert refused or code == 0, said
    return not refused


def test_a_run_in_bfloat16_trains_where_the_gradients_are_right(phantom_cohort, tmp_path, capsys):
    options = {
        "scheme": "pooled",
        "compute": "bfloat16",
        "pooled": {"steps": 3, "validation_pairs": 1},
        "loss": {"end_point": 1.0},
    }
    config = write_config(phantom_cohort, "rounded", **options)
    if trained_in("bfloat16", config, tmp_path / "run", capsys):
        (row,) = rows_of(tmp_path / "run" / "all" / "log.csv")
        assert np.isfinite(float(row["loss"])) and float(row["error_voxels"]) > 0


@pytest.fixture
def one_by_one():
    """TensorFlow runs what it is told at once, without tracing: faster, for a few steps of a large network."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("one_by_one")
def test_the_default_network_trains_with_every_part_of_the_loss(phantom_cohort, tmp_path, capsys):
    train_the_default_network("float32", phantom_cohort, tmp_path, capsys)


@pytest.mark.slow
def test_the_default_network_trains_traced_and_in_bfloat16(phantom_cohort, tmp_path, capsys):
    train_the_default_network("bfloat16", phantom_cohort, tmp_path, capsys)


def train_the_default_network(compute, phantom_cohort, tmp_path, capsys):
    options = {
        "network": "lkpyramid",
        "scheme": "pooled",
        "block": [16, 16, 16],
        "validation_patients": ["P22"],
        "compute": compute,
        "pooled": {"steps": 3, "validation_pairs": 1},
        "loss": {"end_point": 1.0, "ncc": 0.1, "diffusion": 0.1, "inverse_consistency": 0.1},
    }
    config = write_config(phantom_cohort, "ours", **options)
    if not trained_in(compute, config, tmp_path / "run", capsys):
        return
    (row,) = rows_of(tmp_path / "run" / "all" / "log.csv")
    assert np.isfinite(float(row["loss"])) and float(row["error_voxels"]) > 0

    from LongitudinalRegistrationLib.methods.network.model_store import find_model
    from LongitudinalRegistrationLib.training.ship import card_of, ship

    notes = {"what_it_is": "a test", "data": [], "held_out": [], "command": "longct train"}
    card = card_of(tmp_path / "run", notes, None)
    assert card["steps"] == 3 and card["largest_displacement_mm"] == 26.0 and card["grid"]["size"] == [80, 80, 128]
    assert "/" not in card["options"]["manifest"]
    ship(tmp_path / "run", notes, {"x": 1}, tmp_path)
    model = find_model("lkpyramid", tmp_path)
    assert model.card["scores"] == {"x": 1} and model.spacing_mm == 4.0
