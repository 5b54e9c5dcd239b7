"""The paper's experiments: which trials they make, what is made of their rows, one of them run from end to end."""

import csv
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.cohort.cluster import ClusterOptions
from LongitudinalRegistrationLib.cohort.task import Record
from LongitudinalRegistrationLib.experiments.paper import trial as trials_module
from LongitudinalRegistrationLib.experiments.paper.dealing import complete_rows
from LongitudinalRegistrationLib.experiments.paper.options import PaperOptions
from LongitudinalRegistrationLib.experiments.paper.page import write_page
from LongitudinalRegistrationLib.experiments.paper.plots import save
from LongitudinalRegistrationLib.experiments.paper.run import run_experiment
from LongitudinalRegistrationLib.experiments.paper.schemes import folds_outcome, folds_trials
from LongitudinalRegistrationLib.experiments.paper.statistics import summary, wilcoxon
from LongitudinalRegistrationLib.experiments.paper.sweep import sweep_outcome, sweep_trials
from LongitudinalRegistrationLib.experiments.paper.table_removal import table_removal_outcome, table_removal_trials
from LongitudinalRegistrationLib.experiments.paper.times import times_outcome
from LongitudinalRegistrationLib.experiments.paper.training_curve import curve_outcome
from LongitudinalRegistrationLib.training.manifest import Entry
from scipy.ndimage import binary_dilation
from TableRemovalLib.errors import InputError

STEPS = ("before", "after")
PATIENTS = tuple(
    Entry(f"P{n}", str(time), Path(f"p{n}_{time}"), split=f"fold{n % 4 + 1}") for n in range(12) for time in (1, 2)
)


def test_a_test_is_paired_and_leaves_out_what_is_not_known():
    assert wilcoxon([1, 2, 3, 4, 5, None], [1.5, 2.6, 3.7, 4.8, 5.9, 7]).p == pytest.approx(0.0625)
    assert wilcoxon([1, 2], [1, 2]).p == 1.0 and not wilcoxon([1, 2], [1, 2]).significant
    assert wilcoxon(range(8), np.arange(8) + 1).significant and wilcoxon([None], [1]).n == 0
    assert summary([None, float("nan")]).n == 0 and summary([2.0, 4.0]).deviation == pytest.approx(2**0.5)


def test_what_is_less_than_in_the_paper_is_said():
    assert PaperOptions().reduction("fig7", 12) == "" == PaperOptions().reduction("fig11", 12)
    words = PaperOptions(fields=5, step_mm=5.0, niftyreg_spacing_mm=4.0).reduction("fig11", 3)
    assert words == (
        "5 random fields a step instead of 30; 3 patients instead of 12; steps of 5 mm instead of 1; "
        "NiftyReg on voxels of 4 mm instead of 2"
    )
    assert not PaperOptions(methods=("elastix",)).isValid()[0] and not PaperOptions(step_mm=0).isValid()[0]
    assert not PaperOptions(runs={"best": Path()}).isValid()[0]


def test_figure_7_has_50_fields_in_all_conditions():
    trials = table_removal_trials(PATIENTS, PaperOptions())
    conditions = Counter((t.method, t.shift_mm, t.refined) for t in trials)
    assert len(conditions) == 8 and set(conditions.values()) == {50}
    assert {t.delta_mm for t in trials} == {5.0} and {t.scan for t in trials} == {f"P{n}, 1" for n in range(12)}
    fields = {t.field: t.scan for t in trials}
    assert len(fields) == 50 and all(fields[t.field] == t.scan for t in trials)


def write_splits(run, first):
    """A training run's folds: three patients each, from a first one on."""
    run.mkdir()
    folds = {
        f"fold{n + 1}": {"train": [], "validation": [], "test": [f"P{(first + 3 * n + m) % 12}, 1" for m in range(3)]}
        for n in range(4)
    }
    (run / "splits.json").write_text(json.dumps(folds))
    return run


