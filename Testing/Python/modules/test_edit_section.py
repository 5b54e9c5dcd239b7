"""Previewing and editing in the panel of TableRemoval: threshold, seed, overrides, clicks, undo."""

import numpy as np
import pytest
from table_scans import BODY_PIXEL, KEPT, REMOVED, SEED, SHAPE, TABLE_PIXEL, labels, settled

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_choosing_a_volume_shows_what_stays_and_what_goes_and_changes_nothing(table_panel, scan, session):
    import slicer

    before = slicer.util.arrayFromVolume(scan).copy()
    assert labels(session, 5, BODY_PIXEL) == KEPT and labels(session, 5, TABLE_PIXEL) == REMOVED
    assert labels(session, 5, (2, 2)) == 0
    on_slice = session.overlay.array[session.k]
    assert np.isin(on_slice, SEED).sum() == 50**2 - 46**2
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composites and all(c.GetLabelVolumeID() == session.overlay.node.GetID() for c in composites)
    assert np.array_equal(slicer.util.arrayFromVolume(scan), before)
    assert "green is kept" in table_panel.ui.previewLabel.text


def test_the_threshold_slider_moves_preview_and_hu_slider_at_once(table_panel, session):
    ui = table_panel.ui
    ui.methodComboBox.setCurrentIndex(ui.methodComboBox.findText("Paper"))
    ui.automaticThresholdCheckBox.checked = False
    ui.thresholdSlider.value = 0.2
    assert (session.overlay.array[session.k] == KEPT).sum() > 1000
    assert ui.thresholdHuSlider.value == round(0.2 * 4095)
    ui.thresholdHuSlider.value = 21
    assert ui.thresholdSlider.value == pytest.approx(0.005, abs=0.001)
    assert not (session.overlay.array[session.k] == KEPT).sum() > 3000
    settled(table_panel)
    assert not (session.overlay.array == KEPT).sum() > 3000 * SHAPE[0]


