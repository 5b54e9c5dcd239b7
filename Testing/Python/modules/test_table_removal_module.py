"""The TableRemoval panel in the stand-in for Slicer, driven as a user drives it."""

import csv
import json
import os
import time

import numpy as np
import pytest

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

KEPT, REMOVED, SEED = 1, 2, (4, 5)
SHAPE = (24, 128, 128)
BODY_PIXEL, TABLE_PIXEL = (64, 56), (64, 98)


@pytest.fixture
def views(host):
    """An axial and a sagittal view."""
    from slicerhost.views import AXIAL, SAGITTAL, makeSliceView

    return makeSliceView(host, "Red", AXIAL), makeSliceView(host, "Yellow", SAGITTAL)


@pytest.fixture
def panel(views, open_panel):
    """The module's panel on an empty scene with two slice views."""
    return open_panel("TableRemoval")


@pytest.fixture
def scan(host, panel):
    """A volume node: an elliptic body above a table."""
    return add_scan(host)


@pytest.fixture
def session(panel, scan):
    """The panel's session once the whole scan has been computed."""
    panel.ui.inputSelector.setCurrentNode(scan)
    wait(panel, lambda: panel.logic.session.current and panel.logic.session.ready)
    return panel.logic.session


def add_scan(host, name="CT"):
    node = host.modules["TableRemoval"].python.TableRemovalTest().makeScan()[0]
    node.SetName(name)
    return node


def wait(panel, until, seconds=120):
    import slicer

    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        slicer.app.processEvents()
        panel.poll()
        time.sleep(0.01)
    assert until(), panel.ui.previewLabel.text


def settled(panel):
    wait(panel, lambda: panel.logic.session.current)


def labels(session, k, pixel):
    i, j = pixel
    return int(session.overlay.array[k, j, i])


def test_choosing_a_volume_shows_what_stays_and_what_goes_and_changes_nothing(panel, scan, session):
    import slicer

    before = slicer.util.arrayFromVolume(scan).copy()
    assert labels(session, 5, BODY_PIXEL) == KEPT and labels(session, 5, TABLE_PIXEL) == REMOVED
    assert labels(session, 5, (2, 2)) == 0
    on_slice = session.overlay.array[session.k]
    assert np.isin(on_slice, SEED).sum() == 50**2 - 46**2
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composites and all(c.GetLabelVolumeID() == session.overlay.node.GetID() for c in composites)
    assert np.array_equal(slicer.util.arrayFromVolume(scan), before)
    assert "green is kept" in panel.ui.previewLabel.text


def test_the_threshold_slider_moves_preview_and_hu_slider_at_once(panel, session):
    ui = panel.ui
    ui.methodComboBox.setCurrentIndex(ui.methodComboBox.findText("Paper"))
    ui.automaticThresholdCheckBox.checked = False
    ui.thresholdSlider.value = 0.2
    assert (session.overlay.array[session.k] == KEPT).sum() > 1000
    assert ui.thresholdHuSlider.value == round(0.2 * 4095)
    ui.thresholdHuSlider.value = 21
    assert ui.thresholdSlider.value == pytest.approx(0.005, abs=0.001)
    assert not (session.overlay.array[session.k] == KEPT).sum() > 3000
    settled(panel)
    assert not (session.overlay.array == KEPT).sum() > 3000 * SHAPE[0]