def test_figure_9_tests_every_patient_by_the_network_that_did_not_see_him(tmp_path):
    runs = {"single": write_splits(tmp_path / "s", 1), "incremental": write_splits(tmp_path / "i", 1)}
    trials = folds_trials(PATIENTS, PaperOptions(runs=runs, fields=6))
    assert Counter(t.split for t in trials) == {f"fold{n}": 6 * 4 for n in (1, 2, 3, 4)}
    for trial in trials:
        assert trial.split == f"fold{(int(trial.patient[1:]) - 1) % 12 // 3 + 1}"
        if trial.group in runs:
            assert trial.method == str((runs[trial.group] / trial.split).resolve())
    sweep = sweep_trials(PATIENTS, PaperOptions(runs=runs, fields=12, step_mm=25.0))
    assert len(sweep) == 2 * 12 * 4
    assert {t.method for t in sweep if t.patient == "P0" and t.group == "single"} == {str(runs["single"] / "fold4")}


def test_without_runs_the_manifest_s_splits_are_the_folds_and_the_shipped_network_is_the_incremental_one():
    trials = folds_trials(PATIENTS, PaperOptions(fields=1))
    assert {(t.group, t.method) for t in trials} == {
        *(("incremental", "vxm2"), ("default", "default"), ("niftyreg", "niftyreg"))
    }
    assert {t.split for t in trials} == {"fold1", "fold2", "fold3", "fold4"}


def test_runs_that_do_not_fit_are_refused(tmp_path):
    runs = {"single": write_splits(tmp_path / "s", 1), "incremental": write_splits(tmp_path / "i", 2)}
    with pytest.raises(InputError, match="other folds than each other"):
        folds_trials(PATIENTS, PaperOptions(runs=runs))
    with pytest.raises(InputError, match="leaves out patient Q"):
        folds_trials((Entry("Q", "1", Path("q")),), PaperOptions(runs={"single": runs["single"]}))
    with pytest.raises(InputError, match="holds no training run"):
        folds_trials(PATIENTS, PaperOptions(runs={"single": tmp_path}))


def test_figure_11_goes_from_0_to_25_mm_with_30_fields_a_step():
    trials = sweep_trials(PATIENTS, PaperOptions(methods=("default",)))
    counts = Counter(t.delta_mm for t in trials)
    assert sorted(counts) == [float(n) for n in range(26)] and set(counts.values()) == {30}
    assert len({(t.delta_mm, t.field) for t in trials}) == 26 * 30
    assert len(sweep_trials(PATIENTS, PaperOptions(fields=2, step_mm=12.5, patients=1))) == 3 * 2 * 3
    few = sweep_trials(PATIENTS, PaperOptions(methods=("default",), fields=1, step_mm=5.0))
    assert len({t.patient for t in few}) == len(few) == 6  # the steps go round the patients


def test_what_one_method_has_failed_on_is_left_out_for_all():
    """Else the values of two methods would be paired by their places, and belong to different fields."""
    trials = folds_trials(PATIENTS, PaperOptions(fields=2))
    failed = [t.group == "niftyreg" and t.field == 3 for t in trials]
    assert sum(failed) == 1
    kept = complete_rows(trials, [Record("", "", "failed" if bad else "done", {}, "no" * bad) for bad in failed])
    fields = {group: [row["field"] for row in kept if row["group"] == group] for group in ("default", "niftyreg")}
    assert fields["default"] == fields["niftyreg"] == [0, 1, 2, 4, 5, 6, 7]


def rows(**columns):
    """Rows of which every column is a list or one value."""
    count = max(len(value) for value in columns.values() if isinstance(value, list))
    return [{k: v[n] if isinstance(v, list) else v for k, v in columns.items()} for n in range(count)]


def removal_rows(refined, gain):
    values = [0.8 + 0.01 * n + gain for n in range(10)]
    scores = {f"{m}_{s}": values for m in ("dsc", "ssim", "end_point_error_mm") for s in ("before", "after")}
    return rows(group="vxm2", shift_mm=0.0, refined=refined, **scores)


