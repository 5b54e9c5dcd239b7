"""Both modules in the stand-in for Slicer: their own tests, their classes, the panel of TableRemoval."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_the_modules_own_test_passes(host, name):
    host.modules[name].module.runTest()


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_module_has_title_help_icon_and_five_classes(host, name):
    record = host.modules[name]
    assert record.title and record.helpText and record.contributors and not record.icon.isNull()
    for suffix in ("", "ParameterNode", "Widget", "Logic", "Test"):
        assert isinstance(getattr(record.python, name + suffix), type)


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_a_panel_that_is_reloaded_while_it_is_shown_goes_on_working(host, scene, name):
    """The application does not enter the new one."""
    from slicerhost.application import closePanel, makePanel, reloadPanel

    panel = makePanel(host.modules[name])
    again = reloadPanel(host.modules[name], panel)
    assert again.timer.active and not panel.timer.active
    closePanel(again)
    assert not again.timer.active


def test_table_removal_from_the_panel(host, open_panel):
    import slicer

    panel = open_panel("TableRemoval")
    assert not panel.ui.applyButton.enabled and "Select" in panel.ui.applyButton.toolTip
    scan, body, table = host.modules["TableRemoval"].python.TableRemovalTest().makeScan()
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