def test_dragging_the_seed_moves_square_and_spin_boxes(panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    session.marker.node.SetNthControlPointPosition(0, *rasFromIjk(session.volumeNode, 40, 50, session.k))
    assert (panel.ui.seedColumnSpinBox.value, panel.ui.seedRowSpinBox.value) == (40, 50)
    assert not panel.ui.automaticSeedCheckBox.checked
    rows, columns = np.nonzero(np.isin(session.overlay.array[session.k], SEED))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (15, 64, 25, 74)
    panel.ui.seedColumnSpinBox.value = 30
    position = [0.0, 0.0, 0.0]
    session.marker.node.GetNthControlPointPosition(0, position)
    assert position == pytest.approx(rasFromIjk(session.volumeNode, 30, 50, session.k))
    panel.ui.seedSizeSpinBox.value = 10
    assert np.isin(session.overlay.array[session.k], SEED).sum() == 10**2 - 6**2


def test_scrolling_the_axial_view_takes_preview_and_seed_along(panel, session):
    from TableRemovalSlicer.views import axialSliceNode, sliceIndexShown

    old = session.k
    axialSliceNode().JumpSliceByOffsetting(0, 0, 4.0 * 20)
    assert sliceIndexShown(session.volumeNode) == 20
    panel.poll()
    assert session.k == 20 and panel.ui.sliceSlider.value in (old, 20)
    assert np.isin(session.overlay.array[20], SEED).any() and not np.isin(session.overlay.array[old], SEED).any()
    panel.ui.sliceSlider.value = 3
    assert session.k == 3 and sliceIndexShown(session.volumeNode) == 3


def test_a_change_for_one_slice_is_an_override_and_undo_takes_it_back(panel, session):
    ui = panel.ui
    ui.sliceSlider.value = 8
    ui.scopeComboBox.setCurrentIndex(1)
    assert ui.automaticThresholdCheckBox.text == "as the whole scan"
    ui.automaticThresholdCheckBox.checked = False
    ui.thresholdSlider.value = 0.01
    assert list(session.state.overrides.slices) == [8] and session.state.options.threshold is None
    few = (session.overlay.array[8] == KEPT).sum()
    settled(panel)
    assert (session.overlay.array[8] == KEPT).sum() == few < (session.overlay.array[9] == KEPT).sum()
    assert "1 slices have overrides" in ui.previewLabel.text
    while session.history.can_undo:
        ui.undoButton.click()
    assert not session.state.overrides.slices and (session.overlay.array[8] == KEPT).sum() > few
    ui.redoButton.click()
    assert 8 in session.state.overrides.slices


def test_one_drag_of_the_slider_is_one_step_of_undo(panel, session):
    panel.ui.automaticThresholdCheckBox.checked = False
    before = session.state
    for value in (0.2, 0.21, 0.22):
        panel.ui.thresholdSlider.value = value
    assert session.state.options.threshold == pytest.approx(0.22)
    panel.ui.undoButton.click()
    assert session.state == before and not panel.ui.automaticThresholdCheckBox.checked
    panel.ui.undoButton.click()
    assert session.state.options.threshold is None and panel.ui.automaticThresholdCheckBox.checked
    assert not panel.ui.undoButton.enabled


def test_a_click_drops_a_part_or_keeps_it_and_copies_to_neighbours(panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    ui = panel.ui
    ui.sliceSlider.value = 10
    ui.clickButton.click()
    node = panel.logic._clickTool.node
    node.AddControlPoint(rasFromIjk(session.volumeNode, *TABLE_PIXEL, 10))
    panel.poll()
    assert labels(session, 10, TABLE_PIXEL) in (KEPT, 3) and labels(session, 11, TABLE_PIXEL) == REMOVED
    node.AddControlPoint(rasFromIjk(session.volumeNode, *BODY_PIXEL, 10))
    panel.poll()
    assert labels(session, 10, (70, 33)) == REMOVED and node.GetNumberOfControlPoints() == 0
    ui.clickButton.click()
    assert panel.logic._clickTool is None
    ui.reachSpinBox.value = 1
    ui.copyButton.click()
    assert sorted(session.state.overrides.slices) == [9, 10, 11]
    settled(panel)
    assert [labels(session, k, TABLE_PIXEL) for k in (8, 12)] == [REMOVED, REMOVED]
    assert all(labels(session, k, (64, 97)) in (KEPT, 3) for k in (9, 10, 11))
    assert any("9" == panel.ui.qualityTable.item(row, 1).text() for row in range(panel.ui.qualityTable.rowCount))
    ui.clearAllButton.click()
    assert not session.state.overrides.slices and labels(session, 10, (70, 33)) == KEPT


def test_a_click_on_air_says_so(panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    panel.ui.clickButton.click()
    panel.logic._clickTool.node.AddControlPoint(rasFromIjk(session.volumeNode, 2, 2, session.k))
    panel.poll()
    assert "only air" in panel.ui.statusLabel.text and not session.state.overrides.slices


def test_the_papers_values_are_one_click_and_one_step(panel, session):
    panel.ui.automaticThresholdCheckBox.checked = False
    panel.ui.seedSizeSpinBox.value = 11
    panel.ui.paperButton.click()
    options = panel.logic.optionsFrom(panel.logic.getParameterNode())
    assert (options.method, options.threshold, options.seed_ij, options.seed_size) == ("paper", None, None, 50)
    assert panel.ui.methodComboBox.currentText == "Paper" and session.state.options == options
    panel.ui.undoButton.click()
    assert panel.ui.methodComboBox.currentText == "Robust" and panel.ui.seedSizeSpinBox.value == 11


def test_apply_makes_volume_segmentation_and_record_and_leaves_the_scan(panel, scan, session):
    import slicer

    before = slicer.util.arrayFromVolume(scan).copy()
    panel.ui.sliceSlider.value = 4
    session.setThreshold(0.05, [4])
    panel.ui.softEdgeSpinBox.value = 9
    panel.ui.cropCheckBox.checked = True
    panel.ui.fillSpinBox.value = -1000
    panel.ui.applyButton.click()
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
    assert "CT: Body found in 24 slices" in panel.ui.statusLabel.text
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert composite.GetBackgroundVolumeID() == cleaned.GetID() and not composite.GetLabelVolumeID()
    panel.ui.undoButton.click()
    assert composite.GetBackgroundVolumeID() == scan.GetID() and panel.ui.previewCheckBox.checked
    assert composite.GetLabelVolumeID() == session.overlay.node.GetID()
    assert panel.ui.othersList.count == 0


def test_several_volumes_and_a_cancel_that_leaves_the_finished_ones(host, panel, scan, session, monkeypatch):
    import slicer

    _second, third = add_scan(host, "second"), add_scan(host, "third")
    panel.applySection.showOthers()
    assert panel.ui.othersList.count == 2
    import qt

    for row in range(2):
        panel.ui.othersList.item(row).setCheckState(qt.Qt.Checked)
    dialogs = []
    make = slicer.util.createProgressDialog
    monkeypatch.setattr(slicer.util, "createProgressDialog", lambda **k: dialogs.append(make(**k)) or dialogs[0])
    timer = qt.QTimer()

    def cancel():
        if slicer.mrmlScene.GetFirstNodeByName("CT without table") is not None:
            dialogs[0].cancel()

    timer.connect("timeout()", cancel)
    timer.start(5)
    panel.ui.applyButton.click()
    timer.stop()
    assert "Cancelled" in panel.ui.statusLabel.text and panel.ui.applyButton.enabled
    assert slicer.mrmlScene.GetFirstNodeByName("CT without table") is not None
    assert slicer.mrmlScene.GetFirstNodeByName("third without table") is None
    panel.applySection.showOthers()
    monkeypatch.undo()
    third.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    panel.ui.applyButton.click()
    assert slicer.mrmlScene.GetFirstNodeByName("second without table") is not None
    assert "'third' is under a transform" in panel.ui.statusLabel.text


def test_overrides_and_checked_flags_survive_saving_and_reloading_the_scene(host, panel, scan, session, tmp_path):
    import slicer

    session.setThreshold(0.01, [2, 3])
    session.click(*TABLE_PIXEL, 6)
    settled(panel)
    flagged = next(record for record in session.records if record.flags)
    session.check(flagged.index, flagged.flags[0], True)
    kept, checked, records = session.state.overrides, session.checked, session.records
    save_scene(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert not any("preview" in name for name in names)
    slicer.mrmlScene.Clear(0)
    assert panel.logic.session is None
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    assert slicer.mrmlScene.Connect()
    panel.initializeParameterNode()
    panel.ui.inputSelector.setCurrentNode(slicer.util.getNode("CT"))
    settled(panel)
    again = panel.logic.session
    assert again.state.overrides == kept and again.checked == checked and again.records == records


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


def test_overrides_of_another_scan_are_refused_until_they_are_cleared(panel, scan):
    from TableRemovalLib.overrides import ScanOverrides

    other = ScanOverrides((64, 64, 30)).changed([3], threshold=0.2)
    scan.SetAttribute("TableRemoval.Overrides", other.to_json())
    panel.ui.inputSelector.setCurrentNode(scan)
    settled(panel)
    session = panel.logic.session
    assert "64 x 64 x 30" in panel.ui.previewLabel.text and "128 x 128 x 24" in panel.ui.previewLabel.text
    panel.ui.scopeComboBox.setCurrentIndex(1)
    panel.ui.automaticThresholdCheckBox.checked = False
    assert "another" in panel.ui.statusLabel.text or "64 x 64 x 30" in panel.ui.statusLabel.text
    assert scan.GetAttribute("TableRemoval.Overrides") == other.to_json()
    panel.ui.clearAllButton.click()
    assert scan.GetAttribute("TableRemoval.Overrides") is None and not session.overridesProblem


def test_quality_rows_are_sorted_jump_and_can_be_ticked(panel, session, tmp_path):
    import qt
    from TableRemovalSlicer.views import sliceIndexShown

    session.setThreshold(0.01, [7])
    session.click(*BODY_PIXEL, 15)
    settled(panel)
    table = panel.ui.qualityTable
    assert table.item(0, 1).text() == "15" and table.item(0, 2).text() == "no body found"
    rows = table.rowCount
    panel.qualitySection.onRow(0, 1)
    assert session.k == 15 and sliceIndexShown(session.volumeNode) == 15
    assert panel.ui.leftLabel.text == f"{rows} left to check"
    table.item(0, 0).setCheckState(qt.Qt.Checked)
    assert panel.ui.leftLabel.text == f"{rows - 1} left to check" and (15, "no body found") in session.checked
    panel.ui.onlyFlaggedCheckBox.checked = False
    assert table.rowCount > SHAPE[0] - 3
    panel.qualitySection._askForPath = lambda *words: str(tmp_path / "slices.csv")
    panel.ui.csvButton.click()
    lines = list(csv.DictReader((tmp_path / "slices.csv").open(encoding="utf-8")))
    assert len(lines) == SHAPE[0] and lines[0]["slice"] == "15" and lines[0]["override"] == "yes"
    assert "no body found" in lines[0]["flags"] and "no body found" not in lines[0]["flags_left"]


def test_montage_and_area_plot(panel, session, tmp_path):
    import SimpleITK as sitk
    import slicer

    panel.qualitySection._askForPath = lambda *words: str(tmp_path / "montage.png")
    panel.ui.montageButton.click()
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "montage.png")))
    assert (picture == (90, 255, 120)).all(axis=2).sum() > 24 * 100
    panel.ui.plotButton.click()
    chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    series = chart.GetNthPlotSeriesNode(0)
    table = series.GetTableNode().GetTable()
    assert table.GetNumberOfRows() == SHAPE[0]
    area = table.GetColumnByName(series.GetYColumnName()).GetValue(3)
    assert area == pytest.approx(session.records[3].area_mm2 / 100)
    panel.qualitySection._askForPath = lambda *words: "/no/such/folder/x.csv"
    panel.ui.csvButton.click()
    assert "another folder" in panel.ui.statusLabel.text


def test_the_mask_goes_to_the_segment_editor_and_comes_back(panel, session):
    import slicer

    panel.ui.toEditorButton.click()
    editor = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    segmentation = editor.GetSegmentationNode()
    assert editor.GetSourceVolumeNode() is session.volumeNode
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Body", session.volumeNode).copy()
    array[12, 50:60, 60:70] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, "Body", session.volumeNode)
    panel._show()
    panel.ui.fromEditorButton.click()
    assert list(session.state.overrides.slices) == [12] and "1 slices" in panel.ui.statusLabel.text
    settled(panel)
    assert labels(session, 12, (65, 55)) not in (KEPT, 3) and labels(session, 11, (65, 55)) == KEPT
    assert segmentation.GetScene() is None
    panel.ui.undoButton.click()
    settled(panel)
    assert labels(session, 12, (65, 55)) == KEPT


