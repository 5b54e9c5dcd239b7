"""Quality control in the panel of TableRemoval: the table of slices, plot, montage."""

import csv

import pytest
from table_scans import BODY_PIXEL, SHAPE, settled

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


def test_quality_rows_are_sorted_jump_and_can_be_ticked(table_panel, session, tmp_path):
    import qt
    from TableRemovalSlicer.views import sliceIndexShown
    from TableRemovalSlicer.wording import slicesText

    session.setThreshold(0.01, [7])
    session.click(*BODY_PIXEL, 15)
    settled(table_panel)
    table = table_panel.ui.qualityTable
    rows = table.rowCount
    assert {table.item(row, 1).text() for row in (0, 1)} == {"7", "15"}
    empty = next(row for row in (0, 1) if table.item(row, 1).text() == "15")
    assert table.item(empty, 2).text().startswith("no body found")
    table_panel.qualitySection.onRow(empty, 1)
    assert session.k == 15 and sliceIndexShown(session.volumeNode) == 15
    assert table_panel.ui.leftLabel.text == f"{rows} slices left to check"
    table.item(empty, 0).setCheckState(qt.Qt.Checked)
    assert (
        table_panel.ui.leftLabel.text == slicesText(rows - 1) + " left to check"
        and (15, "no body found") in session.checked
    )
    table_panel.ui.onlyFlaggedCheckBox.checked = False
    assert table.rowCount == SHAPE[0]
    table_panel.qualitySection._askForPath = lambda *words: str(tmp_path / "slices.csv")
    table_panel.ui.csvButton.click()
    lines = list(csv.DictReader((tmp_path / "slices.csv").open(encoding="utf-8")))
    assert len(lines) == SHAPE[0]
    line = next(line for line in lines if line["slice"] == "15")
    assert line["override"] == "yes"
    assert "no body found" in line["flags"] and "no body found" not in line["flags_left"]


def test_montage_and_area_plot(table_panel, session, tmp_path):
    import SimpleITK as sitk
    import slicer

    table_panel.qualitySection._askForPath = lambda *words: str(tmp_path / "montage.png")
    table_panel.ui.montageButton.click()
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "montage.png")))
    assert (picture == (90, 255, 120)).all(axis=2).sum() > 24 * 100
    table_panel.ui.plotButton.click()
    chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    series = chart.GetNthPlotSeriesNode(0)
    table = series.GetTableNode().GetTable()
    assert table.GetNumberOfRows() == SHAPE[0]
    area = table.GetColumnByName(series.GetYColumnName()).GetValue(3)
    assert area == pytest.approx(session.records[3].area_mm2 / 100)
    table_panel.qualitySection._askForPath = lambda *words: "/no/such/folder/x.csv"
    table_panel.ui.csvButton.click()
    assert "another folder" in table_panel.ui.statusLabel.text
