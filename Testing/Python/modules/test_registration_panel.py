"""The panel of LongitudinalRegistration: its button, its status, a running registration."""

import time

import pytest
from jobs import STAND_IN, add_volume, make_request, program

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


@pytest.fixture(autouse=True)
def stand_in(use_worker):
    use_worker(STAND_IN)


def test_register_button_says_why_it_is_disabled(open_panel):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    button, ui = panel.ui.registerButton, panel.ui
    assert not button.enabled and "baseline" in button.toolTip
    fixed, moving = add_volume("Baseline"), add_volume("Follow-up", 2)
    ui.fixedSelector.setCurrentNode(fixed)
    assert "follow-up" in button.toolTip
    ui.movingSelector.setCurrentNode(fixed)
    assert not button.enabled and "two scans" in button.toolTip
    ui.movingSelector.setCurrentNode(moving)
    assert button.enabled
    moving.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    panel._checkCanApply()
    assert not button.enabled and "harden" in button.toolTip


def test_a_registered_follow_up_that_is_made_the_baseline_says_which_transform_to_switch_off(open_panel):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE

    panel = open_panel("LongitudinalRegistration")
    parameters = panel.logic.getParameterNode()
    baseline, followUp = add_volume("Baseline"), add_volume("Follow-up", 2)
    result = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "May to March")
    result.SetAttribute(RESULT_ATTRIBUTE, "cost-volume")
    followUp.SetAndObserveTransformNodeID(result.GetID())
    parameters.fixedVolume, parameters.movingVolume = baseline, followUp
    assert panel.ui.registerButton.enabled
    panel.ui.swapButton.click()
    text = panel.ui.reasonLabel.text
    assert not panel.ui.registerButton.enabled and "'May to March'" in text and "off" in text and "harden" not in text


def test_when_a_node_that_was_chosen_is_removed_none_is_chosen_and_not_its_neighbour(open_panel):
    """The application's selectors take the next node of their list: another scan, or labels of findings."""
    import slicer

    panel = open_panel("LongitudinalRegistration")
    parameters = panel.logic.getParameterNode()
    scans = [add_volume(name, value) for value, name in enumerate(("Baseline", "Follow-up", "Another"))]
    labels = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name) for name in ("A", "B", "C")]
    parameters.fixedVolume, parameters.movingVolume = scans[:2]
    parameters.fixedLabels, parameters.movingLabels = labels[:2]
    for node in (scans[0], labels[0], labels[1]):
        slicer.mrmlScene.RemoveNode(node)
    ui = panel.ui
    chosen = [ui.fixedSelector, ui.movingSelector, ui.fixedLabelsSelector, ui.movingLabelsSelector]
    assert [selector.currentNode() for selector in chosen] == [None, scans[1], None, None]
    assert (parameters.fixedVolume, parameters.fixedLabels, parameters.movingLabels) == (None, None, None)
    assert not ui.registerButton.enabled and "baseline" in ui.registerButton.toolTip


def test_what_went_wrong_is_not_said_any_more_when_the_scene_is_closed(open_panel, use_worker):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    panel.logic.shutDown()
    use_worker(program("say('failed', job=job, message='The labels are on another grid.')"))
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = add_volume("Baseline"), add_volume("Follow-up", 2)
    panel.ui.registerButton.click()
    end = time.monotonic() + 60
    while panel.logic.busy and time.monotonic() < end:
        slicer.app.processEvents()
    assert "another grid" in panel.ui.statusLabel.text
    slicer.mrmlScene.Clear(0)
    slicer.app.processEvents()
    assert "another grid" not in panel.ui.statusLabel.text


def test_panel_runs_cancels_and_is_ready_again(open_panel, use_worker):
    import slicer

    code = "say('progress', job=job, stage='affine', fraction=0.4); sleep()"
    panel = open_panel("LongitudinalRegistration")
    panel.logic.shutDown()
    use_worker(program(code))
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = add_volume("Baseline"), add_volume("Follow-up", 2)
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
    pump(lambda: panel.ui.statusLabel.text == "Ready (compiled code, numba 0.61.2).")
    parameters.fixedVolume, parameters.movingVolume = add_volume("Baseline"), add_volume("Follow-up", 2)
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


def test_closing_the_scene_cancels(open_panel, use_worker):
    import slicer

    panel = open_panel("LongitudinalRegistration")
    panel.logic.shutDown()
    use_worker(program("sleep()"))
    panel.logic.startRegistration(make_request())
    slicer.mrmlScene.Clear(0)
    assert panel.logic.state.value == "cancelled"
    assert not panel.ui.registerButton.enabled and panel.ui.registerButton.text == "Register"