def test_leaving_puts_the_display_back(panel, scan, session):
    import slicer

    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    window = scan.GetDisplayNode().GetWindow()
    panel.exit()
    nothing = composite.GetBackgroundVolumeID(), composite.GetLabelVolumeID()
    assert nothing == (None, None) and panel.logic.session is None
    composite.SetBackgroundVolumeID(scan.GetID())
    composite.SetLabelOpacity(0.3)
    panel.enter()
    panel.ui.inputSelector.setCurrentNode(scan)
    settled(panel)
    scan.GetDisplayNode().SetWindowLevel(1, 2)
    panel.exit()
    assert composite.GetBackgroundVolumeID() == scan.GetID() and composite.GetLabelOpacity() == 0.3
    assert scan.GetDisplayNode().GetWindow() == window
    assert not [
        n for n in slicer.util.getNodesByClass("vtkMRMLNode") if (n.GetName() or "").startswith("Table Removal")
    ]


@pytest.mark.parametrize("end", ["delete the volume", "close the scene"])
def test_the_scan_may_go_while_the_background_works(host, panel, end):
    import slicer

    scan = add_scan(host)
    panel.ui.inputSelector.setCurrentNode(scan)
    session = panel.logic.session
    assert session is not None and not session.current
    if end == "delete the volume":
        slicer.mrmlScene.RemoveNode(scan)
    else:
        slicer.mrmlScene.Clear(0)
    for _attempt in range(20):
        slicer.app.processEvents()
        panel.poll()
        time.sleep(0.01)
    assert panel.logic.session is None and session.overlay.node.GetScene() is None
    assert not panel.ui.applyButton.enabled and "Select" in panel.ui.applyButton.toolTip
    again = add_scan(host, "again")
    panel.ui.inputSelector.setCurrentNode(again)
    settled(panel)
    assert labels(panel.logic.session, 5, BODY_PIXEL) == KEPT


