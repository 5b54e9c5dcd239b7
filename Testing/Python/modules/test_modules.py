"""Both modules in the stand-in for Slicer: their own tests, their panels, the running job."""

import os
import sys
import time

import numpy as np
import pytest
from processes import runs

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402


@pytest.fixture(scope="module")
def host():
    return boot()


STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]


@pytest.fixture
def open_panel(host, monkeypatch):
    """A function that opens a module's panel on an empty scene; a small program takes the place of the worker."""
    from slicerhost.application import closePanel, makePanel

    host.core.scene.Clear(0)
    opened = []
    monkeypatch.setattr(host.modules["LongitudinalRegistration"].python, "workerCommand", lambda: STAND_IN)

    def make(name):
        opened.append(makePanel(host.modules[name]))
        return opened[-1]

    yield make
    for panel in opened:
        closePanel(panel)


def _add_volume(name, seed=1, shape=(10, 30, 30)):
    import slicer

    array = np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)
    return slicer.util.addVolumeFromArray(array, ijkToRAS=np.diag([-3.0, -3.0, 3.0, 1.0]), name=name)


def _wait(logic, until, seconds=60):
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        logic.poll()
        time.sleep(0.02)
    assert until(), logic.log


def _program(code):
    """A command that runs Python code in place of the worker once it is asked to register, with `say` and `job`.

    Code that sleeps ends as the real worker does: when its input is closed.
    """
    head = (
        "import json, os, pathlib, subprocess, sys, time\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "say = lambda event, **what: print(json.dumps({'event': event, **what}), flush=True)\n"
        "command = {'do': ''}\n"
        "while command['do'] != 'register':\n"
        "    command = json.loads(sys.stdin.readline())\n"
        "job = command['job']\n"
        "def sleep():\n"
        "    for _ in sys.stdin:\n"
        "        pass\n"
    )
    return [sys.executable, "-c", head + code]


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_the_modules_own_test_passes(host, name):
    host.modules[name].module.runTest()


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_module_has_title_help_icon_and_five_classes(host, name):
    record = host.modules[name]
    assert record.title and record.helpText and record.contributors and not record.icon.isNull()
    for suffix in ("", "ParameterNode", "Widget", "Logic", "Test"):
        assert isinstance(getattr(record.python, name + suffix), type)


def test_table_removal_from_the_panel(host, open_panel):
    import slicer

    panel = open_panel("TableRemoval")
    assert not panel.ui.applyButton.enabled and "Select" in panel.ui.applyButton.toolTip
    scan, body, table = host.modules["TableRemoval"].python.TableRemovalTest()._makeScan()
    panel.ui.inputSelector.setCurrentNode(scan)
    assert panel.ui.applyButton.enabled
    panel.ui.applyButton.click()
    cleaned = slicer.mrmlScene.GetFirstNodeByName("CT without table")
    assert set(np.unique(slicer.util.arrayFromVolume(cleaned)[table])) == {-1024}
    assert "24 slices" in panel.ui.statusLabel.text
    segmentation = slicer.mrmlScene.GetFirstNodeByName("CT body mask")
    inside = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Body", cleaned) > 0
    assert 2 * (inside & body).sum() / (inside.sum() + body.sum()) > 0.98


def test_table_removal_panel_settings_reach_the_options(open_panel):
    panel = open_panel("TableRemoval")
    ui, logic = panel.ui, panel.logic
    assert not ui.thresholdSlider.enabled and not ui.seedRowSpinBox.enabled
    ui.methodComboBox.setCurrentIndex(ui.methodComboBox.findText("Paper"))
    ui.automaticThresholdCheckBox.checked = False
    ui.thresholdSlider.value = 0.12
    ui.automaticSeedCheckBox.checked = False
    ui.seedColumnSpinBox.value, ui.seedRowSpinBox.value = 7, 9
    ui.fillSpinBox.value = -1000
    options = logic.optionsFrom(logic.getParameterNode())
    assert (options.method, options.threshold, options.seed_ij, options.fill_hu) == ("paper", 0.12, (7, 9), -1000)
    assert ui.thresholdSlider.enabled and ui.seedRowSpinBox.enabled


def test_a_scan_that_is_no_ct_is_refused_in_the_status_line(open_panel):
    import slicer
    from TableRemovalLib.errors import InputError

    panel = open_panel("TableRemoval")
    flat = slicer.util.addVolumeFromArray(np.zeros((5, 20, 20), np.int16), name="flat")
    panel.ui.inputSelector.setCurrentNode(flat)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    panel.ui.applyButton.click()
    assert panel.ui.statusLabel.text and slicer.mrmlScene.GetNumberOfNodes() == nodes
    with pytest.raises(InputError):
        panel.logic.process(flat, panel.logic.optionsFrom(panel.logic.getParameterNode()))


