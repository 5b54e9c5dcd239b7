"""The panel's section on vertebrae: its table of scores, what is chosen, copied and saved; with real widgets."""

import csv

import numpy as np
import pytest
from colour_vision import colour_blind_distance, contrast, rgb
from places import RESOURCES
from vertebra_results import SPACING_MM, make_result, texts

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def test_the_table_has_every_figure_the_labels_of_one_scan_and_the_mean_and_worst(section):
    assert texts(section) == ["T11", "T12", "L1", "L2", "L3", "Mean", "Worst"]
    table = section.ui.scoresTable
    assert table.item(0, 1).text() == "in the baseline only" and table.columnSpan(0, 1) == 9
    assert table.item(4, 1).text() == "follow-up only: 38.0 → 37.0 ml"
    rows = {
        1: ["0.50", "0.90", "+0.40", "41.2", "43.5", "10.0", "1.5", "8.0", "1.0"],
        3: ["0.70", "0.60", "-0.10", "–", "–", "12.0", "11.0", "2.5", "9.5"],
        5: ["0.61", "0.75", "+0.14", "41.2", "43.5", "10.3", "5.5", "6.8", "4.3"],
        6: ["0.50", "0.60", "-0.10", "–", "–", "12.0", "11.0", "10.0", "9.5"],
    }
    for row, expected in rows.items():
        assert [table.item(row, column).text() for column in range(1, 10)] == expected
    assert "0.61 → 0.75 over 3" in section.ui.summaryLabel.text and "L2 0.60" in section.ui.summaryLabel.text
    assert "T11, L3" in section.ui.summaryLabel.text


def test_cells_are_coloured_by_quality_and_their_text_is_legible(section):
    from LongitudinalRegistrationWidgets.vertebra_table import QUALITY_COLOURS

    table = section.ui.scoresTable
    shown = {
        (row, column): table.item(row, column).background().color().name() for row in (1, 2, 3) for column in (2, 3)
    }
    good, fair, poor = (QUALITY_COLOURS[quality] for quality in ("good", "fair", "poor"))
    assert shown == {(1, 2): good, (2, 2): fair, (3, 2): poor, (1, 3): good, (2, 3): good, (3, 3): poor}
    for colour in QUALITY_COLOURS.values():
        assert contrast(rgb(colour), rgb(table.item(1, 2).foreground().color().name())) > 7
    for one, other in ((good, fair), (fair, poor), (good, poor)):
        assert colour_blind_distance(rgb(one), rgb(other)) > 0.15


def test_a_title_sorts_by_number_and_mean_and_worst_stay_below(section):
    header = section.ui.scoresTable.horizontalHeader()
    header.sectionClicked.emit(6)
    assert texts(section) == ["L1", "T12", "L2", "T11", "L3", "Mean", "Worst"]
    assert texts(section, 6)[:3] == ["9.0", "10.0", "12.0"]
    header.sectionClicked.emit(6)
    assert texts(section) == ["L2", "T12", "L1", "T11", "L3", "Mean", "Worst"]
    header.sectionClicked.emit(0)
    assert texts(section)[:5] == ["T11", "T12", "L1", "L2", "L3"]
    header.sectionClicked.emit(0)
    assert texts(section)[:5] == ["L3", "L2", "L1", "T12", "T11"]


def test_choosing_a_row_jumps_all_views_and_brightens_the_outline(section, views):
    import slicer

    section.setResult(section._result)
    section.ui.scoresTable.cellClicked.emit(2, 0)
    expected = (-19.5 * SPACING_MM, -19.5 * SPACING_MM, 17.5 * SPACING_MM)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        to_ras = node.GetSliceToRAS()
        normal = [to_ras.GetElement(row, 2) for row in range(3)]
        origin = [to_ras.GetElement(row, 3) for row in range(3)]
        assert abs(np.dot(np.subtract(origin, expected), normal)) < 0.01, node.GetName()
        assert np.allclose(origin, expected, atol=0.01)
    display = section._outlines._nodes["baseline"].GetDisplayNode()
    ids = section._outlines._segmentIds["baseline"]
    assert display.GetSegmentOpacity2DOutline(ids[20]) == 1.0 > display.GetSegmentOpacity2DOutline(ids[19])
    assert display.GetSegmentVisibility2DFill(ids[20]) and not display.GetSegmentVisibility2DFill(ids[19])