def test_a_volume_under_a_transform_is_refused_and_a_copy_offered(panel, scan):
    import slicer
    import vtk

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    shift = vtk.vtkTransform()
    shift.Translate(10, 0, 0)
    transform.SetMatrixTransformToParent(shift.GetMatrix())
    scan.SetAndObserveTransformNodeID(transform.GetID())
    panel.ui.inputSelector.setCurrentNode(scan)
    panel._checkCanApply()
    assert panel.logic.session is None and "transform" in panel.ui.problemLabel.text
    assert not panel.ui.hardenButton.isHidden()
    panel.ui.hardenButton.click()
    copy = panel.logic.getParameterNode().inputVolume
    assert copy is not scan and copy.GetOrigin()[0] == pytest.approx(scan.GetOrigin()[0] + 10)
    assert panel.logic.session is not None and panel.ui.applyButton.enabled and panel.ui.hardenButton.isHidden()
    panel.ui.inputSelector.setCurrentNode(scan)
    panel.ui.plainCopyButton.click()
    plain = panel.logic.getParameterNode().inputVolume
    assert plain.GetOrigin() == pytest.approx(scan.GetOrigin()) and plain.GetParentTransformNode() is None


def test_a_scan_whose_voxels_or_place_change_is_looked_at_again(panel, scan, session):
    import slicer

    slicer.util.arrayFromVolume(scan)[:, 96:100] = -1000
    slicer.util.arrayFromVolumeModified(scan)
    panel.poll()
    assert panel.logic.session is not session and session.overlay.node.GetScene() is None
    settled(panel)
    assert labels(panel.logic.session, 5, TABLE_PIXEL) == 0
    scan.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    panel.poll()
    assert panel.logic.session is None and not panel.ui.applyButton.enabled


