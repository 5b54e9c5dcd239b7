"""`longct` as a user meets it: outputs, exit codes, one clear line for every bad input."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.report.content import report_text


def written(path, array, spacing=(1.5, 1.5, 3.0)):
    """Write an array [k, j, i] as an image."""
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing((*spacing, 1.0)[: image.GetDimension()])
    sitk.WriteImage(image, str(path))
    return path


def test_help_teaches(capsys):
    code, out, _ = longct(capsys, "register", "--help")
    assert code == 0
    assert "DICOM" in out and "examples:" in out and "VoxelMorph" in out


def test_usage_errors_end_with_2(capsys):
    assert longct(capsys)[0] == 2
    code, _, err = longct(capsys, "remove-table", "a", "b", "--seed", "12")
    assert code == 2 and "give two integers" in err


def test_info_as_text_and_json(capsys):
    code, out, _ = longct(capsys, "info")
    assert code == 0 and "SimpleITK" in out and "niftyreg     present" in out
    code, out, _ = longct(capsys, "info", "--json")
    content = json.loads(out)["result"]
    assert content["network"].startswith("runs in compiled code, numba") and content["training"] == "present"
    assert content["model"].startswith("present")


def test_phantom_files_and_a_seed_that_gives_the_same_again(capsys, tmp_path):
    for name in ("a", "b"):
        code, out, _ = longct(capsys, "phantom", "--out", tmp_path / name, "--seed", 5, "--size", 96, "--slices", 40)
        assert code == 0 and "true_transform.h5" in out
    for name in ("baseline", "baseline_body", "baseline_vertebrae", "followup", "followup_body", "followup_vertebrae"):
        first, second = (sitk.ReadImage(str(tmp_path / folder / f"{name}.nii.gz")) for folder in "ab")
        assert sitk.Hash(first) == sitk.Hash(second)
    sitk.ReadTransform(str(tmp_path / "a" / "true_transform.h5"))


def test_slices_of_a_phantom_show_their_middle_or_their_thickness(capsys, tmp_path):
    values = {}
    for samples in (1, 3):
        size = ("--size", 64, "--slices", 20, "--samples-per-slice", samples)
        assert longct(capsys, "phantom", "--out", tmp_path / f"{samples}", "--seed", 5, *size)[0] == 0
        values[samples] = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"{samples}" / "baseline.nii.gz")))
    assert values[1].shape == values[3].shape and not np.array_equal(values[1], values[3])
    code, _, err = longct(capsys, "phantom", "--out", tmp_path / "even", "--seed", 5, "--samples-per-slice", 2)
    assert code == 2 and "odd" in err


def test_phantom_cohort_is_a_manifest_of_scans(capsys, tmp_path):
    options = ("--seed", 3, "--size", 64, "--slices", 32, "--patients", 2, "--scans", 4, "--folds", 2)
    code, out, err = longct(capsys, "phantom", "--cohort", "--out", tmp_path / "cohort", *options)
    assert code == 0 and err == "" and "2 patients, 4 scans" in out
    rows = (tmp_path / "cohort" / "manifest.csv").read_text().splitlines()
    assert rows[0].startswith("patient,time_point,image,labels") and len(rows) == 5
    assert {row.split(",")[0] for row in rows[1:]} == {"P01", "P02"}
    code, _, err = longct(capsys, "phantom", "--cohort", "--out", tmp_path / "cohort", *options)
    assert code == 2 and "a manifest.csv already" in err
    code, _, err = longct(capsys, "phantom", "--cohort", "--out", tmp_path / "few", "--seed", 1, "--scans", 5)
    assert code == 2 and "scans must be 24 or more" in err and not (tmp_path / "few").exists()


def test_remove_table(capsys, phantom_folder, phantom_pair, tmp_path):
    outputs = tmp_path / "clean.nrrd", tmp_path / "body.nii.gz", tmp_path / "slices.json"
    code, out, err = longct(
        capsys, "remove-table", phantom_folder / "baseline.nii.gz", outputs[0],
        "--mask-out", outputs[1], "--report", outputs[2], "--fill-hu", "-1000",
    )  # fmt: skip
    assert code == 0 and "litres" in out and err == ""
    clean, mask = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in outputs[:2])
    original = sitk.GetArrayFromImage(phantom_pair.baseline.image)
    np.testing.assert_array_equal(clean[mask > 0], original[mask > 0])
    assert np.all(clean[mask == 0] == -1000)
    truth = sitk.GetArrayFromImage(phantom_pair.baseline.body)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.98
    assert len(json.loads(outputs[2].read_text())["slices"]) == mask.shape[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["body.nii.gz", "clean.nrrd", "slices.json"]


@pytest.fixture(scope="module")
def registered(phantom_folder, tmp_path_factory):
    """Output folder and JSON lines of `longct register --json` in its own process, as the panel runs it."""
    out = tmp_path_factory.mktemp("registered")
    command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", "register", "--json", "--out", out]
    inputs = [
        f"--{role}{suffix}={phantom_folder / (scan + ending)}"
        for role, scan in (("fixed", "baseline"), ("moving", "followup"))
        for suffix, ending in (("", ".nii.gz"), ("-labels", "_vertebrae.nii.gz"))
    ]
    done = subprocess.run([*command, *inputs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out, [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_that_is_written_or_told_names_the_scans_files(registered, phantom_folder):
    out, lines = registered
    words = phantom_folder.name, "baseline.nii", "followup.nii", "vertebrae.nii"
    told = {path.name: path.read_text() for path in out.iterdir() if path.suffix in (".json", ".html", ".csv")}
    for name, text in {**told, "output": json.dumps(lines)}.items():
        assert not [word for word in words if word in text], name
    report = json.loads(told["report.json"])
    named = {**report, "inputs": {"fixed": {**report["inputs"]["fixed"], "name": "asked for.nii"}}}
    assert "asked for.nii, 160 x 160" in report_text(named) and "Baseline      160 x 160" in report_text(report)
    assert len(report["inputs"]["moving"]["voxels_sha256"]) == 64


def test_register_writes_all_results(registered):
    out, lines = registered
    assert sorted(p.name for p in out.iterdir()) == [
        "dvf.nii.gz", "expected_error.nii.gz", "registered.nii.gz", "registered_labels.nii.gz", "report.html",
        "report.json", "transform.h5", "vertebrae.csv",
    ]  # fmt: skip
    assert {line["progress"]["stage"] for line in lines[:-1]} >= {"read", "body_mask", "affine", "warp", "write"}
    report = json.loads((out / "report.json").read_text())
    assert lines[-1]["result"]["dsc"] == report["dsc"]
    seconds = report["seconds"]
    to_transform = {"affine", "load", "grid", "network", "refinement", "niftyreg", "judge"}
    others = {"read", "body_mask", "warp", "score", "write"}
    assert set(seconds) == to_transform | others | {"to_transform", "total"}
    assert seconds["to_transform"] == pytest.approx(sum(seconds[name] for name in to_transform), abs=0.01)
    assert seconds["to_transform"] + sum(seconds[name] for name in others) <= seconds["total"] + 0.01
    assert report["method"] == "cost-volume" and report["fallback_reason"] is None
    assert report["dsc"]["20"]["name"] == "L1" and report["dsc"]["20"]["after"] > report["dsc"]["20"]["before"]
    assert len(report["inputs"]["fixed"]["sha256"]) == 64 and report["versions"]["SimpleITK"]


@pytest.mark.parametrize("given, missing", [("fixed", "moving"), ("moving", "fixed")])
def test_labels_of_one_scan_alone_are_told(given, missing):
    from LongitudinalRegistrationLib.cli.commands import label_note

    assert f"--{missing}-labels" in label_note({f"{given}_labels": "a.nii.gz"})
    assert label_note({}) == label_note({"fixed_labels": "a", "moving_labels": "b"}) == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_registration_is_stopped_at_once_while_a_scan_is_read(tmp_path):
    """The scan is a pipe that nobody writes to: to wait for its reading would be to wait for ever."""
    os.mkfifo(tmp_path / "scan.mha")
    command = [sys.executable, "-m", "LongitudinalRegistrationLib.cli.main", "register", "--json"]
    inputs = ["--fixed", tmp_path / "scan.mha", "--moving", tmp_path / "none.mha", "--out", tmp_path / "new" / "out"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *inputs], **pipes) as process:
        assert json.loads(process.stdout.readline())["progress"]["stage"] == "read"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and said == "longct: stopped\n" and not (tmp_path / "new").exists()


def test_score_agrees_with_the_report(registered, phantom_folder, capsys, tmp_path):
    out, lines = registered
    code, text, _ = longct(
        capsys, "score", "--fixed-labels", phantom_folder / "baseline_vertebrae.nii.gz",
        "--moving-labels", phantom_folder / "followup_vertebrae.nii.gz",
        "--transform", out / "transform.h5", "--csv", tmp_path / "dsc.csv",
    )  # fmt: skip
    assert code == 0 and "L1" in text
    rows = dict(line.split(",", 1) for line in (tmp_path / "dsc.csv").read_text().splitlines()[1:])
    for label, row in lines[-1]["result"]["dsc"].items():
        name, before, after = rows[label].split(",")
        assert name == row["name"]
        assert float(after) == pytest.approx(row["after"], abs=2e-4)


def test_the_registered_labels_are_the_moving_ones_through_the_transform(registered, phantom_pair):
    out, _ = registered
    transform = sitk.ReadTransform(str(out / "transform.h5"))
    expected = sitk.Resample(
        phantom_pair.followup.vertebrae, phantom_pair.baseline.image, transform, sitk.sitkNearestNeighbor, 0
    )
    found = sitk.ReadImage(str(out / "registered_labels.nii.gz"))
    assert sitk.GetArrayFromImage(found).tolist() == sitk.GetArrayFromImage(expected).tolist()


def noisy_ct(shape=(12, 40, 40)):
    """Air with a box of tissue, HU, int16."""
    array = np.random.default_rng(0).normal(-1000, 10, shape)
    array[..., 10:-10, 8:-8] = np.random.default_rng(1).normal(40, 15, array[..., 10:-10, 8:-8].shape)
    return array.astype(np.int16)


def bad_scans(folder):
    """Name, path and a word of the message, of scans that cannot be used."""
    ct = noisy_ct()
    with_nan = ct.astype(np.float32)
    with_nan[3, 4, 5] = np.nan
    zero = written(folder / "zero.nii", ct)
    data = bytearray(zero.read_bytes())
    data[80:84] = np.float32(0).tobytes()
    zero.write_bytes(bytes(data))
    zero_mha = written(folder / "zero.mha", ct)
    zero_mha.write_bytes(zero_mha.read_bytes().replace(b"ElementSpacing = 1.5", b"ElementSpacing = 0.0"))
    (folder / "text.nii.gz").write_text("hello")
    (folder / "empty").mkdir()
    return {
        "missing": (folder / "none.nii.gz", "no file"),
        "not an image": (folder / "text.nii.gz", "cannot be read"),
        "empty folder": (folder / "empty", "no DICOM"),
        "2-D": (written(folder / "flat.mha", ct[0]), "3-D"),
        "4-D": (written(folder / "four.nrrd", np.stack([ct, ct])), "3-D"),
        "NaN": (written(folder / "nan.nrrd", with_nan), "NaN"),
        "constant": (written(folder / "constant.nrrd", np.zeros_like(ct)), "constant"),
        "zero spacing": (zero, "spacing of zero"),
        "zero spacing in MHA": (zero_mha, "spacing of zero"),
        "one slice": (written(folder / "one.nrrd", ct[:1]), "slice|too few"),
        "MR": (written(folder / "mr.nrrd", np.random.default_rng(2).random(ct.shape, np.float32)), "HU"),
    }


KINDS = [
    "missing",
    "not an image",
    "empty folder",
    "2-D",
    "4-D",
    "NaN",
    "constant",
    "zero spacing",
    "zero spacing in MHA",
    "one slice",
    "MR",
]


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return bad_scans(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_scan_is_one_line_and_exit_code_2(capfd, tmp_path, bad, phantom_folder, kind):
    import re

    path, words = bad[kind]
    good = phantom_folder / "baseline.nii.gz"
    commands = (
        ("remove-table", path, tmp_path / "clean.nii.gz"),
        ("register", "--fixed", path, "--moving", good, "--out", tmp_path),
        ("register", "--fixed", good, "--moving", path, "--out", tmp_path),
    )
    for command in commands:
        code, out, err = longct(capfd, *command)
        assert code == 2, err
        assert len(err.strip().splitlines()) == 1 and re.search(words, err), err
        assert out == ""
        assert not list(tmp_path.iterdir())


def test_labels_on_another_grid(capsys, tmp_path, phantom_folder):
    code, _, err = longct(
        capsys, "register", "--fixed", phantom_folder / "baseline.nii.gz",
        "--moving", phantom_folder / "followup.nii.gz", "--out", tmp_path,
        "--fixed-labels", phantom_folder / "followup_vertebrae.nii.gz",
    )  # fmt: skip
    assert code == 2 and "swap the two label volumes" in err and len(err.splitlines()) == 1
    code, _, err = longct(
        capsys, "register", "--fixed", phantom_folder / "baseline.nii.gz",
        "--moving", phantom_folder / "followup.nii.gz", "--out", tmp_path / "new" / "folder",
        "--keep-volume", phantom_folder / "followup_vertebrae.nii.gz",
    )  # fmt: skip
    assert code == 2 and "another grid than the fixed scan" in err and len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_a_file_that_was_cut_off_is_refused(capsys, tmp_path, phantom_folder, suffix):
    from LongitudinalRegistrationLib.scan.read import read_image

    whole = tmp_path / f"whole{suffix}"
    sitk.WriteImage(sitk.ReadImage(str(phantom_folder / "baseline.nii.gz")), str(whole), True)
    assert read_image(whole).GetSize() == (160, 160, 56)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    code, _, err = longct(capsys, "remove-table", cut, tmp_path / "clean.nii.gz")
    assert code == 2 and "is damaged" in err and not (tmp_path / "clean.nii.gz").exists()


def test_a_nifti_file_compressed_in_parts_is_read(tmp_path, phantom_folder):
    """As bgzip and pigz may write it: the last part's length is not the file's."""
    import gzip

    from LongitudinalRegistrationLib.scan.read import read_image

    content = gzip.decompress((phantom_folder / "baseline.nii.gz").read_bytes())
    parts = tmp_path / "parts.nii.gz"
    parts.write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    assert read_image(parts).GetSize() == (160, 160, 56)


def test_what_cannot_be_labels_or_has_none_in_common_is_refused(capsys, tmp_path, phantom_folder):
    scan, labels = phantom_folder / "baseline.nii.gz", phantom_folder / "baseline_vertebrae.nii.gz"
    other = tmp_path / "other.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(labels)) * 2 + 40, str(other))
    transform = phantom_folder / "true_transform.h5"
    for pair, words in (((scan, labels), "negative values"), ((labels, other), "No label is in both")):
        code, _, err = longct(
            capsys, "score", "--fixed-labels", pair[0], "--moving-labels", pair[1], "--transform", transform
        )
        assert code == 2 and words in err and len(err.splitlines()) == 1


def test_results_of_an_earlier_run_are_kept_unless_asked_for_and_never_mixed(capsys, tmp_path, phantom_folder):
    scans = "--fixed", phantom_folder / "baseline.nii.gz", "--moving", phantom_folder / "followup.nii.gz"
    labels = [
        word
        for role, scan in (("fixed", "baseline"), ("moving", "followup"))
        for word in (f"--{role}-labels", phantom_folder / f"{scan}_vertebrae.nii.gz")
    ]
    out = tmp_path / "result"
    command = ("register", *scans, "--out", out, "--method", "refinement")
    code, text, _ = longct(capsys, *command, *labels)
    assert code == 0 and "Baseline      160 x 160 x 56 voxels" in text and "baseline.nii" not in text
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert (out / "vertebrae.csv") in before and (out / "registered_labels.nii.gz") in before
    code, _, err = longct(capsys, *command)
    assert code == 2 and "--overwrite" in err and {path: path.read_bytes() for path in out.iterdir()} == before
    code, text, _ = longct(capsys, *command, "--overwrite", "--names")
    assert code == 0 and "Baseline      baseline.nii.gz, 160 x 160 x 56 voxels" in text
    assert {path.name for path in out.iterdir()} == {path.name for path in before} - {
        "vertebrae.csv",
        "registered_labels.nii.gz",
    }
    code, _, err = longct(capsys, "register", *scans[:3], scans[1], "--out", tmp_path / "same")
    assert code == 2 and "give two scans" in err and not (tmp_path / "same").exists()


def test_an_output_folder_that_cannot_be_written(capsys, tmp_path, phantom_folder):
    (tmp_path / "file").write_text("in the way")
    scan = phantom_folder / "baseline.nii.gz"
    for command in (
        ("register", "--fixed", scan, "--moving", phantom_folder / "followup.nii.gz", "--out", tmp_path / "file"),
        ("remove-table", scan, tmp_path / "file" / "clean.nii.gz"),
        ("phantom", "--seed", 1, "--out", tmp_path / "file"),
    ):
        code, _, err = longct(capsys, *command)
        assert code == 2 and "cannot be written to" in err and len(err.splitlines()) == 1
    if os.geteuid():
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        assert longct(capsys, "phantom", "--seed", 1, "--out", locked)[0] == 2


def test_originals_are_never_overwritten(capsys, phantom_folder):
    scan = phantom_folder / "baseline.nii.gz"
    before = scan.read_bytes()
    code, _, err = longct(capsys, "remove-table", scan, scan)
    assert code == 2 and "never changed" in err
    assert scan.read_bytes() == before


def test_niftyreg_absent(capsys, tmp_path, phantom_folder, monkeypatch):
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LONGCT_NIFTYREG", raising=False)
    scan = phantom_folder / "baseline.nii.gz"
    code, _, err = longct(
        capsys, "register", "--fixed", scan, "--moving", scan, "--out", tmp_path, "--method", "niftyreg"
    )
    assert code == 2 and "longct install niftyreg" in err


def test_no_transform(capsys, tmp_path, phantom_folder):
    labels = phantom_folder / "baseline_vertebrae.nii.gz"
    wrong = tmp_path / "wrong.h5"
    wrong.write_text("nothing")
    for path in (wrong, tmp_path / "none.h5"):
        code, _, err = longct(capsys, "score", "--fixed-labels", labels, "--moving-labels", labels, "--transform", path)
        assert code == 2 and len(err.splitlines()) == 1


def test_a_folder_where_a_transform_is_asked_for_is_one_line(capfd, tmp_path):
    """HDF5's own account of it, forty lines, is not shown."""
    code, _, err = longct(capfd, "invert", tmp_path, tmp_path / "inverse.h5")
    assert code == 2
    assert err == f"longct: {tmp_path} is a folder: give its transform.h5.\n"


def test_a_defect_of_ours_ends_with_1(capsys, monkeypatch):
    from LongitudinalRegistrationLib.cli import commands

    def broken(arguments, console):
        raise ZeroDivisionError("oops\nsecond line")

    monkeypatch.setitem(commands.COMMANDS, "info", broken)
    code, out, err = longct(capsys, "info")
    assert code == 1 and out == ""
    assert "defect: ZeroDivisionError: oops second line" in err and len(err.splitlines()) == 1