def test_figure_7_compares_original_and_refined_scans(tmp_path):
    outcome = table_removal_outcome(removal_rows(False, 0.0) + removal_rows(True, 0.05), PaperOptions())
    row = next(row for row in outcome.table if row["measure"] == "DSC")
    assert (row["n"], row["original"], row["refined"]) == (10, "0.845 ± 0.030", "0.895 ± 0.030")
    assert row["p"] == "0.0020 *" and "n = 10" in row["test"]
    svg, png = save(outcome, tmp_path / "fig7")
    assert "<svg" in svg.read_text() and png.read_bytes()[:4] == b"\x89PNG"


def test_figure_11_tests_every_step_and_all_together(tmp_path):
    parts = []
    for group, gain in (("default", 0.02), ("niftyreg", 0.0)):
        deltas = [0.0] * 4 + [25.0] * 4
        scores = {f"{m}_{s}": [0.8 + 0.01 * n + gain for n in range(8)] for m in ("ncc", "dsc", "ssim") for s in STEPS}
        parts += rows(group=group, delta_mm=deltas, **scores)
    outcome = sweep_outcome(parts, PaperOptions())
    found = [(row["delta, mm"], row["n"], row["p"]) for row in outcome.table if row["measure"] == "DSC"]
    assert found == [("0", 4, "0.1250"), ("25", 4, "0.1250"), ("all", 8, "0.0078 *")]
    save(outcome, tmp_path / "fig11")


def test_table_1_says_how_many_times_as_long():
    quiet = {"threads": 2, "cores": 2, "load": [1.5, 1.9]}
    busy = {**quiet, "load": [9.0, 13.0]}
    found = times_outcome(
        rows(group="vxm2", seconds=[0.5, 0.5], **quiet) + rows(group="niftyreg", seconds=[100.0, 50.0], **busy),
        PaperOptions(),
    )
    assert found.notes == (
        "2 threads on a machine of 2 cores, whose load was 1.5 to 13.0: it was busy with other work, so the seconds "
        "are upper limits.",
    )
    alone = times_outcome(rows(group="vxm2", seconds=[0.5, 0.5], **quiet), PaperOptions())
    assert alone.notes == ("2 threads on a machine of 2 cores, whose load was 1.5 to 1.9.",)
    assert found.table[0]["NiftyReg takes"] == "150 times as long" and found.table[1]["seconds"] == "75.00 ± 35.36"


def test_figure_9_puts_the_published_numbers_beside_ours():
    parts = []
    for group, gain in (("incremental", 0.0), ("niftyreg", 0.05)):
        values = [0.85 + 0.01 * n + gain for n in range(6)]
        scores = {f"{m}_{s}": values for m in ("dsc", "ssim") for s in ("before", "after")}
        parts += rows(group=group, split=["fold1", "fold2"] * 3, **scores)
    table = folds_outcome(parts, PaperOptions()).table
    assert [row["paper"] for row in table if row["measure"] == "DSC"] == ["0.929 ± 0.037", "0.988 ± 0.003"]
    assert table[0]["against"] == "–" and table[2]["against"] == "incremental" and table[2]["p"] == "0.0312 *"


def write_iterations(run, losses):
    """A training run: fold to the validation losses of its iterations, the first one before any training."""
    for fold, (start, *found) in losses.items():
        (run / fold).mkdir(parents=True)
        iterations = [
            {
                "iteration": n + 1,
                "start_validation": {"loss": start},
                "best_training": {"loss": loss - 0.1},
                "best_validation": {"loss": loss},
                "converged": True,
            }
            for n, loss in enumerate(found)
        ]
        (run / fold / "result.json").write_text(json.dumps({"iterations": iterations}))


def test_figure_8_is_drawn_from_the_iterations_of_a_run(tmp_path):
    """One fold has a volume more than the others; from six folds on a test can find something."""
    folds = {f"fold{n}": [-0.3, -0.4 - 0.01 * n, -0.5 - 0.02 * n] for n in range(6)}
    write_iterations(tmp_path, {**folds, "fold0": [-0.3, -0.4, -0.5, -0.6]})
    table = curve_outcome(tmp_path).table
    assert [(row["iteration"], row["n"]) for row in table] == [(1, 6), (2, 6), (3, 1)]
    assert table[0]["best validation"] == "0.4250 ± 0.0187" and table[0]["best training"] == "0.5250 ± 0.0187"
    assert table[0]["before training"] == "0.3000 ± 0.0000" and table[1]["p"] == "0.0312 *"
    save(curve_outcome(tmp_path), tmp_path / "fig8")
    with pytest.raises(InputError, match="no iterations"):
        curve_outcome(tmp_path / "fold1")


