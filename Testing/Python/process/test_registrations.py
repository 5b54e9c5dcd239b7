"""The registration process: its life, its states, what it is asked and what goes wrong."""

import os
import sys
import time

import numpy as np
import pytest
from jobs import STAND_IN, make_request, program, slow_to_resample, wait
from processes import runs

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_the_panel_says_where_nothing_runs_the_network(make_logic):
    logic = make_logic([sys.executable, "-c", 'print(\'{"event": "ready", "seconds": 0.1, "network": ""}\'); input()'])
    logic.warmUp()
    wait(logic, lambda: logic._job.ready)
    assert logic.statusText() == "Ready, without the network."


def test_a_request_while_another_runs_is_refused_and_changes_nothing(make_logic):
    from LongitudinalRegistrationSlicer.results.nodes import resultNodes

    logic, request = make_logic(slow_to_resample(0)), make_request(method="NiftyReg")
    logic.startRegistration(request)
    wait(logic, lambda: logic.progress.stage)
    with pytest.raises(ValueError, match="under way"):
        logic.startRegistration(make_request())
    assert logic._request is request and logic.state.value == "running"
    logic.cancel()
    assert not resultNodes()


def test_answers_that_come_at_once_after_a_scan_was_removed_are_given_up(make_logic):
    """Transform and registered volume are there before the next look: without the scan neither is brought."""
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import resultNodes

    logic, request = make_logic(slow_to_resample(0)), make_request()
    logic.startRegistration(request)
    wait(logic, lambda: logic.state.value == "running")
    slicer.mrmlScene.RemoveNode(request.moving)
    wait(logic._job, lambda: logic._job.registered is not None)
    file = logic._job.folder / logic._job.registered["image"]["file"]
    assert file.exists()
    wait(logic, lambda: not logic.busy)
    assert logic.statusText() == "A scan was removed during the registration."
    assert not resultNodes() and logic.results is None and not file.exists()


def test_a_request_while_the_registered_volume_is_to_come_waits_for_it(make_logic):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import registeredOf, resultNodes, scoresOf

    logic, first, second = make_logic(slow_to_resample(1.0)), make_request(), make_request()
    logic.startRegistration(first)
    wait(logic, lambda: logic.state.value == "done")
    assert registeredOf(logic.results.transform) is None
    logic.startRegistration(second)
    assert logic.busy and logic._request is first
    logic.cancel()
    assert not logic.busy and logic.needsPolling
    logic.startRegistration(second)
    wait(logic, lambda: not logic.needsPolling)
    results = resultNodes()
    assert len(results) == 2 and None not in [find(node) for node in results for find in (registeredOf, scoresOf)]
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")

    logic.startRegistration(second)
    wait(logic, lambda: logic.results is not None)
    assert logic.results.transform is results[1] and logic.needsPolling
    assert registeredOf(results[1]) is None and scoresOf(results[1]) is None
    wait(logic, lambda: not logic.needsPolling)
    assert registeredOf(results[1]) is not None
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == len(volumes)


def test_nothing_is_said_of_a_closed_scene(make_logic):
    import slicer

    logic = make_logic(slow_to_resample(0))
    logic.startRegistration(make_request())
    wait(logic, lambda: not logic.needsPolling)
    assert "DSC" in logic.statusText()
    logic.forget()
    slicer.mrmlScene.Clear(0)
    assert logic.statusText() == "" and logic.results is None


@pytest.mark.skipif(os.name == "nt", reason="looks at POSIX process numbers")
def test_cancel_takes_effect_at_once_and_kills_what_does_not_obey_with_its_children(make_logic):
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    logic = make_logic(
        program(
            f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
            "time.sleep(1); say('progress', job=job, stage=f'{os.getpid()} {child.pid}', fraction=0); sleep()"
        )
    )
    logic.startRegistration(make_request())
    folder = logic._job.folder
    assert any(folder.glob("scan-*.npy"))
    wait(logic, lambda: logic.progress.stage)
    pids = [int(pid) for pid in logic.progress.stage.split()]
    assert all(runs(pid) for pid in pids)
    begun = time.monotonic()
    logic.cancel()
    assert logic.state.value == "cancelled" and time.monotonic() - begun < 0.1
    wait(logic, lambda: not any(runs(pid) for pid in pids), 10)
    assert not folder.exists() and logic.state.value == "cancelled"