def test_dragging_the_seed_moves_square_and_spin_boxes(table_panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    session.marker.node.SetNthControlPointPosition(0, *rasFromIjk(session.volumeNode, 40, 50, session.k))
    assert (table_panel.ui.seedColumnSpinBox.value, table_panel.ui.seedRowSpinBox.value) == (40, 50)
    assert not table_panel.ui.automaticSeedCheckBox.checked
    rows, columns = np.nonzero(np.isin(session.overlay.array[session.k], SEED))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (15, 64, 25, 74)
    table_panel.ui.seedColumnSpinBox.value = 30
    position = [0.0, 0.0, 0.0]
    session.marker.node.GetNthControlPointPosition(0, position)
    assert position == pytest.approx(rasFromIjk(session.volumeNode, 30, 50, session.k))
    table_panel.ui.seedSizeSpinBox.value = 10
    assert np.isin(session.overlay.array[session.k], SEED).sum() == 10**2 - 6**2


def test_scrolling_the_axial_view_takes_preview_and_seed_along(table_panel, session):
    from TableRemovalSlicer.views import axialSliceNode, sliceIndexShown

    old = session.k
    axialSliceNode().JumpSliceByOffsetting(0, 0, 4.0 * 20)
    assert sliceIndexShown(session.volumeNode) == 20
    table_panel.poll()
    assert session.k == 20 and table_panel.ui.sliceSlider.value == 20
    assert np.isin(session.overlay.array[20], SEED).any() and not np.isin(session.overlay.array[old], SEED).any()
    table_panel.ui.sliceSlider.value = 3
    assert session.k == 3 and sliceIndexShown(session.volumeNode) == 3


def test_a_change_for_one_slice_is_an_override_and_undo_takes_it_back(table_panel, session):
    ui = table_panel.ui
    ui.sliceSlider.value = 8
    ui.scopeComboBox.setCurrentIndex(1)
    assert ui.automaticThresholdCheckBox.text == "as the whole scan"
    ui.automaticThresholdCheckBox.checked = False
    ui.thresholdSlider.value = 0.01
    assert list(session.state.overrides.slices) == [8] and session.state.options.threshold is None
    few = (session.overlay.array[8] == KEPT).sum()
    settled(table_panel)
    assert (session.overlay.array[8] == KEPT).sum() == few < (session.overlay.array[9] == KEPT).sum()
    assert "1 slice has overrides" in ui.previewLabel.text
    while session.history.can_undo:
        ui.undoButton.click()
    assert not session.state.overrides.slices and (session.overlay.array[8] == KEPT).sum() > few
    ui.redoButton.click()
    assert 8 in session.state.overrides.slices


def test_one_drag_of_the_slider_is_one_step_of_undo(table_panel, session):
    table_panel.ui.automaticThresholdCheckBox.checked = False
    before = session.state
    for value in (0.2, 0.21, 0.22):
        table_panel.ui.thresholdSlider.value = value
    assert session.state.options.threshold == pytest.approx(0.22)
    table_panel.ui.undoButton.click()
    assert session.state == before and not table_panel.ui.automaticThresholdCheckBox.checked
    table_panel.ui.undoButton.click()
    assert session.state.options.threshold is None and table_panel.ui.automaticThresholdCheckBox.checked
    assert not table_panel.ui.undoButton.enabled


def test_a_click_drops_a_part_or_keeps_it_and_copies_to_neighbours(table_panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    ui = table_panel.ui
    ui.sliceSlider.value = 10
    ui.clickButton.click()
    node = table_panel.logic._clickTool.node
    node.AddControlPoint(rasFromIjk(session.volumeNode, *TABLE_PIXEL, 10))
    table_panel.poll()
    assert labels(session, 10, TABLE_PIXEL) in (KEPT, 3) and labels(session, 11, TABLE_PIXEL) == REMOVED
    node.AddControlPoint(rasFromIjk(session.volumeNode, *BODY_PIXEL, 10))
    table_panel.poll()
    assert labels(session, 10, (70, 33)) == REMOVED and node.GetNumberOfControlPoints() == 0
    ui.clickButton.click()
    assert table_panel.logic._clickTool is None
    ui.reachSpinBox.value = 1
    ui.copyButton.click()
    assert sorted(session.state.overrides.slices) == [9, 10, 11]
    settled(table_panel)
    assert [labels(session, k, TABLE_PIXEL) for k in (8, 12)] == [REMOVED, REMOVED]
    assert all(labels(session, k, (64, 97)) in (KEPT, 3) for k in (9, 10, 11))
    assert any(
        "9" == table_panel.ui.qualityTable.item(row, 1).text() for row in range(table_panel.ui.qualityTable.rowCount)
    )
    ui.clearAllButton.click()
    assert not session.state.overrides.slices and labels(session, 10, (70, 33)) == KEPT


def test_a_click_on_air_says_so(table_panel, session):
    from TableRemovalSlicer.seed_marker import rasFromIjk

    table_panel.ui.clickButton.click()
    table_panel.logic._clickTool.node.AddControlPoint(rasFromIjk(session.volumeNode, 2, 2, session.k))
    table_panel.poll()
    assert "only air" in table_panel.ui.statusLabel.text and not session.state.overrides.slices


def test_the_papers_values_are_one_click_and_one_step(table_panel, session):
    table_panel.ui.automaticThresholdCheckBox.checked = False
    table_panel.ui.seedSizeSpinBox.value = 11
    table_panel.ui.paperButton.click()
    options = table_panel.logic.optionsFrom(table_panel.logic.getParameterNode())
    assert (options.method, options.threshold, options.seed_ij, options.seed_size) == ("paper", None, None, 50)
    assert table_panel.ui.methodComboBox.currentText == "Paper" and session.state.options == options
    table_panel.ui.undoButton.click()
    assert table_panel.ui.methodComboBox.currentText == "Robust" and table_panel.ui.seedSizeSpinBox.value == 11