@pytest.fixture(scope="module")
def finished(phantom_pair, tmp_path_factory):
    """Table 1 with one method and one field, on a worker of a cluster that is there; the folder of the results."""
    from distributed import LocalCluster
    from LongitudinalRegistrationLib.system.parallel import bound_threads

    folder = tmp_path_factory.mktemp("experiment")
    scan = phantom_pair.baseline
    sitk.WriteImage(scan.image, str(folder / "scan.nii.gz"))
    sitk.WriteImage(scan.vertebrae, str(folder / "labels.nii.gz"))
    (folder / "manifest.csv").write_text("patient,time_point,image,labels\nP,1,scan.nii.gz,labels.nii.gz\n")
    place = {"processes": False, "protocol": "tcp://", "host": "127.0.0.1", "dashboard_address": None}
    with LocalCluster(n_workers=1, threads_per_worker=1, **place) as cluster:
        where = ClusterOptions(scheduler=cluster.scheduler_address, threads=2)
        options = PaperOptions(fields=1, methods=("lkpyramid",))
        found = run_experiment("table1", folder / "manifest.csv", folder / "out", options, where)
    bound_threads(None)
    return found, folder / "out"


def test_an_experiment_gives_table_rows_and_figure(finished):
    found, folder = finished
    assert found.failed == 0 and found.outcome.table[0]["n"] == 1
    assert {path.name for path in found.files} == {f"table1.{end}" for end in ("svg", "png", "parquet", "csv", "json")}
    with open(folder / "table1.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    for measure, better in (("dsc", 1), ("ssim", 1), ("ncc", 1), ("end_point_error_mm", -1)):
        assert better * float(row[f"{measure}_after"]) > better * float(row[f"{measure}_before"])
    assert float(row["end_point_error_mm_after"]) < 1.5 and "image" not in row


def test_times_are_taken_by_one_worker_with_all_cores(tmp_path, monkeypatch):
    """The cluster is not started."""
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkInt16), str(tmp_path / "scan.nii.gz"))
    (tmp_path / "manifest.csv").write_text("patient,time_point,image\nP,1,scan.nii.gz\n")
    asked = []

    def not_started(cluster):
        asked.append(cluster)
        raise InputError("not started")

    monkeypatch.setattr("LongitudinalRegistrationLib.experiments.paper.run.connect", not_started)
    for name, given in (("table1", {}), ("fig7", {}), ("table1", {"workers": 2})):
        with pytest.raises(InputError, match="not started"):
            run_experiment(name, tmp_path / "manifest.csv", tmp_path, PaperOptions(fields=1), ClusterOptions(**given))
    assert [cluster.workers for cluster in asked] == [1, None, 2]


def test_the_table_stays_where_it_was_while_the_patient_moves(finished):
    """Of the simulated follow-up that was made last: what a method sees of the original scan."""
    made, scan = (next(iter(kept.values())) for kept in (trials_module._follow_up, trials_module._scan))
    table = ~binary_dilation((made.body > 0) | (scan.body > 0), iterations=5) & (scan.original > 0.2)
    assert table.sum() > 1000
    np.testing.assert_allclose(made.with_table[table], scan.original[table], atol=0.01)
    assert np.abs(made.fixed[table]).mean() < 0.01
    assert np.abs(made.with_table - made.fixed)[made.body > 0].mean() < 0.01


