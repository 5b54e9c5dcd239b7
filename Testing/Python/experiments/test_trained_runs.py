"""Training runs that the experiments take networks from: nobody is tested who was trained on, and what was reduced."""

import json
from pathlib import Path

import pytest
from LongitudinalRegistrationLib.experiments.paper.options import PaperOptions
from LongitudinalRegistrationLib.experiments.paper.schemes import folds_trials
from LongitudinalRegistrationLib.experiments.paper.sweep import sweep_trials
from LongitudinalRegistrationLib.experiments.paper.trained_runs import run_reduction
from LongitudinalRegistrationLib.training.config import config_from
from LongitudinalRegistrationLib.training.folds import splits
from LongitudinalRegistrationLib.training.manifest import Entry
from LongitudinalRegistrationLib.training.session import splits_content
from TableRemovalLib.errors import InputError

COHORT = tuple(Entry(f"P{n}", str(time), Path(f"p{n}_{time}")) for n in range(12) for time in (1, 2, 3))
REDUCED = {
    "time_points": 1,
    "initial_weights": "start.weights.h5",
    "leaky_slope": 0.2,
    "clip_norm": 1.0,
    "block": [48, 48, 48],
    "epoch_steps": 20,
    "incremental": {"validation_steps": 10, "most_epochs": 1},
}


def write_run(folder, scheme, **options):
    """The files that a training run begins with; the weights that it began with are no longer there."""
    (folder / scheme).mkdir(parents=True)
    (folder / "start.weights.h5").touch()
    config = config_from({"manifest": "c.csv", "scheme": scheme, "folds": 4, **options}, folder)
    (folder / scheme / "config.json").write_text(json.dumps(config.content()))
    (folder / scheme / "splits.json").write_text(json.dumps(splits_content(splits(COHORT, config))))
    (folder / "start.weights.h5").unlink()
    return folder / scheme


@pytest.mark.parametrize("trials_of", [folds_trials, sweep_trials])
def test_no_network_is_tested_on_a_patient_that_it_was_trained_on(tmp_path, trials_of):
    runs = {scheme: write_run(tmp_path, scheme, **REDUCED) for scheme in ("single", "incremental")}
    trials = trials_of(COHORT, PaperOptions(fields=12, step_mm=25.0, runs=runs))
    assert {trial.patient for trial in trials} == {entry.patient for entry in COHORT}
    for trial in (trial for trial in trials if trial.group in runs):
        run, fold = Path(trial.method).parent, Path(trial.method).name
        trained = json.loads((run / "splits.json").read_text())[fold]["train"]
        assert len(trained) == 9 and not any(name.startswith(f"{trial.patient},") for name in trained)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_run_that_has_seen_whom_it_leaves_out_is_refused(tmp_path, part):
    run = write_run(tmp_path, "single")
    content = json.loads((run / "splits.json").read_text())
    seen = content["fold2"]["test"][0]
    content["fold2"][part].append(seen)
    (run / "splits.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"fold2 .* on patient {seen.split(',')[0]}"):
        folds_trials(COHORT, PaperOptions(runs={"single": run}))


def test_what_a_run_did_less_than_the_paper_is_said(tmp_path):
    assert run_reduction(write_run(tmp_path / "whole", "incremental")) == ""
    assert run_reduction(write_run(tmp_path / "reduced", "incremental", **REDUCED)) == (
        "the incremental networks: began with start.weights.h5, saw the first scan of each patient only, blocks of "
        "96 x 96 x 96 mm instead of whole scans and 1 epoch of 20 steps a volume instead of until 20 epochs are no "
        "better; slope 0.2 and gradients clipped at 1, which the paper does not have"
    )
    single = run_reduction(write_run(tmp_path / "reduced", "single", **REDUCED))
    assert "first scan" not in single and "blocks of 96" in single  # of one volume, the first scans are all
