"""The parts of a cohort that need no cluster: pairs, keys, what is remembered, how cores are shared."""

from pathlib import Path

import pytest
from LongitudinalRegistrationLib.cohort import cluster
from LongitudinalRegistrationLib.cohort.checksums import checksums
from LongitudinalRegistrationLib.cohort.cluster import ClusterOptions, connect, share_cores
from LongitudinalRegistrationLib.cohort.ledger import Ledger
from LongitudinalRegistrationLib.cohort.pairs import folder_name, pair_task, pairs_of
from LongitudinalRegistrationLib.cohort.run import run_cohort
from LongitudinalRegistrationLib.cohort.task import DONE, FAILED, Record
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.training.manifest import Entry
from TableRemovalLib.errors import InputError

ENTRIES = (
    Entry("A", "2021-03-01", Path("a2")),
    Entry("A", "2020-01-01", Path("a1"), labels=Path("l1")),
    Entry("B", "1", Path("b1")),
    Entry("A", "2022-01-01", Path("a3")),
)
SUMS = {Path("a1"): "1", Path("a2"): "2", Path("a3"): "3", Path("l1"): "4"}


def test_every_follow_up_is_paired_with_the_first_scan():
    pairs, alone = pairs_of(ENTRIES)
    assert [(pair.baseline.image.name, pair.follow_up.image.name, pair.days) for pair in pairs] == [
        ("a1", "a2", 425),
        ("a1", "a3", 731),
    ]
    assert alone == ["B"] and pairs[0].name == "A, 2020-01-01 to 2021-03-01"
    assert pairs_of((Entry("C", "1", Path("c1")), Entry("C", "2", Path("c2"))))[0][0].days is None


def key_of(options=None, keep="transform", sums=SUMS):
    return pair_task(pairs_of(ENTRIES)[0][0], options or RegistrationOptions(), keep, sums, Path("out")).key


def test_a_pair_is_known_by_its_inputs_options_and_weights_and_not_by_threads(monkeypatch):
    same = key_of()
    assert key_of() == same == key_of(RegistrationOptions(threads=3))
    others = [key_of(RegistrationOptions(method="refinement")), key_of(keep="all")]
    others += [key_of(sums={**SUMS, Path(name): "9"}) for name in ("a1", "a2", "l1")]
    assert len({same, *others}) == 6 and key_of(sums={**SUMS, Path("a3"): "9"}) == same
    monkeypatch.setattr("LongitudinalRegistrationLib.cohort.pairs.shipped_checksums", lambda: {"cvpyramid": "other"})
    assert key_of() not in {same, *others}


def test_names_of_folders_are_safe_and_differ():
    assert folder_name("P01") == "P01"
    names = [folder_name(text) for text in ("a/b", "a b", "a_b", "..", "")]
    assert len(set(names)) == 5 and not any("/" in name or name.startswith(".") for name in names)


def test_the_ledger_goes_on_after_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "records.jsonl"
    ledger = Ledger(path)
    ledger.add(Record("k1", "one", DONE, {"ssim": 0.5}))
    ledger.add(Record("k2", "two", FAILED, error="no"))
    with open(path, "a") as stream:
        stream.write('{"key": "k3", "na')
    again = Ledger(path)
    assert again.done("k1").result == {"ssim": 0.5} and again.done("k2") is None and again.done("k3") is None
    again.add(Record("k2", "two", DONE))
    assert Ledger(path).done("k2") and [record.key for record in Ledger(path).records(["k2", "k3", "k1"])] == [
        "k2",
        "k1",
    ]
    path.write_text("no record\n")
    with pytest.raises(InputError, match="no record of a cohort"):
        Ledger(path)


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path, monkeypatch):
    scan, memory = tmp_path / "scan", tmp_path / "checksums.json"
    scan.write_text("one")
    first = checksums([scan, scan], memory)
    read = []
    from LongitudinalRegistrationLib.cohort import checksums as module

    original = module.checksum
    monkeypatch.setattr(module, "checksum", lambda path: read.append(path) or original(path))
    assert checksums([scan], memory) == first and read == []
    scan.write_text("other")
    assert checksums([scan], memory) != first and read == [scan]


@pytest.mark.parametrize(
    ("given", "shared"),
    [
        ((2, 24, None, None), (2, 1)),
        ((2, 4, None, None), (1, 2)),
        ((16, 32, None, None), (10, 1)),
        ((16, 32, 4, None), (4, 4)),
        ((16, 32, None, 8), (2, 8)),
        ((2, 24, 4, None), (4, 1)),
    ],
)
def test_cores_are_shared_and_none_is_used_twice(given, shared):
    cores, gigabytes, workers, threads = given
    assert share_cores(cores, gigabytes << 30, workers, threads) == shared


def test_options_that_make_no_sense_are_refused():
    for wrong, reason in (
        (ClusterOptions(scheduler="tcp://a:1", workers=2), "leave out"),
        (ClusterOptions(threads=0), "1 or more"),
    ):
        with pytest.raises(InputError, match=reason), connect(wrong):
            pass


def test_missing_packages_are_named_before_anything_is_read(monkeypatch, tmp_path):
    found = cluster.find_spec
    monkeypatch.setattr(cluster, "find_spec", lambda name: found("sys" if name == "matplotlib" else "no_such_module"))
    with pytest.raises(InputError, match=r"dask, distributed, pyarrow are not installed: pip install"):
        run_cohort(tmp_path / "no.csv", tmp_path, RegistrationOptions(), ClusterOptions())


def test_a_cohort_without_a_follow_up_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("LongitudinalRegistrationLib.cohort.run.packages_missing", lambda: "")
    (tmp_path / "scan.nii.gz").write_text("")
    (tmp_path / "one.csv").write_text("patient,time_point,image\nA,1,scan.nii.gz\n")
    with pytest.raises(InputError, match="has no follow-up"):
        run_cohort(
            tmp_path / "one.csv",
            tmp_path / "out",
            RegistrationOptions(method="refinement"),
            ClusterOptions(),
        )
    assert not (tmp_path / "out").exists()