def test_a_program_that_does_not_end_when_its_input_is_closed_is_killed(monkeypatch):
    from TableRemovalSlicer import child_process

    monkeypatch.setattr(child_process, "PATIENCE_S", 0.5)
    for code, exit_code in (("import sys; sys.stdin.read()", 0), ("import time; time.sleep(600)", -9)):
        process = child_process.ChildProcess([sys.executable, "-c", code], {**os.environ})
        process.dismiss()
        if os.name != "nt":
            assert process.ended() == exit_code


def test_a_worker_that_obeys_a_cancel_is_kept_for_the_next_registration(make_logic):
    """The first job is left and the second begun at once; what the first still sends is thrown away."""
    code = (
        "import numpy as np\n"
        "say('progress', job=job, stage='network', fraction=0.5)\n"
        "for line in sys.stdin:\n"
        "    command = json.loads(line)\n"
        "    if command['do'] == 'cancel':\n"
        "        np.save(folder / 'field.npy', np.zeros(3))\n"
        "        say('transform', job=command['job'], field={'file': 'field.npy'})\n"
        "        say('cancelled', job=command['job'])\n"
        "    if command['do'] == 'register':\n"
        "        say('failed', job=command['job'], message='The second.')\n"
    )
    logic, request = make_logic(program(code)), make_request()
    logic.startRegistration(request)
    wait(logic, lambda: logic.progress.stage == "network")
    process = logic._job._process
    logic.cancel()
    logic.startRegistration(request)
    wait(logic, lambda: logic.state.value == "failed")
    assert logic.statusText() == "The second."
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        logic.poll()
    assert logic._job._process is process and not (logic._job.folder / "field.npy").exists()


@pytest.mark.parametrize(
    "code, message",
    [
        ("say('failed', job=job, message='Choose another scan.'); sleep()", "Choose another scan."),
        ("print('boom', file=sys.stderr); sys.exit(1)", "stopped with code 1: boom"),
        ("print('boom', file=sys.stderr, flush=True); time.sleep(0.5); sys.exit(1)", "stopped with code 1: boom"),
        ("os.abort()", "stopped with code"),
        ("print('{not json')", "stopped with code 0"),
        ("say('transform', job=job, affine=[], field={}, report={}); sleep()", "could not be read"),
    ],
)
def test_a_failed_run_says_what_went_wrong_and_leaves_the_scene_alone(make_logic, code, message):
    import slicer

    logic, request = make_logic(program(code)), make_request()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    logic.startRegistration(request)
    folder = logic._job.folder
    wait(logic, lambda: logic.state.value == "failed")
    assert message in logic.statusText()
    assert request.moving.GetParentTransformNode() is None
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    logic.shutDown()
    assert not folder.exists()


def test_a_worker_that_dies_is_replaced_and_the_next_registration_works(make_logic):
    logic = make_logic(STAND_IN)
    request = make_request()
    logic.startRegistration(request)
    wait(logic, lambda: not logic.needsPolling)
    first = logic._job._process._process
    first.kill()
    wait(logic, lambda: logic._job.isWarm and logic._job._process._process is not first and logic._job.ready)
    logic.startRegistration(request)
    wait(logic, lambda: not logic.needsPolling)
    assert logic.state.value == "done" and logic.results.registered is not None


def test_a_worker_that_dies_again_and_again_is_given_up(make_logic):
    logic = make_logic([sys.executable, "-c", "raise SystemExit('no libraries here')"])
    logic.warmUp()
    seen = set()
    end = time.monotonic() + 30
    while time.monotonic() < end and (logic._job.isWarm or len(seen) < 4):
        if logic._job.isWarm:
            seen.add(logic._job._process._process.pid)
        logic.poll()
    assert len(seen) == 4 and not logic._job.isWarm
    assert "no libraries here" in " ".join(logic.log)