def test_register_button_says_why_it_is_disabled(open_panel):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    button, ui = panel.ui.registerButton, panel.ui
    assert not button.enabled and "baseline" in button.toolTip
    fixed, moving = _add_volume("Baseline"), _add_volume("Follow-up", 2)
    ui.fixedSelector.setCurrentNode(fixed)
    assert "follow-up" in button.toolTip
    ui.movingSelector.setCurrentNode(fixed)
    assert not button.enabled and "two scans" in button.toolTip
    ui.movingSelector.setCurrentNode(moving)
    assert button.enabled
    moving.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    panel._checkCanApply()
    assert not button.enabled and "harden" in button.toolTip


def test_panel_runs_cancels_and_is_ready_again(host, open_panel, monkeypatch):
    import slicer

    code = "say('progress', job=job, stage='affine', fraction=0.4); sleep()"
    panel = open_panel("LongitudinalRegistration")
    panel.logic.shutDown()
    monkeypatch.setattr(host.modules["LongitudinalRegistration"].python, "workerCommand", lambda: _program(code))
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = _add_volume("Baseline"), _add_volume("Follow-up", 2)
    panel.ui.registerButton.click()
    assert panel.ui.registerButton.text == "Cancel" and not panel.ui.inputsCollapsibleButton.enabled
    end = time.monotonic() + 60
    while panel.ui.progressBar.value != 40 and time.monotonic() < end:
        slicer.app.processEvents()
    assert panel.ui.progressBar.value == 40 and "affine" in panel.ui.statusLabel.text
    panel.ui.registerButton.click()
    assert (panel.logic.state.value, panel.ui.registerButton.text) == ("cancelled", "Register")
    assert panel.ui.registerButton.enabled and "affine" in panel.ui.logTextEdit.toPlainText()
    while panel.logic.needsPolling and time.monotonic() < end:
        slicer.app.processEvents()
    assert not panel.logic.needsPolling


def test_the_panel_says_where_nothing_runs_the_network(make_logic):
    logic = make_logic([sys.executable, "-c", 'print(\'{"event": "ready", "seconds": 0.1, "network": ""}\'); input()'])
    logic.warmUp()
    _wait(logic, lambda: logic._job.ready)
    assert logic.statusText() == "Ready, without the network."


def test_the_panel_warms_up_prepares_registers_and_tells_the_stages(open_panel):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    parameters = panel.logic.getParameterNode()

    def pump(until):
        end = time.monotonic() + 60
        while not until() and time.monotonic() < end:
            slicer.app.processEvents()
        assert until(), panel.ui.statusLabel.text

    assert "Getting ready" in panel.logic.statusText()
    pump(lambda: panel.ui.statusLabel.text == "Ready (ONNX Runtime 1.32.0).")
    parameters.fixedVolume, parameters.movingVolume = _add_volume("Baseline"), _add_volume("Follow-up", 2)
    pump(lambda: sum("prepared" in line for line in panel.logic.log) == 2)
    panel.ui.registerButton.click()
    pump(lambda: not panel.logic.needsPolling)
    assert "DSC 0.50 → 0.90" in panel.ui.statusLabel.text and "1.00 s" in panel.ui.statusLabel.text
    assert panel.logic.results.registered.GetName() == "Follow-up registered"
    panel.exit()
    panel.enter()
    assert panel.logic._job.isWarm
    panel.cleanup()
    assert not panel.logic._job.isWarm and panel.logic._job.folder is None


@pytest.fixture
def make_logic(host):
    """A function that makes a logic with a command in place of the worker."""
    host.core.scene.Clear(0)
    made = []

    def make(command=None):
        made.append(host.modules["LongitudinalRegistration"].python.LongitudinalRegistrationLogic(None, command))
        return made[-1]

    yield make
    for logic in made:
        logic.shutDown()


def _request(**options):
    from LongitudinalRegistrationSlicer.process.request import RegistrationRequest

    return RegistrationRequest(_add_volume("Baseline"), _add_volume("Follow-up", 2), **options)


def _slow_to_resample(seconds):
    """A command for a process whose registered volume comes later than its transform."""
    code = (
        "import time\n"
        "from LongitudinalRegistrationSlicer.process import stand_in_worker as worker\n"
        "resample = worker.sitk.Resample\n"
        f"worker.sitk.Resample = lambda *images: time.sleep({seconds}) or resample(*images)\n"
        "worker.main()\n"
    )
    return [sys.executable, "-c", code]


