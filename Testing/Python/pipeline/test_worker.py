"""The warm process as its parent meets it: scans in, transform and registered volume out, cancel, its end."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.field.transforms import compose
from LongitudinalRegistrationLib.system.private_folder import private_folder
from LongitudinalRegistrationLib.system.shared_arrays import save_image, take_image
from processes import children, runs


class Parent:
    """The other end of the worker's pipes."""

    def __init__(self):
        self.folder = private_folder()
        command = [sys.executable, "-m", "LongitudinalRegistrationLib.pipeline.worker", str(self.folder)]
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def send(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def wait(self, *events):
        """The next answer of one of these kinds; the number of progress messages before it."""
        progress = 0
        for line in self.process.stdout:
            said = json.loads(line)
            progress += said["event"] == "progress"
            if said["event"] in events:
                return said, progress
        raise AssertionError("the worker has ended")

    def prepare(self, key, image):
        record = save_image(image, self.folder, f"{key}.npy")
        self.send(do="prepare", scan=key, image=record, table_removal=True)


@pytest.fixture(scope="module")
def parent(phantom_pair):
    parent = Parent()
    parent.prepare("a", phantom_pair.baseline.image)
    parent.prepare("b", phantom_pair.followup.image)
    parent.ready, _ = parent.wait("ready")
    for event in ("prepared", "prepared"):
        parent.wait(event)
    yield parent
    parent.process.kill()
    parent.process.wait()


def test_it_says_what_runs_the_network(parent):
    import numba

    assert parent.ready["network"] == f"compiled code, numba {numba.__version__}"


def test_scans_are_taken_out_of_the_folder_which_only_we_can_read(parent):
    assert not list(parent.folder.glob("*.npy"))
    assert os.name == "nt" or (parent.folder.stat().st_mode & 0o077) == 0


def test_the_transform_comes_first_and_the_volume_is_the_moving_scan_through_it(parent, phantom_pair):
    parent.send(do="register", job=1, fixed="a", moving="b", options={"method": "cost-volume"})
    said, progress = parent.wait("transform", "failed")
    assert said["event"] == "transform" and progress >= 4 and said["report"]["seconds"]["network"] > 0
    matrix = np.reshape(said["affine"], (4, 4))
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    transform = compose(affine, take_image(parent.folder, said["field"]))
    error = take_image(parent.folder, said["expected_error"])
    assert error.GetSpacing() == (8.0, 8.0, 8.0) and 0 < sitk.GetArrayViewFromImage(error).min() < 1
    registered = take_image(parent.folder, parent.wait("registered", "failed")[0]["image"])
    result, _ = parent.wait("result", "failed")
    fixed, moving = phantom_pair.baseline.image, phantom_pair.followup.image
    itk = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, -1024, moving.GetPixelID())
    away = np.abs(sitk.GetArrayFromImage(registered).astype(int) - sitk.GetArrayFromImage(itk))
    assert np.mean(away > 1) < 1e-3 and registered.GetOrigin() == fixed.GetOrigin()
    assert result["report"]["ssim"]["after"] > result["report"]["ssim"]["affine"]


def test_nothing_is_loaded_when_a_registration_is_asked_for(parent):
    seconds = []
    for job in (2, 3):
        parent.send(do="register", job=job, fixed="a", moving="b", options={"method": "cost-volume"})
        said, _ = parent.wait("transform")
        for name in ("field", "expected_error"):
            take_image(parent.folder, said[name])
        seconds.append(said["report"]["seconds"]["load"])
        take_image(parent.folder, parent.wait("registered")[0]["image"])
        parent.wait("result")
    assert max(seconds) < 0.1, seconds


def test_cancel_ends_niftyreg_within_a_second_and_the_worker_goes_on(parent):
    parent.send(do="register", job=4, fixed="a", moving="b", options={"method": "niftyreg"})
    while not children(parent.process.pid):
        parent.wait("progress")
    begun = time.monotonic()
    parent.send(do="cancel", job=4)
    said, _ = parent.wait("cancelled", "failed", "transform")
    assert said == {"event": "cancelled", "job": 4} and time.monotonic() - begun < 1.0
    assert not children(parent.process.pid)
    options = {"method": "refinement", "refinement_options": {"effort": "thorough", "budget_seconds": 1e-3}}
    parent.send(do="register", job=5, fixed="a", moving="b", options=options)
    said, _ = parent.wait("transform")
    take_image(parent.folder, said["field"])
    assert said["report"]["method"] == "refinement" and "its budget of 0.001 s" in said["report"]["warnings"][0]
    take_image(parent.folder, parent.wait("registered")[0]["image"])
    parent.wait("result")


def test_what_cannot_be_used_is_refused_with_a_remedy(parent, phantom_pair):
    flat = sitk.Image([30, 30, 10], sitk.sitkInt16)
    parent.prepare("flat", flat)
    refused, _ = parent.wait("refused")
    parent.send(do="register", job=6, fixed="a", moving="flat", options={"method": "refinement"})
    failed, _ = parent.wait("failed")
    assert failed["message"] == refused["message"] and failed["job"] == 6
    labels = {"fixed": save_image(phantom_pair.followup.vertebrae, parent.folder, "wrong.npy")}
    parent.send(do="register", job=8, fixed="a", moving="b", options={"method": "refinement"}, labels=labels)
    assert "another grid" in parent.wait("failed")[0]["message"]


