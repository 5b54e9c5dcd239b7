"""The section "Changes" of the panel: computed after a registration, shown, decided on; scrolled to by a click."""

import dataclasses

import numpy as np
import pytest
from changed_scans import SHIFT_MM, add_scans, lesion_ras
from jobs import STAND_IN

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


@pytest.fixture
def panel(open_panel, use_worker):
    """The panel after a registration, its scans compared, the views arranged."""
    from slicerhost.application import letRun

    use_worker(STAND_IN)
    panel = open_panel()
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = add_scans()
    letRun(panel, lambda: panel.logic._job.ready)
    panel.ui.registerButton.click()
    letRun(panel, lambda: not panel.logic.needsPolling)
    panel.onTimer()
    assert panel.logic.changes.busy
    letRun(panel, lambda: not panel.logic.changes.busy)
    panel.results.comparisonSection.arrange()
    for _turn in range(6):
        panel.onTimer()
    return panel


@pytest.fixture
def section(panel):
    return panel.results.changesSection


def place_of(row, column):
    from LongitudinalRegistrationSlicer.views import layout

    matrix = layout.sliceNode(column, row).GetSliceToRAS()
    return np.array([matrix.GetElement(axis, 3) for axis in range(3)])


def show_first_row(section):
    """A row that is chosen is gone to in all views, the follow-up as it was scanned too."""
    section.ui.findingsTable.setCurrentCell(-1, -1)
    section.ui.findingsTable.setCurrentCell(0, 1)
    for column, moved in (("Baseline", 0.0), ("FollowUp", -SHIFT_MM), ("Registered", 0.0)):
        assert abs(place_of(1, column)[2] - lesion_ras()[2]) < 3.0
        assert abs(place_of(2, column)[0] - lesion_ras()[0] - moved) < 3.0
    assert "HU" in section.ui.detailLabel.text


LEGEND_PX = 14 * 11
"""How many pixels the legend has of the colour."""


def orange(host, column="Registered"):
    """How many pixels of a column's axial view are of the colour of what has become denser, the legend's among them."""
    from slicerhost import views

    view = next(v for v in host.core.view_manager.get_slice_views() if v.get_singleton_tag() == f"Longct{column}1")
    picture = views.renderArray(view).astype(int)
    return int(((picture[..., 0] - picture[..., 2]) > 60).sum())


def test_after_a_registration_the_findings_are_there_and_shown_and_go_with_the_scene(panel, section, host):
    import slicer

    first = section.table.shown[0]
    assert np.linalg.norm(np.subtract(first.position, lesion_ras())) < 3.0
    assert section.ui.findingsTable.rowCount == len(section.table.shown)
    assert f"Findings: {len(section.table.shown)}," in section.ui.statusLabel.text
    section.ui.findingsTable.setCurrentCell(0, 1)
    section.line._mark.remove()
    shown = orange(host)
    assert shown > LEGEND_PX + 20
    section.ui.showComboBox.setCurrentIndex(section.ui.showComboBox.findData("Off"))
    assert orange(host) == 0 and orange(host, "Overlay") == 0
    section.ui.showComboBox.setCurrentIndex(0)
    assert orange(host) == shown
    panel.exit()
    assert orange(host) == 0
    panel.enter()
    slicer.mrmlScene.Clear(0)
    assert not section.widget.visible and not panel.logic.changes.busy and not panel.logic.canUndoFinding


def test_a_row_goes_there_and_the_threshold_moves_list_and_colours(section, host):
    show_first_row(section)
    section.ui.findingsTable.setCurrentCell(0, 1)
    section.ui.acceptButton.click()
    assert section.table.shown[0].status == "accepted" and section.ui.findingsTable.item(0, 0).text() == "✓"
    section.line._mark.remove()
    section.ui.changeSlider.value = 500
    assert [finding.status for finding in section.table.shown] == ["accepted"]
    assert orange(host) == LEGEND_PX
    section.ui.undoFindingButton.click()
    assert section.table.shown == [] and not section.ui.acceptButton.visible
    section.ui.changeSlider.value = 40
    assert section.table.shown[0].status == "open"
    section.ui.findingsTable.item(0, 1).setText("Deposit")
    assert [section.table.shown[0].name, section.ui.findingsTable.item(0, 1).text()] == ["Deposit", "Deposit"]


