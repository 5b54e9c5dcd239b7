"""A cohort on a real scheduler with real workers: one of them is killed, one pair is broken; then it goes on."""

import csv
import json
import os
import signal

import dask
import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.cli.task_bar import TaskBar
from LongitudinalRegistrationLib.cohort import run
from LongitudinalRegistrationLib.cohort.cluster import ClusterOptions, connect
from LongitudinalRegistrationLib.cohort.run import run_cohort
from LongitudinalRegistrationLib.system.parallel import bound_threads
from small_cohort import BROKEN, OPTIONS, write_cohort
from TableRemovalLib.errors import InputError


@pytest.fixture(scope="module")
def source(phantom_pair, tmp_path_factory):
    """The folder of the scans, and what the broken one should be."""
    folder = tmp_path_factory.mktemp("scans")
    return folder, write_cohort(phantom_pair, folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def first_run(source, results):
    """A run on two workers, of which one is killed at its second task; and what was told of its progress."""
    from distributed import default_client

    told, killed = [], []

    def progress(done, total, failed):
        told.append((done, total, failed))
        if done and not killed:
            client = default_client()
            busy = next(worker for worker, tasks in client.processing().items() if tasks)
            killed.append(client.run(os.getpid, workers=[busy])[busy])
            os.kill(killed[0], signal.SIGKILL)

    before = dict(os.environ)
    result = run_cohort(source[0] / "manifest.csv", results, OPTIONS, ClusterOptions(workers=2), progress=progress)
    changed = {name for name in os.environ.keys() | before.keys() if os.environ.get(name) != before.get(name)}
    return result, told, changed


def test_a_killed_worker_s_pairs_are_done_by_another(first_run):
    result, told, _ = first_run
    assert result.lost_workers == 1
    assert len({row["worker"] for row in result.rows}) >= 2
    assert [row["state"] for row in result.rows] == ["done"] * 5 + ["failed"]
    assert told[0] == (0, 6, 0) and told[-1] == (6, 6, 1)


def test_what_bounds_the_workers_threads_does_not_stay_with_the_caller(first_run):
    """Dask sets the variables of its workers in the caller, too; numba refuses to go on where its own has changed."""
    assert not {name for name in first_run[2] if "THREADS" in name}


def test_a_broken_pair_is_reported_and_does_not_stop_the_rest(first_run):
    row = first_run[0].rows[-1]
    assert row["error_kind"] == "input" and BROKEN in row["error"] and "damaged" in row["error"]
    assert row["dsc_after"] is None and first_run[0].failed == 1


def test_a_row_says_how_well_and_how_long(first_run):
    row = first_run[0].rows[0]
    assert (row["patient"], row["baseline"], row["follow_up"], row["split"]) == ("A", "0", "1", "fold1")
    assert row["method"] == "refinement" and row["ssim_after"] > row["ssim_before"] + 0.2
    assert row["dsc_after"] > row["dsc_before"] + 0.1
    assert row["end_point_error_mm_after"] < 0.5 * row["end_point_error_mm_before"]
    assert row["seconds"] > row["seconds_to_transform"] > 0 and row["peak_mb"] > 100


def test_tables_and_page_are_written(first_run, results):
    from pyarrow import parquet

    pairs = parquet.read_table(results / "pairs.parquet").to_pylist()
    assert pairs == first_run[0].rows
    assert (results / "pairs.csv").read_text().splitlines()[0].startswith("patient,baseline,follow_up")
    assert {row["name"] for row in parquet.read_table(results / "vertebrae.parquet").to_pylist()} >= {"L1"}
    page = (results / "index.html").read_text()
    assert page.count("<svg") >= 5 and "damaged" in page and "Failed</th><td>1<" in page
    assert (results / "pairs" / "A" / "1" / "transform.h5").exists()
    assert json.loads((results / "cohort.json").read_text())["options"]["method"] == "refinement"


def test_only_what_is_not_done_is_done_again(first_run, source, results, monkeypatch):
    """The broken scan is mended, one result is taken away: these two, and no other; then nothing at all."""
    folder, whole = source
    (folder / BROKEN).write_bytes(whole)
    taken, others = results / "pairs" / "A" / "2" / "transform.h5", results / "pairs" / "A" / "1" / "transform.h5"
    written = others.stat().st_mtime_ns
    taken.unlink()
    again = run_cohort(folder / "manifest.csv", results, OPTIONS, ClusterOptions(workers=1))
    assert again.done_now == 2 and again.failed == 0 and all(row["state"] == "done" for row in again.rows)
    assert taken.exists() and others.stat().st_mtime_ns == written
    monkeypatch.setattr(run, "connect", lambda cluster: pytest.fail("no worker is needed"))
    assert run_cohort(folder / "manifest.csv", results, OPTIONS, ClusterOptions()).done_now == 0


@pytest.fixture
def cluster():
    """A scheduler on loopback with a worker, as one that is there already."""
    from distributed import LocalCluster

    def start(threads):
        started.append(
            LocalCluster(
                n_workers=1,
                threads_per_worker=threads,
                processes=False,
                protocol="tcp://",
                host="127.0.0.1",
                dashboard_address=None,
            )
        )
        return started[-1].scheduler_address

    started = []
    yield start
    for each in started:
        each.close()
    bound_threads(None)


def test_a_cluster_that_is_there_already_is_used(capsys, cluster, source, tmp_path):
    """By the command line, with one pair of the cohort."""
    lines = (source[0] / "manifest.csv").read_text().splitlines()
    (source[0] / "one.csv").write_text("\n".join(lines[:3]) + "\n")
    options = ("--method", "refinement", "--keep", "all", "--changes", "--scheduler", cluster(1), "--json")
    code, out, err = longct(capsys, "cohort", source[0] / "one.csv", "--out", tmp_path, *options)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and err == "" and lines[0]["note"]["workers"] == 1
    assert lines[1]["progress"]["seconds_left"] is None and lines[2]["progress"]["seconds_left"] == 0
    assert (lines[-1]["result"]["pairs"], lines[-1]["result"]["failed"]) == (1, 0)
    written = sorted(path.name for path in (tmp_path / "pairs" / "A" / "1").iterdir())
    assert written == ["registered.nii.gz", "report.html", "report.json", "transform.h5", "vertebrae.csv"]


@pytest.mark.slow
def test_what_has_changed_of_two_patients_over_time_and_a_bad_one_beside_them(capsys, cluster, source, tmp_path):
    """Two patients with two follow-ups each, a third whose follow-up has no body: sums are those of each pair alone."""
    lines = (source[0] / "manifest.csv").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("A,3", "B,3"))]
    sitk.WriteImage(sitk.Image([40, 40, 12], sitk.sitkInt16) - 1000, str(source[0] / "empty.nii.gz"))
    scan, labels = lines[1].split(",")[2:4]
    kept += [f"C,0,{scan},{labels},,fold1", "C,1,empty.nii.gz,,,fold1"]
    (source[0] / "changes.csv").write_text("\n".join(kept) + "\n")
    options = ("--method", "refinement", "--keep", "nothing", "--changes", "--scheduler", cluster(1), "--json")
    code, out, _ = longct(capsys, "cohort", source[0] / "changes.csv", "--out", tmp_path, *options)
    result = json.loads(out.splitlines()[-1])["result"]
    assert code == 0 and (result["pairs"], result["failed"]) == (5, 1)
    pairs, findings, course = (
        list(csv.DictReader((tmp_path / f"{name}.csv").open())) for name in ("pairs", "findings", "vertebra_course")
    )
    states = {(row["patient"], row["follow_up"]): row for row in pairs}
    assert [key for key, row in states.items() if row["state"] == "failed"] == [("C", "1")]
    done = {key: row for key, row in states.items() if row["state"] == "done"}
    assert set(done) == {("A", "1"), ("A", "2"), ("B", "1"), ("B", "2")}
    for (patient, time), row in done.items():
        own = [each for each in findings if (each["patient"], each["follow_up"]) == (patient, time)]
        assert row["changes_error"] == "" and int(row["findings"]) == len(own) and float(row["changes_trust"]) > 0
    assert sum(int(row["findings"]) for row in done.values()) == len(findings) > 0
    for patient in "AB":
        own = [row for row in course if row["patient"] == patient]
        values = {row["label"] for row in own}
        assert [row["time_point"] for row in own] == ["0", "1", "2"] * len(values)
        first = own[0]
        made = [line.split(",") for line in kept if line.startswith(f"{patient},0")][0]
        hu, numbers = (sitk.GetArrayFromImage(sitk.ReadImage(str(source[0] / name))) for name in made[2:4])
        assert values >= {str(value) for value in np.unique(numbers[numbers > 0])}
        of_first = hu[numbers == int(first["label"])]
        assert float(first["whole_mean_hu"]) == pytest.approx(of_first.mean(), abs=0.01)
        assert float(first["whole_volume_ml"]) > 0 and first["days"] == ""
    assert {row["patient"] for row in course} == {"A", "B"}


