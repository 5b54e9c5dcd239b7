"""Overrides of TableRemoval: kept with the scene, refused on another scan, edited in the Segment Editor."""

import pytest
from table_scans import KEPT, TABLE_PIXEL, labels, settled

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def save_scene(folder):
    import slicer

    scan = slicer.util.getNode("CT")
    storage = scan.CreateDefaultStorageNode()
    slicer.mrmlScene.AddNode(storage)
    storage.SetFileName(str(folder / "ct.nrrd"))
    scan.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.WriteData(scan)
    slicer.mrmlScene.SetURL(str(folder / "scene.mrml"))
    slicer.mrmlScene.SetRootDirectory(str(folder))
    assert slicer.mrmlScene.Commit()


def test_overrides_and_checked_flags_survive_saving_and_reloading_the_scene(host, table_panel, scan, session, tmp_path):
    import slicer

    session.setThreshold(0.01, [2, 3])
    session.click(*TABLE_PIXEL, 6)
    settled(table_panel)
    flagged = next(record for record in session.records if record.flags)
    session.check(flagged.index, flagged.flags[0], True)
    kept, checked, records = session.state.overrides, session.checked, session.records
    save_scene(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert not any("preview" in name for name in names)
    slicer.mrmlScene.Clear(0)
    assert table_panel.logic.session is None
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    assert slicer.mrmlScene.Connect()
    table_panel.initializeParameterNode()
    table_panel.ui.inputSelector.setCurrentNode(slicer.util.getNode("CT"))
    settled(table_panel)
    again = table_panel.logic.session
    assert again.state.overrides == kept and again.checked == checked and again.records == records


def test_overrides_of_another_scan_are_refused_until_they_are_cleared(table_panel, scan):
    from TableRemovalLib.overrides import ScanOverrides

    other = ScanOverrides((64, 64, 30)).changed([3], threshold=0.2)
    scan.SetAttribute("TableRemoval.Overrides", other.to_json())
    table_panel.ui.inputSelector.setCurrentNode(scan)
    settled(table_panel)
    session = table_panel.logic.session
    assert "64 x 64 x 30" in table_panel.ui.previewLabel.text and "128 x 128 x 24" in table_panel.ui.previewLabel.text
    table_panel.ui.scopeComboBox.setCurrentIndex(1)
    table_panel.ui.automaticThresholdCheckBox.checked = False
    assert "another" in table_panel.ui.statusLabel.text or "64 x 64 x 30" in table_panel.ui.statusLabel.text
    assert scan.GetAttribute("TableRemoval.Overrides") == other.to_json()
    table_panel.ui.clearAllButton.click()
    assert scan.GetAttribute("TableRemoval.Overrides") is None and not session.overridesProblem


def test_the_mask_goes_to_the_segment_editor_and_comes_back(table_panel, session):
    import slicer

    table_panel.ui.toEditorButton.click()
    editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    segmentation = editor.GetSegmentationNode()
    assert editor.GetSourceVolumeNode() is session.volumeNode
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Body", session.volumeNode).copy()
    array[12, 50:60, 60:70] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, "Body", session.volumeNode)
    table_panel._show()
    table_panel.ui.fromEditorButton.click()
    assert list(session.state.overrides.slices) == [12] and "1 slice was" in table_panel.ui.statusLabel.text
    settled(table_panel)
    assert labels(session, 12, (65, 55)) not in (KEPT, 3) and labels(session, 11, (65, 55)) == KEPT
    assert segmentation.GetScene() is None
    table_panel.ui.undoButton.click()
    settled(table_panel)
    assert labels(session, 12, (65, 55)) == KEPT