def test_the_page_has_a_section_and_the_figures(finished, tmp_path):
    remarks = {"table1": "as in the paper.", "fig7": "not shown, as it was not run."}
    page = write_page(finished[1], tmp_path / "evaluation.md", "one small phantom.", remarks).read_text()
    assert "Here: as in the paper." in page and "not shown" not in page
    assert "## Table 1" in page and "about 300 times" in page and "| lkpyramid, alone | 1 |" in page
    assert "1 random field instead of 50" in page and "whose load was" in page
    assert "`longct evaluate --experiment table1 --manifest cohort/manifest.csv --out results`" in page
    assert "here with `--fields 1 --methods lkpyramid`." in page and "Not run here: slices, fig7" in page
    assert (tmp_path / "pictures" / "evaluation" / "table1.png").exists()
    with pytest.raises(InputError, match="has no experiment"):
        write_page(tmp_path, tmp_path / "evaluation.md", "")


def test_example_slices_are_taken_of_one_place(phantom_folder, tmp_path, monkeypatch):
    """Of two scans with different extents; the registration itself is left out, and stands where the follow-up is."""
    from LongitudinalRegistrationLib.cohort.pairs import pairs_of
    from LongitudinalRegistrationLib.experiments.paper import slices

    def as_they_are(fixed, moving, options):
        field = sitk.Image(fixed.GetSize(), sitk.sitkVectorFloat32, 3)
        field.CopyInformation(fixed)
        return SimpleNamespace(
            registered=sitk.Resample(moving, fixed, sitk.Transform(), sitk.sitkLinear, -1000), dvf=field
        )

    monkeypatch.setattr(slices, "register", as_they_are)
    entries = [Entry("P", str(n), phantom_folder / f"{name}.nii.gz") for n, name in enumerate(("baseline", "followup"))]
    found = slices.slices_outcome(pairs_of(entries)[0])
    assert list(found) == ["fig1", "fig2", "fig5", "fig6"]
    for name in ("fig1", "fig6"):
        assert save(found[name], tmp_path / name)[1].stat().st_size > 20_000


def test_figure_10_compares_before_and_after_by_patient(phantom_pair, tmp_path):
    """Two follow-ups of a patient, slabs of a phantom, by the default method on a cluster that is there."""
    from distributed import LocalCluster
    from LongitudinalRegistrationLib.system.parallel import bound_threads

    rows = ["patient,time_point,image,labels"]
    for number, (scan, first) in enumerate(
        ((phantom_pair.baseline, 20), *((phantom_pair.followup, n) for n in (20, 21)))
    ):
        for kind, image in (("scan", scan.image), ("labels", scan.vertebrae)):
            sitk.WriteImage(image[:, :, first : first + 16], str(tmp_path / f"{kind}{number}.nii.gz"))
        rows.append(f"P,{number},scan{number}.nii.gz,labels{number}.nii.gz")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    place = {"processes": False, "protocol": "tcp://", "host": "127.0.0.1", "dashboard_address": None}
    with LocalCluster(n_workers=1, threads_per_worker=1, **place) as cluster:
        where = ClusterOptions(scheduler=cluster.scheduler_address, threads=2)
        options = PaperOptions(methods=("default",))
        found = run_experiment("fig10", tmp_path / "manifest.csv", tmp_path / "out", options, where)
    bound_threads(None)
    assert found.failed == 0 and {row["patient"] for row in found.outcome.table} == {"P", "all"}
    for row in found.outcome.table:
        assert row["n"] == 2 and float(row["after"].split(" ")[0]) > float(row["before"].split(" ")[0])
    assert (tmp_path / "out" / "fig10.png").exists()


def test_a_run_s_network_has_the_flow_resolution_that_it_was_trained_with(tmp_path):
    from LongitudinalRegistrationLib.experiments.paper.solvers import model_of_run

    split = tmp_path / "fold1"
    split.mkdir()
    (split / "best.weights.h5").write_bytes(b"weights")
    known = {"network": "vxm2", "leaky_slope": 0.2, "simulator": {"delta_mm": 11.0}}
    for content, resolution in ((known, "half"), ({**known, "flow_resolution": "full"}, "full")):
        (tmp_path / "config.json").write_text(json.dumps(content), encoding="utf-8")
        assert model_of_run(split).options["flow_resolution"] == resolution