def test_volumes_that_are_no_ct_are_refused_with_what_to_do(panel, scan):
    import slicer

    logic, options = panel.logic, panel.logic.optionsFrom(panel.logic.getParameterNode())
    array = np.zeros((4, 20, 20), np.uint8)
    labelmap = slicer.util.addVolumeFromArray(array, name="L", nodeClassName="vtkMRMLLabelMapVolumeNode")
    colour = slicer.util.addVolumeFromArray(
        np.zeros((4, 20, 20, 3), np.uint8), name="C", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    assert "labelmap" in logic.whyNot(labelmap, options) and "select the CT" in logic.whyNot(labelmap, options)
    assert "3 values" in logic.whyNot(colour, options)
    assert "several slices" in logic.whyNot(slicer.util.addVolumeFromArray(np.zeros((1, 20, 20), np.int16)), options)
    fake = slicer.util.addVolumeFromArray((np.indices((6, 40, 40))[0] % 3).astype(np.int16), name="fake")
    panel.ui.inputSelector.setCurrentNode(fake)
    settled(panel)
    assert "labelmap" in panel.ui.previewLabel.text and not panel.logic.session.records


def test_a_killed_background_process_says_so_and_the_next_change_starts_another(panel, session):
    worker = panel.logic._worker
    worker._process.kill()
    worker._process.wait()
    session.setThreshold(0.2, None)
    settled(panel)
    assert session.records and not session.problem


def test_choosing_another_volume_at_once_shows_that_one(host, panel):
    import slicer

    first, second = add_scan(host, "first"), add_scan(host, "second")
    slicer.util.arrayFromVolume(second)[:, 96:100] = -1000
    for _turn in range(3):
        for node in (first, second):
            panel.ui.inputSelector.setCurrentNode(node)
            for _wait in range(3):
                panel.poll()
                time.sleep(0.02)
    settled(panel)
    session = panel.logic.session
    assert session.volumeNode is second and labels(session, 5, TABLE_PIXEL) == 0
    assert len([n for n in slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if n.GetScene()]) == 1


@pytest.mark.skipif(os.name == "nt", reason="looks at POSIX process numbers")
def test_leaving_the_module_ends_the_process_and_removes_its_folder(panel, session):
    worker = panel.logic._worker
    process, folder = worker._process, worker._folder
    assert folder.exists()
    panel.exit()
    assert process.poll() is not None and not folder.exists()
