"""Applying in the panel of TableRemoval: what is added to the scene, several volumes, cancelling."""

import json

import numpy as np
import pytest
from table_scans import SHAPE, add_scan

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_apply_makes_volume_segmentation_and_record_and_leaves_the_scan(table_panel, scan, session):
    import slicer

    before = slicer.util.arrayFromVolume(scan).copy()
    table_panel.ui.sliceSlider.value = 4
    session.setThreshold(0.05, [4])
    table_panel.ui.softEdgeSpinBox.value = 9
    table_panel.ui.cropCheckBox.checked = True
    table_panel.ui.fillSpinBox.value = -1000
    table_panel.ui.applyButton.click()
    cleaned = slicer.util.getNode("CT without table")
    mask = slicer.util.getNode("CT body mask")
    for node in (cleaned, mask):
        record = json.loads(node.GetAttribute("TableRemoval.Parameters"))
        assert record["overrides"]["slices"] == {"4": {"threshold": 0.05}} and record["finish"]["soft_edge_mm"] == 9
        assert node.GetNodeReference("TableRemoval.Input") is scan
    assert cleaned.GetImageData().GetDimensions()[0] < SHAPE[2]
    array = slicer.util.arrayFromVolume(cleaned)
    assert array[10, 0, 0] == -1000
    assert np.array_equal(slicer.util.arrayFromVolume(scan), before)
    assert "CT: Body found in 24 slices" in table_panel.ui.statusLabel.text
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert composite.GetBackgroundVolumeID() == cleaned.GetID() and not composite.GetLabelVolumeID()
    table_panel.ui.undoButton.click()
    assert composite.GetBackgroundVolumeID() == scan.GetID() and table_panel.ui.previewCheckBox.checked
    assert composite.GetLabelVolumeID() == session.overlay.node.GetID()
    assert table_panel.ui.othersList.count == 0


def test_several_volumes_and_a_cancel_that_leaves_the_finished_ones(host, table_panel, scan, session, monkeypatch):
    import slicer

    _second, third = add_scan(host, "second"), add_scan(host, "third")
    table_panel.applySection.showOthers()
    assert table_panel.ui.othersList.count == 2
    import qt

    for row in range(2):
        table_panel.ui.othersList.item(row).setCheckState(qt.Qt.Checked)
    dialogs = []
    make = slicer.util.createProgressDialog
    monkeypatch.setattr(slicer.util, "createProgressDialog", lambda **k: dialogs.append(make(**k)) or dialogs[0])
    timer = qt.QTimer()

    def cancel():
        if slicer.mrmlScene.GetFirstNodeByName("CT without table") is not None:
            dialogs[0].cancel()

    timer.connect("timeout()", cancel)
    timer.start(5)
    table_panel.ui.applyButton.click()
    timer.stop()
    assert "Cancelled" in table_panel.ui.statusLabel.text and table_panel.ui.applyButton.enabled
    assert slicer.mrmlScene.GetFirstNodeByName("CT without table") is not None
    assert slicer.mrmlScene.GetFirstNodeByName("third without table") is None
    table_panel.applySection.showOthers()
    monkeypatch.undo()
    third.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    table_panel.ui.applyButton.click()
    assert slicer.mrmlScene.GetFirstNodeByName("second without table") is not None
    assert "'third' is under a transform" in table_panel.ui.statusLabel.text
