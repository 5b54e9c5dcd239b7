"""Both modules in the stand-in for Slicer: their own tests, their panels, the running job."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Host"))

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402


@pytest.fixture(scope="module")
def host():
    return boot()


@pytest.fixture
def open_panel(host):
    """A function that opens a module's panel on an empty scene."""
    from slicerhost.application import makePanel

    host.core.scene.Clear(0)
    opened = []

    def make(name):
        opened.append(makePanel(host.modules[name]))
        return opened[-1]

    yield make
    for panel in opened:
        panel.exit()
        panel.cleanup()


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
    """A command that runs Python code in place of the registration; `out` and `say` are at its hand."""
    head = (
        "import json, os, pathlib, subprocess, sys, time\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "say = lambda **what: print(json.dumps(what), flush=True)\n"
    )
    return [sys.executable, "-c", head + code]


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


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


@pytest.mark.parametrize(
    "name, button", [("TableRemoval", "applyButton"), ("LongitudinalRegistration", "registerButton")]
)
def test_without_a_package_the_panel_opens_says_so_and_offers_to_install(open_panel, monkeypatch, name, button):
    import slicer

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *rest: None if n == "numba" else find(n, *rest))
    asked = []
    monkeypatch.setattr(slicer.util, "pip_install", asked.append)
    panel = open_panel(name)
    assert "numba" in panel.ui.packagesLabel.text and not panel.ui.packagesCollapsibleButton.isHidden()
    apply = getattr(panel.ui, button)
    assert not apply.enabled and "Install" in apply.toolTip
    panel.ui.installButton.click()
    assert len(asked) == 1 and "numba>=0.59" in asked[0]
    monkeypatch.undo()
    panel._checkCanApply()
    assert panel.ui.packagesCollapsibleButton.isHidden()


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

    panel = open_panel("LongitudinalRegistration")
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = _add_volume("Baseline"), _add_volume("Follow-up", 2)
    code = "say(progress={'stage': 'affine', 'fraction': 0.4}); time.sleep(600)"
    start = panel.logic.startRegistration
    monkeypatch.setattr(panel.logic, "startRegistration", lambda request: start(request, _program(code)))
    panel.ui.registerButton.click()
    assert panel.ui.registerButton.text == "Cancel" and not panel.ui.inputsCollapsibleButton.enabled
    end = time.monotonic() + 60
    while panel.ui.progressBar.value != 40 and time.monotonic() < end:
        slicer.app.processEvents()
    assert panel.ui.progressBar.value == 40 and "affine" in panel.ui.statusLabel.text
    panel.ui.registerButton.click()
    assert (panel.logic.state.value, panel.ui.registerButton.text) == ("cancelled", "Register")
    assert panel.ui.registerButton.enabled and not panel.timer.isActive()
    assert "affine" in panel.ui.logTextEdit.toPlainText()


@pytest.fixture
def logic(host):
    host.core.scene.Clear(0)
    logic = host.modules["LongitudinalRegistration"].python.LongitudinalRegistrationLogic()
    yield logic
    logic.cancel()


def _request(**options):
    from LongitudinalRegistrationSlicer.request import RegistrationRequest

    return RegistrationRequest(_add_volume("Baseline"), _add_volume("Follow-up", 2), **options)


@pytest.mark.skipif(os.name == "nt", reason="looks at POSIX process numbers")
def test_cancel_kills_the_children_too_and_removes_the_folder(logic):
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    code = (
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "time.sleep(1); say(progress={'stage': f'{os.getpid()} {child.pid}', 'fraction': 0}); time.sleep(600)"
    )
    logic.startRegistration(_request(), _program(code))
    folder = logic._job.folder
    assert (folder / "fixed.nrrd").exists()
    _wait(logic, lambda: logic.progress.stage)
    pids = [int(pid) for pid in logic.progress.stage.split()]
    assert all(_alive(pid) for pid in pids)
    logic.cancel()
    end = time.monotonic() + 10
    while any(_alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in pids) and not folder.exists()


@pytest.mark.parametrize(
    "code, message",
    [
        (
            "print('noise', 'longct: choose another scan', sep=chr(10), file=sys.stderr); sys.exit(2)",
            "longct: choose another scan",
        ),
        ("print('boom', file=sys.stderr); sys.exit(1)", "stopped with code 1: boom"),
        ("os.abort()", "stopped with code"),
        ("print('{not json')", "without a report"),
        ("say(result={'method': 'niftyreg'})", "could not be read"),
    ],
)
def test_a_failed_run_says_what_went_wrong_and_leaves_nothing(logic, code, message):
    import slicer

    request = _request()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    logic.startRegistration(request, _program(code))
    folder = logic._job.folder
    _wait(logic, lambda: logic.state.value == "failed")
    assert message in logic.statusText() and not folder.exists()
    assert request.moving.GetParentTransformNode() is None
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_a_program_that_is_not_there_is_a_failure_with_its_name(logic):
    logic.startRegistration(_request(), ["/no/such/program"])
    assert logic.state.value == "failed" and "/no/such/program" in logic.statusText()


def test_closing_the_scene_cancels(open_panel):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    panel.logic.startRegistration(_request(), _program("time.sleep(600)"))
    folder = panel.logic._job.folder
    slicer.mrmlScene.Clear(0)
    assert panel.logic.state.value == "cancelled" and not folder.exists()
    assert not panel.ui.registerButton.enabled and panel.ui.registerButton.text == "Register"


def test_a_state_cannot_be_skipped():
    from LongitudinalRegistrationSlicer.job import RegistrationJob

    with pytest.raises(RuntimeError, match="from idle to done"):
        RegistrationJob().finish()


def test_the_real_program_understands_the_arguments_and_its_refusal_is_shown(host):
    import slicer
    from LongitudinalRegistrationSlicer.request import RegistrationRequest

    host.core.scene.Clear(0)
    logic = host.modules["LongitudinalRegistration"].python.LongitudinalRegistrationLogic()
    flat = [slicer.util.addVolumeFromArray(np.zeros((10, 30, 30), np.int16), name=name) for name in ("a", "b")]
    logic.startRegistration(RegistrationRequest(*flat, method="NiftyReg", refinement=False, tableRemoval=False))
    _wait(logic, lambda: logic.state.value == "failed", 120)
    assert logic.statusText().startswith("longct: ") and "usage" not in logic.statusText()
    assert "unrecognized" not in " ".join(logic.log)


def test_a_second_registration_replaces_the_first_ones_transform(logic):
    module = sys.modules["LongitudinalRegistration"]
    request = _request()
    for _run in range(2):
        logic.startRegistration(request, [sys.executable, "-c", module.STAND_IN_PROGRAM])
        _wait(logic, lambda: logic.state.value in ("done", "failed"))
        assert logic.state.value == "done", logic.statusText()
    assert request.moving.GetParentTransformNode() is logic.results.transform


def test_labels_go_out_as_verse_numbers_from_segment_names(host, tmp_path):
    import SimpleITK as sitk
    import slicer
    from LongitudinalRegistrationSlicer.exchange import writeInputs

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
    arguments = writeInputs(request, tmp_path)
    labels = sitk.ReadImage(str(arguments[arguments.index("--fixed-labels") + 1]))
    written = sitk.GetArrayFromImage(labels)
    assert [int(written[k, 10, 10]) for k in (2, 4, 6)] == [20, 19, 101]
    fixed = sitk.ReadImage(str(tmp_path / "fixed.nrrd"))
    assert labels.GetSize() == fixed.GetSize() and np.allclose(labels.GetOrigin(), fixed.GetOrigin())