def test_a_request_while_another_runs_is_refused_and_changes_nothing(make_logic):
    from LongitudinalRegistrationSlicer.results.nodes import resultNodes

    logic, request = make_logic(_slow_to_resample(0)), _request(method="NiftyReg")
    logic.startRegistration(request)
    _wait(logic, lambda: logic.progress.stage)
    with pytest.raises(ValueError, match="under way"):
        logic.startRegistration(_request())
    assert logic._request is request and logic.state.value == "running"
    logic.cancel()
    assert not resultNodes()


def test_a_request_while_the_registered_volume_is_to_come_waits_for_it(make_logic):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import registeredOf, resultNodes, scoresOf

    logic, first, second = make_logic(_slow_to_resample(1.0)), _request(), _request()
    logic.startRegistration(first)
    _wait(logic, lambda: logic.state.value == "done")
    assert registeredOf(logic.results.transform) is None
    logic.startRegistration(second)
    assert logic.busy and logic._request is first
    logic.cancel()
    assert not logic.busy and logic.needsPolling
    logic.startRegistration(second)
    _wait(logic, lambda: not logic.needsPolling)
    results = resultNodes()
    assert len(results) == 2 and None not in [find(node) for node in results for find in (registeredOf, scoresOf)]
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")

    logic.startRegistration(second)
    _wait(logic, lambda: logic.results is not None)
    assert logic.results.transform is results[1] and logic.needsPolling
    assert registeredOf(results[1]) is None and scoresOf(results[1]) is None
    _wait(logic, lambda: not logic.needsPolling)
    assert registeredOf(results[1]) is not None
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == len(volumes)


def test_nothing_is_said_of_a_closed_scene(make_logic):
    import slicer

    logic = make_logic(_slow_to_resample(0))
    logic.startRegistration(_request())
    _wait(logic, lambda: not logic.needsPolling)
    assert "DSC" in logic.statusText()
    logic.forget()
    slicer.mrmlScene.Clear(0)
    assert logic.statusText() == "" and logic.results is None


@pytest.mark.skipif(os.name == "nt", reason="looks at POSIX process numbers")
def test_cancel_takes_effect_at_once_and_kills_what_does_not_obey_with_its_children(make_logic):
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    logic = make_logic(
        _program(
            f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
            "time.sleep(1); say('progress', job=job, stage=f'{os.getpid()} {child.pid}', fraction=0); sleep()"
        )
    )
    logic.startRegistration(_request())
    folder = logic._job.folder
    assert any(folder.glob("scan-*.npy"))
    _wait(logic, lambda: logic.progress.stage)
    pids = [int(pid) for pid in logic.progress.stage.split()]
    assert all(runs(pid) for pid in pids)
    begun = time.monotonic()
    logic.cancel()
    assert logic.state.value == "cancelled" and time.monotonic() - begun < 0.1
    _wait(logic, lambda: not any(runs(pid) for pid in pids), 10)
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
    logic, request = make_logic(_program(code)), _request()
    logic.startRegistration(request)
    _wait(logic, lambda: logic.progress.stage == "network")
    process = logic._job._process
    logic.cancel()
    logic.startRegistration(request)
    _wait(logic, lambda: logic.state.value == "failed")
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

    logic, request = make_logic(_program(code)), _request()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    logic.startRegistration(request)
    folder = logic._job.folder
    _wait(logic, lambda: logic.state.value == "failed")
    assert message in logic.statusText()
    assert request.moving.GetParentTransformNode() is None
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    logic.shutDown()
    assert not folder.exists()


def test_a_worker_that_dies_is_replaced_and_the_next_registration_works(make_logic):
    logic = make_logic(STAND_IN)
    request = _request()
    logic.startRegistration(request)
    _wait(logic, lambda: not logic.needsPolling)
    first = logic._job._process._process
    first.kill()
    _wait(logic, lambda: logic._job.isWarm and logic._job._process._process is not first and logic._job.ready)
    logic.startRegistration(request)
    _wait(logic, lambda: not logic.needsPolling)
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
    logic = make_logic(_program("sleep()"))
    logic.startRegistration(_request())
    folder = logic._job.folder
    _wait(logic, lambda: logic.state.value == "failed")
    assert "did not answer" in logic.statusText() and not folder.exists()


def test_a_program_that_is_not_there_is_a_failure_with_its_name(make_logic):
    logic = make_logic(["/no/such/program"])
    logic.startRegistration(_request())
    assert logic.state.value == "failed" and "/no/such/program" in logic.statusText()


def test_closing_the_scene_cancels(open_panel, host, monkeypatch):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    panel.logic.shutDown()
    monkeypatch.setattr(host.modules["LongitudinalRegistration"].python, "workerCommand", lambda: _program("sleep()"))
    panel.logic.startRegistration(_request())
    slicer.mrmlScene.Clear(0)
    assert panel.logic.state.value == "cancelled"
    assert not panel.ui.registerButton.enabled and panel.ui.registerButton.text == "Register"