def test_the_list_shows_every_finding_until_a_threshold_is_raised(panel, section):
    from LongitudinalRegistrationLib.changes.options import FindingOptions
    from LongitudinalRegistrationSlicer.changes.findings import findingsOf, setFindings

    least = FindingOptions()
    weak = dataclasses.replace(
        findingsOf(panel.result)[0], significance=least.threshold, meanHu=least.change_hu, largestHu=least.change_hu
    )
    setFindings(panel.result, [weak])
    section.update()
    assert [finding.number for finding in section.table.shown] == [weak.number]
    section.ui.significanceSlider.value = least.threshold + 0.5
    assert section.table.shown == []


def test_everywhere_is_compared_when_it_is_asked_for_and_a_scan_that_is_gone_is_told(panel, section):
    import slicer
    from slicerhost.application import letRun

    panel.logic.acceptFinding(panel.result, 1)
    section.ui.regionComboBox.setCurrentIndex(1)
    assert "Comparing" in section.ui.statusLabel.text and not section.ui.findButton.enabled
    letRun(panel, lambda: not panel.logic.changes.busy)
    panel.onTimer()
    assert [finding.status for finding in section.table.shown].count("accepted") == 1
    assert section.ui.findButton.enabled
    slicer.mrmlScene.RemoveNode(panel.logic.getParameterNode().movingVolume)
    section.find()
    for _turn in range(2):
        panel.onTimer()
    assert "not in the scene" in section.ui.statusLabel.text and not panel.logic.changes.busy


def test_the_findings_are_those_of_the_region_that_is_shown(panel, section):
    from slicerhost.application import letRun

    titles = [finding.title for finding in section.table.shown]
    for index in (1, 0):
        section.ui.regionComboBox.setCurrentIndex(index)
        assert panel.logic.changes.isBusyWith(panel.result)
        letRun(panel, lambda: not panel.logic.changes.busy)
        panel.onTimer()
    assert [finding.title for finding in section.table.shown] == titles and section.ui.findButton.enabled


def test_an_item_that_is_edited_is_the_table_s_until_everybody_was_told(section):
    """QTableWidget itself asks the item for its row after that: it must not be replaced in answer to itemChanged."""
    told, table = [], section.ui.findingsTable
    table.connect("itemChanged(QTableWidgetItem*)", lambda item: told.append(item is table.item(0, 1)))
    table.item(0, 1).setText("Deposit")
    assert section.table.shown[0].name == "Deposit" and told[0]


def test_the_columns_fit_a_narrow_panel(section):
    import slicer

    table = section.ui.findingsTable
    table.setFixedWidth(270)
    for name in ("Vertebra T10, posterior elements, left side", ""):
        section.table._onNamed(section.table.shown[0], name)
        slicer.app.processEvents()
        widths = [table.columnWidth(column) for column in range(table.columnCount)]
        assert sum(widths) <= table.viewport().width
        assert all(
            width >= table.fontMetrics().horizontalAdvance(line)
            for column, width in enumerate(widths)
            if column != 1
            for line in (*table.horizontalHeaderItem(column).text().split("\n"), table.item(0, column).text())
        )
        assert widths[1] >= table.fontMetrics().horizontalAdvance("T10, body, right")


def test_rows_are_high_enough_for_places_at_every_width(section):
    import slicer
    from LongitudinalRegistrationWidgets.findings_table import FindingsTable
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QTableWidget

    table = QTableWidget()
    shown = FindingsTable(table, onChosen=print, onNamed=print)
    name = "Vertebra T10, posterior elements, left side"
    shown.setFindings([dataclasses.replace(section.table.shown[0], name=name)])
    table.show()
    heights = []
    for width in (600, 270):
        table.setFixedWidth(width)
        slicer.app.processEvents()
        place = table.fontMetrics().boundingRect(0, 0, table.columnWidth(1) - 8, 999, Qt.TextWordWrap, name)
        assert table.rowHeight(0) >= place.height()
        heights.append((table.rowHeight(0), table.height))
    (flat, low), (wrapped, high) = heights
    assert wrapped > flat and high - low == wrapped - flat


def test_a_comparison_anew_cannot_be_undone_into_the_findings_before(panel, section):
    from slicerhost.application import letRun

    section.ui.findingsTable.setCurrentCell(0, 1)
    section.ui.rejectButton.click()
    assert section.ui.undoFindingButton.enabled
    section.ui.findButton.click()
    letRun(panel, lambda: not panel.logic.changes.busy)
    panel.onTimer()
    assert section.table.shown[0].status == "rejected"
    assert not panel.logic.canUndoFinding and not section.ui.undoFindingButton.enabled