def test_a_silent_worker_is_ended_and_the_user_told(make_logic, monkeypatch):
    from LongitudinalRegistrationSlicer.process import job

    monkeypatch.setattr(job, "SILENCE_S", 0.5)
    logic = make_logic(program("sleep()"))
    logic.startRegistration(make_request())
    folder = logic._job.folder
    wait(logic, lambda: logic.state.value == "failed")
    assert "did not answer" in logic.statusText() and not folder.exists()


def test_a_program_that_is_not_there_is_a_failure_with_its_name(make_logic):
    logic = make_logic(["/no/such/program"])
    logic.startRegistration(make_request())
    assert logic.state.value == "failed" and "/no/such/program" in logic.statusText()


def test_a_state_cannot_be_skipped():
    from LongitudinalRegistrationSlicer.process.job import RegistrationJob

    with pytest.raises(RuntimeError, match="from idle to done"):
        RegistrationJob().finish()


def test_the_real_worker_registers_two_scans_and_refuses_what_is_no_ct(make_logic, phantom_pair):
    """The whole way: the worker's own process, the transform by points, the registered volume, scores, a refusal."""
    import slicer
    from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
    from TableRemovalSlicer.volumes import addVolumeNode

    logic = make_logic()
    fixed, moving = (
        addVolumeNode(getattr(phantom_pair, side).image, side, "vtkMRMLScalarVolumeNode")
        for side in ("baseline", "followup")
    )
    labels = addVolumeNode(phantom_pair.baseline.vertebrae, "fixed labels", "vtkMRMLLabelMapVolumeNode")
    moved = addVolumeNode(phantom_pair.followup.vertebrae, "moving labels", "vtkMRMLLabelMapVolumeNode")
    logic.startRegistration(RegistrationRequest(fixed, moving, labels, moved, "VoxelMorph"))
    wait(logic, lambda: not logic.needsPolling, 300)
    assert logic.state.value == "done", logic.statusText()
    report = logic.report
    assert report["mean_dsc"]["after"] > 0.8 > report["mean_dsc"]["before"]
    errors = []
    for point in ((0.0, 20.0, 60.0), (30.0, -10.0, 80.0), (-40.0, 0.0, 40.0)):
        ras = logic.results.transform.GetTransformFromParent().TransformPoint((-point[0], -point[1], point[2]))
        true = phantom_pair.true_transform.TransformPoint(point)
        errors.append(np.linalg.norm(np.subtract((-ras[0], -ras[1], ras[2]), true)))
    assert np.mean(errors) < 3.0
    registered = logic.results.registered
    assert registered.GetImageData().GetDimensions() == fixed.GetImageData().GetDimensions()
    wait(logic, lambda: logic.changes.revision and not logic.changes.busy, 120)
    assert logic.changes.message == "" and logic.changes.layersOf(logic.results.transform, "bone") is not None
    assert report["seconds"]["to_transform"] > 0 and not list(logic._job.folder.glob("*.npy"))
    for number in range(4):
        other = addVolumeNode(phantom_pair.followup.image[:, :, :12], f"later {number}", "vtkMRMLScalarVolumeNode")
        logic.prepareScans(RegistrationRequest(other, None))
    logic.startRegistration(RegistrationRequest(fixed, moving, method="Refinement alone"))
    wait(logic, lambda: not logic.needsPolling, 60)
    assert logic.state.value == "done", "a pair that the process had let go: " + logic.statusText()
    flat = slicer.util.addVolumeFromArray(np.zeros((10, 30, 30), np.int16), name="a")
    logic.startRegistration(RegistrationRequest(fixed, flat))
    wait(logic, lambda: logic.state.value == "failed", 60)
    assert "CT" in logic.statusText() or "HU" in logic.statusText()
    logic.shutDown()