def test_a_state_cannot_be_skipped():
    from LongitudinalRegistrationSlicer.process.job import RegistrationJob

    with pytest.raises(RuntimeError, match="from idle to done"):
        RegistrationJob().finish()


def test_the_real_worker_registers_two_scans_and_refuses_what_is_no_ct(host, phantom_pair):
    """The whole way: the worker's own process, the transform by points, the registered volume, scores, a refusal."""
    import slicer
    from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
    from TableRemovalSlicer.volumes import addVolumeNode

    host.core.scene.Clear(0)
    logic = host.modules["LongitudinalRegistration"].python.LongitudinalRegistrationLogic()
    fixed, moving = (
        addVolumeNode(getattr(phantom_pair, side).image, side, "vtkMRMLScalarVolumeNode")
        for side in ("baseline", "followup")
    )
    labels = addVolumeNode(phantom_pair.baseline.vertebrae, "fixed labels", "vtkMRMLLabelMapVolumeNode")
    moved = addVolumeNode(phantom_pair.followup.vertebrae, "moving labels", "vtkMRMLLabelMapVolumeNode")
    logic.startRegistration(RegistrationRequest(fixed, moving, labels, moved, "VoxelMorph"))
    _wait(logic, lambda: not logic.needsPolling, 300)
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
    assert report["seconds"]["to_transform"] > 0 and not list(logic._job.folder.glob("*.npy"))
    for number in range(4):
        other = addVolumeNode(phantom_pair.followup.image[:, :, :12], f"later {number}", "vtkMRMLScalarVolumeNode")
        logic.prepareScans(RegistrationRequest(other, None))
    logic.startRegistration(RegistrationRequest(fixed, moving, method="Refinement alone"))
    _wait(logic, lambda: not logic.needsPolling, 60)
    assert logic.state.value == "done", "a pair that the process had let go: " + logic.statusText()
    flat = slicer.util.addVolumeFromArray(np.zeros((10, 30, 30), np.int16), name="a")
    logic.startRegistration(RegistrationRequest(fixed, flat))
    _wait(logic, lambda: logic.state.value == "failed", 60)
    assert "CT" in logic.statusText() or "HU" in logic.statusText()
    logic.shutDown()


def test_a_second_registration_updates_the_transform_in_place(make_logic):
    import slicer

    logic, request = make_logic(STAND_IN), _request()
    transforms = []
    for _run in range(2):
        logic.startRegistration(request)
        _wait(logic, lambda: not logic.needsPolling)
        assert logic.state.value == "done", logic.statusText()
        transforms.append(logic.results.transform)
    assert transforms[0] is transforms[1] is request.moving.GetParentTransformNode()
    assert len(slicer.util.getNodes("Follow-up registered*", useLists=True)["Follow-up registered"]) == 1


def test_a_transform_that_was_removed_gets_no_registered_volume(make_logic):
    import slicer

    logic, request = make_logic(STAND_IN), _request()
    logic.startRegistration(request)
    _wait(logic, lambda: logic.state.value == "done")
    pending = logic.needsPolling
    slicer.mrmlScene.RemoveNode(logic.results.transform)
    _wait(logic, lambda: not logic.needsPolling)
    assert not pending or slicer.mrmlScene.GetFirstNodeByName("Follow-up registered") is None


def test_labels_go_out_as_verse_numbers_from_segment_names(host, tmp_path):
    import SimpleITK as sitk
    import slicer
    from LongitudinalRegistrationLib.system.shared_arrays import take_image
    from LongitudinalRegistrationSlicer.process.exchange import registerMessage
    from TableRemovalSlicer.volumes import geometryOfVolumeNode

    host.core.scene.Clear(0)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "s")
    request = _request(fixedLabels=segmentation)
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(request.fixed)
    array = np.zeros((10, 30, 30), np.uint8)
    for number, name in enumerate(("vertebrae_L1", "T12", "metastasis")):
        segmentId = segmentation.GetSegmentation().AddEmptySegment(name, name)
        array[:] = 0
        array[2 + 2 * number, 5:20, 6:21] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segmentId, request.fixed)
    message = registerMessage(request, tmp_path)
    labels = take_image(tmp_path, message["labels"]["fixed"])
    written = sitk.GetArrayFromImage(labels)
    assert [int(written[k, 10, 10]) for k in (2, 4, 6)] == [20, 19, 101]
    spacing, origin, _direction = geometryOfVolumeNode(request.fixed)
    assert labels.GetSize() == (30, 30, 10) and np.allclose(labels.GetOrigin(), origin)
    assert np.allclose(labels.GetSpacing(), spacing) and list(message["labels"]) == ["fixed"]