def test_a_scan_that_was_let_go_is_asked_for_and_can_be_registered_again(parent, phantom_pair):
    scan = sitk.Shrink(phantom_pair.followup.image, [2, 2, 1])
    for key in "cdef":
        parent.prepare(key, scan)
        parent.wait("prepared")
    parent.send(do="register", job=9, fixed="a", moving="c", options={"method": "refinement"})
    said, _ = parent.wait("missing", "failed", "transform")
    assert said == {"event": "missing", "job": 9, "scans": ["a"]}
    parent.prepare("a", phantom_pair.baseline.image)
    parent.wait("prepared")
    parent.send(do="register", job=9, fixed="a", moving="c", options={"method": "refinement"})
    said, _ = parent.wait("missing", "failed", "transform")
    assert said["event"] == "missing" and said["scans"] == ["c"]
    parent.prepare("c", scan)
    parent.send(do="register", job=9, fixed="a", moving="c", options={"method": "refinement"})
    said, _ = parent.wait("missing", "failed", "transform")
    assert said["event"] == "transform"
    take_image(parent.folder, said["field"])
    take_image(parent.folder, parent.wait("registered")[0]["image"])
    parent.wait("result")


def ask_for_changes(parent, number, phantom_pair, fixed="a", moving="b"):
    labels = {"fixed": save_image(phantom_pair.baseline.vertebrae, parent.folder, f"changes-labels-{number}.npy")}
    matrix = {"matrix": np.eye(4).ravel().tolist()}
    parent.send(
        do="changes", changes=number, fixed=fixed, moving=moving, transform=[matrix], region="bone", labels=labels
    )


def test_it_says_what_has_changed_along_a_transform(parent, phantom_pair):
    parent.prepare("a", phantom_pair.baseline.image)
    parent.prepare("b", phantom_pair.baseline.image)
    ask_for_changes(parent, 1, phantom_pair)
    said, _ = parent.wait("changes", "changes failed", "changes put off")
    assert said["event"] == "changes" and said["changes"] == 1
    layers = {name: take_image(parent.folder, record) for name, record in said["layers"].items()}
    labels = take_image(parent.folder, said["labels"])
    assert said["content"]["findings"] == [] and not sitk.GetArrayViewFromImage(labels).any()
    change, significance = (np.abs(sitk.GetArrayViewFromImage(layer)) for layer in layers.values())
    assert not ((change >= 40) & (significance >= 4)).any()
    assert max(abs(each["whole"]["change_hu"]) for each in said["content"]["vertebrae"]) < 1
    assert labels.GetSize() == layers["significance"].GetSize()
    assert (
        len(said["content"]["vertebrae"])
        == len(np.unique(sitk.GetArrayViewFromImage(phantom_pair.baseline.vertebrae))) - 1
    )
    assert not list(parent.folder.glob("changes*"))


def test_a_registration_comes_before_changes_and_lost_scans_are_asked_for(parent, phantom_pair):
    parent.prepare("slow", phantom_pair.followup.image)
    ask_for_changes(parent, 2, phantom_pair)
    parent.send(do="register", job=20, fixed="a", moving="b", options={"method": "refinement"})
    said, _ = parent.wait("changes", "changes failed", "changes put off")
    assert said == {"event": "changes put off", "changes": 2, "scans": []}
    take_image(parent.folder, parent.wait("transform")[0]["field"])
    take_image(parent.folder, parent.wait("registered")[0]["image"])
    parent.wait("result")
    ask_for_changes(parent, 3, phantom_pair, moving="never came")
    said, _ = parent.wait("changes", "changes failed", "changes put off")
    assert said == {"event": "changes put off", "changes": 3, "scans": ["never came"]}
    assert not list(parent.folder.glob("changes*"))


def test_a_second_registration_that_waits_comes_before_changes_too(parent, phantom_pair):
    image = save_image(phantom_pair.followup.image, parent.folder, "busy.npy")
    parent.send(do="prepare", scan="busy", image=image, table_removal=True)
    parent.send(do="register", job=21, fixed="a", moving="never came", options={"method": "refinement"})
    ask_for_changes(parent, 4, phantom_pair)
    parent.send(do="register", job=22, fixed="a", moving="never came", options={"method": "refinement"})
    said, _ = parent.wait("changes", "changes failed", "changes put off")
    assert said == {"event": "changes put off", "changes": 4, "scans": []}
    parent.wait("missing")
    ask_for_changes(parent, 5, phantom_pair)
    said, _ = parent.wait("changes", "changes failed", "changes put off")
    assert said["event"] == "changes"
    for record in (*said["layers"].values(), said["labels"]):
        take_image(parent.folder, record)


def test_a_transform_that_cannot_be_read_is_told_and_the_worker_goes_on(parent):
    parent.send(
        do="changes", changes=6, fixed="a", moving="a", transform=[{"matrix": [0.0] * 3}], region="bone", labels={}
    )
    assert parent.wait("changes failed")[0]["message"]
    asked = {"do": "changes", "changes": 7, "fixed": "a", "moving": "never came"}
    parent.send(**asked, transform=[{"matrix": np.eye(4).ravel().tolist()}], region="bone", labels={})
    assert parent.wait("changes put off")[0]["changes"] == 7


def test_the_worker_ends_with_its_parent_and_removes_the_folder(parent, phantom_pair):
    """The last test of this file: whoever holds the other end of the pipe is gone."""
    parent.prepare("b", phantom_pair.followup.image)
    parent.send(do="register", job=10, fixed="a", moving="b", options={"method": "niftyreg"})
    while not (started := children(parent.process.pid)):
        parent.wait("progress")
    parent.process.stdin.close()
    parent.process.wait(5)
    end = time.monotonic() + 2
    while any(runs(pid) for pid in started) and time.monotonic() < end:
        time.sleep(0.02)
    assert not parent.folder.exists() and not any(runs(pid) for pid in started)