def test_a_callback_is_told_the_vertebra_and_where_it_now_lies(result):
    from LongitudinalRegistrationWidgets.vertebra_section import VertebraSection

    told = []
    section = VertebraSection(lambda name: str(RESOURCES / name), onJump=lambda *what: told.append(what))
    section.setResult(result)
    section.ui.scoresTable.setCurrentCell(4, 0)
    section.ui.scoresTable.cellClicked.emit(5, 0)
    section.cleanup()
    value, ras = told[-1]
    assert value == 22 and {each for each, _ras in told} == {22}
    assert np.allclose(ras, (-19.5 * SPACING_MM, -19.5 * SPACING_MM, 5.5 * SPACING_MM), atol=0.01)


def test_copy_and_csv_hold_what_the_table_shows(section, tmp_path, monkeypatch):
    import qt

    section.ui.copyButton.click()
    lines = [line.split("\t") for line in qt.QApplication.clipboard().text().splitlines()]
    assert lines[0][:4] == ["Vertebra", "DSC before", "DSC after", "DSC change"]
    assert lines[3] == ["L1", "0.625", "0.75", "0.125", "", "", "9", "4", "10", "2.5", "both"]
    assert lines[2][4:6] == ["41.23", "43.5"]
    assert lines[1] == ["T11", *[""] * 9, "baseline only"] and lines[-1][0] == "Worst"
    path = tmp_path / "scores.csv"
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", staticmethod(lambda *arguments: str(path)))
    section.ui.csvButton.click()
    with open(path, encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == lines


def test_another_methods_scores_stand_beside_and_old_reports_have_dsc_alone(section, result):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf, labelsOf, movingOf

    fixed, moving = labelsOf(result)
    old = {"method": "niftyreg", "dsc": {"20": {"before": 0.625, "after": 0.8}, "18": {"missing_from": "moving"}}}
    scans = [(fixedOf(result), fixed), (movingOf(result), moving)]
    other = make_result(old, method="niftyreg", scans=scans)
    section.setResult(result)
    table = section.ui.scoresTable
    assert table.horizontalHeaderItem(10).text() == "DSC\nafter\n(NiftyReg)"
    assert texts(section, 10)[2:4] == ["0.80", "–"] and texts(section, 10)[-2:] == ["0.80", "0.80"]
    section.setResult(other)
    assert texts(section)[:2] == ["T11", "L1"]
    assert [table.item(1, column).text() for column in range(1, 11)] == ["0.62", "0.80", "+0.18", *["–"] * 6, "0.75"]
    assert table.item(0, 1).text() == "in the baseline only"


def test_without_labels_there_is_still_a_number(section):
    from LongitudinalRegistrationSlicer.results.nodes import FIXED_LABELS_ROLE, MOVING_LABELS_ROLE, setReport

    result = make_result()
    steps = {"ssim": {"before": 0.6, "after": 0.9}, "ncc": {"before": 0.7, "after": 0.95}}
    setReport(result, {"method": "cost-volume", **steps, "bone": {"before": 0.4, "after": 0.8}})
    section.setResult(result)
    assert section.ui.scoresTable.isHidden() and "being computed" in section.ui.summaryLabel.text
    for role in (FIXED_LABELS_ROLE, MOVING_LABELS_ROLE):
        result.SetNodeReferenceID(role, None)
    section.setResult(result)
    text = section.ui.summaryLabel.text
    assert "0.40 → 0.80" in text and "SSIM 0.60 → 0.90" in text and "NCC 0.70 → 0.95" in text
    setReport(result, {"method": "cost-volume", "quick_ncc": {"affine": 0.5, "after": 0.7}})
    section.setResult(result)
    assert "NCC 0.50 → 0.70" in section.ui.summaryLabel.text and section.ui.outlinesCheckBox.isHidden()


@pytest.mark.parametrize("width", [285, 420, 600])
def test_no_text_is_clipped_at_the_panels_widths(section, width, tmp_path):
    import qt
    import slicer

    section.widget.resize(width, 420)
    section.widget.show()
    slicer.app.processEvents()
    assert section.widget.grab().save(str(tmp_path / "section.png"))
    table = section.ui.scoresTable
    metrics, titles = qt.QFontMetrics(table.font), qt.QFontMetrics(table.horizontalHeader().font)
    assert width < 600 or sum(table.columnWidth(column) for column in range(10)) <= table.viewport().width
    for column in range(10):
        lines = table.horizontalHeaderItem(column).text().split("\n")
        assert max(titles.horizontalAdvance(line) for line in lines) <= table.columnWidth(column)
        for row in (1, 2, 3):
            assert metrics.horizontalAdvance(table.item(row, column).text()) < table.columnWidth(column)
    assert table.verticalScrollBar().maximum == 0
    section.widget.hide()