def test_phantoms_are_made_by_the_workers_as_they_are_made_here(capsys, cluster, tmp_path):
    options = ("--seed", 3, "--size", 48, "--slices", 16, "--patients", 1, "--scans", 2, "--folds", 1)
    where = (("here", ()), ("there", ("--scheduler", cluster(1), "--threads", 2)))
    for name, more in where:
        code, _, _ = longct(capsys, "phantom", "--cohort", "--out", tmp_path / name, *options, *more)
        assert code == 0
    tables = [(tmp_path / name / "manifest.csv").read_text() for name, _ in where]
    assert tables[0] == tables[1]
    scan = tables[0].splitlines()[2].split(",")[2]
    assert (tmp_path / "here" / scan).read_bytes() == (tmp_path / "there" / scan).read_bytes()


@pytest.mark.parametrize(("stopped", "code", "words"), [(True, 130, "longct: stopped\n"), (False, 0, "")])
def test_workers_that_do_not_close_in_time_neither_hide_a_stop_nor_fail_what_is_done(
    capsys, monkeypatch, source, tmp_path, stopped, code, words
):
    """As on a starved machine, whose workers are closed and told so too late."""
    from distributed import LocalCluster

    def late(cluster, close=LocalCluster.close):
        close(cluster)
        raise TimeoutError

    def start(*told):
        if stopped:
            raise KeyboardInterrupt

    monkeypatch.setattr(LocalCluster, "close", late)
    monkeypatch.setattr(TaskBar, "started", start)
    lines = (source[0] / "manifest.csv").read_text().splitlines()
    (source[0] / "one.csv").write_text("\n".join(lines[:3]) + "\n")
    options = ("--method", "refinement", "--keep", "nothing", "--workers", 1, "--threads", 1)
    found, _, err = longct(capsys, "cohort", source[0] / "one.csv", "--out", tmp_path, *options)
    assert found == code and err.endswith(words) and "defect" not in err


@pytest.mark.slow
def test_a_lost_worker_is_replaced_however_long_the_new_one_takes_to_start():
    """Dask gives up on a place whose worker is not back after 15 s, which a busy machine needs; here at once."""
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "10ms"}):
        with connect(ClusterOptions(workers=1, threads=1)) as client:
            first = client.submit(os.getpid, pure=False).result(timeout=300)
            os.kill(first, signal.SIGKILL)
            assert client.submit(os.getpid, pure=False).result(timeout=300) != first


def test_workers_that_would_do_several_tasks_at_once_are_refused(cluster):
    with pytest.raises(InputError, match="--nthreads 1"), connect(ClusterOptions(scheduler=cluster(2))):
        pass


def test_a_scheduler_that_is_not_there_is_an_input_error(monkeypatch):
    monkeypatch.setattr("LongitudinalRegistrationLib.cohort.cluster.REACH_S", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler at tcp://127.0.0.1:9"):
        with connect(ClusterOptions(scheduler="tcp://127.0.0.1:9")):
            pass
