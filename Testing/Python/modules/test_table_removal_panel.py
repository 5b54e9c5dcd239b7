"""The panel of TableRemoval while scans come, change and go, and the process behind it."""

import os
import time

import numpy as np
import pytest
from table_scans import BODY_PIXEL, KEPT, TABLE_PIXEL, add_scan, labels, settled

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_leaving_puts_the_display_back(table_panel, scan, session):
    import slicer

    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    window = scan.GetDisplayNode().GetWindow()
    table_panel.exit()
    nothing = composite.GetBackgroundVolumeID(), composite.GetLabelVolumeID()
    assert nothing == (None, None) and table_panel.logic.session is None
    composite.SetBackgroundVolumeID(scan.GetID())
    composite.SetLabelOpacity(0.3)
    table_panel.enter()
    table_panel.ui.inputSelector.setCurrentNode(scan)
    settled(table_panel)
    scan.GetDisplayNode().SetWindowLevel(1, 2)
    table_panel.exit()
    assert composite.GetBackgroundVolumeID() == scan.GetID() and composite.GetLabelOpacity() == 0.3
    assert scan.GetDisplayNode().GetWindow() == window
    assert not [
        n for n in slicer.util.getNodesByClass("vtkMRMLNode") if (n.GetName() or "").startswith("Table Removal")
    ]


@pytest.mark.parametrize("end", ["delete the volume", "close the scene"])
def test_the_scan_may_go_while_the_background_works(host, table_panel, end):
    import slicer

    scan = add_scan(host)
    table_panel.ui.inputSelector.setCurrentNode(scan)
    session = table_panel.logic.session
    assert session is not None and not session.current
    if end == "delete the volume":
        slicer.mrmlScene.RemoveNode(scan)
    else:
        slicer.mrmlScene.Clear(0)
    for _attempt in range(20):
        slicer.app.processEvents()
        table_panel.poll()
        time.sleep(0.01)
    assert table_panel.logic.session is None and session.overlay.node.GetScene() is None
    assert not table_panel.ui.applyButton.enabled and "Select" in table_panel.ui.applyButton.toolTip
    again = add_scan(host, "again")
    table_panel.ui.inputSelector.setCurrentNode(again)
    settled(table_panel)
    assert labels(table_panel.logic.session, 5, BODY_PIXEL) == KEPT


def test_a_volume_under_a_transform_is_refused_and_a_copy_offered(table_panel, scan):
    import slicer
    import vtk

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    shift = vtk.vtkTransform()
    shift.Translate(10, 0, 0)
    transform.SetMatrixTransformToParent(shift.GetMatrix())
    scan.SetAndObserveTransformNodeID(transform.GetID())
    table_panel.ui.inputSelector.setCurrentNode(scan)
    table_panel._checkCanApply()
    assert table_panel.logic.session is None and "transform" in table_panel.ui.problemLabel.text
    assert not table_panel.ui.hardenButton.isHidden()
    table_panel.ui.hardenButton.click()
    copy = table_panel.logic.getParameterNode().inputVolume
    assert copy is not scan and copy.GetOrigin()[0] == pytest.approx(scan.GetOrigin()[0] + 10)
    assert (
        table_panel.logic.session is not None
        and table_panel.ui.applyButton.enabled
        and table_panel.ui.hardenButton.isHidden()
    )
    table_panel.ui.inputSelector.setCurrentNode(scan)
    table_panel.ui.plainCopyButton.click()
    plain = table_panel.logic.getParameterNode().inputVolume
    assert plain.GetOrigin() == pytest.approx(scan.GetOrigin()) and plain.GetParentTransformNode() is None


def test_a_scan_whose_voxels_or_place_change_is_looked_at_again(table_panel, scan, session):
    import slicer

    slicer.util.arrayFromVolume(scan)[:, 96:100] = -1000
    slicer.util.arrayFromVolumeModified(scan)
    table_panel.poll()
    assert table_panel.logic.session is not session and session.overlay.node.GetScene() is None
    settled(table_panel)
    assert labels(table_panel.logic.session, 5, TABLE_PIXEL) == 0
    scan.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    table_panel.poll()
    assert table_panel.logic.session is None and not table_panel.ui.applyButton.enabled


def test_volumes_that_are_no_ct_are_refused_with_what_to_do(table_panel, scan):
    import slicer

    logic, options = table_panel.logic, table_panel.logic.optionsFrom(table_panel.logic.getParameterNode())
    array = np.zeros((4, 20, 20), np.uint8)
    labelmap = slicer.util.addVolumeFromArray(array, name="L", nodeClassName="vtkMRMLLabelMapVolumeNode")
    colour = slicer.util.addVolumeFromArray(
        np.zeros((4, 20, 20, 3), np.uint8), name="C", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    assert "labelmap" in logic.whyNot(labelmap, options) and "select the CT" in logic.whyNot(labelmap, options)
    assert "3 values" in logic.whyNot(colour, options)
    assert "several slices" in logic.whyNot(slicer.util.addVolumeFromArray(np.zeros((1, 20, 20), np.int16)), options)
    fake = slicer.util.addVolumeFromArray((np.indices((6, 40, 40))[0] % 3).astype(np.int16), name="fake")
    table_panel.ui.inputSelector.setCurrentNode(fake)
    settled(table_panel)
    assert "labelmap" in table_panel.ui.previewLabel.text and not table_panel.logic.session.records


def test_a_killed_background_process_says_so_and_the_next_change_starts_another(table_panel, session):
    worker = table_panel.logic._worker
    worker._process.kill()
    worker._process.wait()
    session.setThreshold(0.2, None)
    settled(table_panel)
    assert session.records and not session.problem


def test_choosing_another_volume_at_once_shows_that_one(host, table_panel):
    import slicer

    first, second = add_scan(host, "first"), add_scan(host, "second")
    slicer.util.arrayFromVolume(second)[:, 96:100] = -1000
    for _turn in range(3):
        for node in (first, second):
            table_panel.ui.inputSelector.setCurrentNode(node)
            for _wait in range(3):
                table_panel.poll()
                time.sleep(0.02)
    settled(table_panel)
    session = table_panel.logic.session
    assert session.volumeNode is second and labels(session, 5, TABLE_PIXEL) == 0
    assert len([n for n in slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if n.GetScene()]) == 1


@pytest.mark.skipif(os.name == "nt", reason="looks at POSIX process numbers")
def test_leaving_the_module_ends_the_process_and_removes_its_folder(table_panel, session):
    worker = table_panel.logic._worker
    process, folder = worker._process, worker._folder
    assert folder.exists()
    table_panel.exit()
    assert process.poll() is not None and not folder.exists()
