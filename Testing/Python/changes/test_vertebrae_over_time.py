"""The panel's vertebrae over time: all follow-ups compared with one baseline, in a table, a plot and the report."""

import math

import numpy as np
import pytest
from places import RESOURCES

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def region(before, after, ml=(30.0, 30.0)):
    change = None if after is None else after - before
    return {
        "mean_before_hu": before,
        "mean_after_hu": after,
        "change_hu": change,
        "volume_before_ml": ml[0],
        "volume_after_ml": ml[1],
        "volume_change_percent": 100 * (ml[1] / ml[0] - 1),
    }


def vertebra(label, name, after, front, lost):
    heights = {"front_mm": 24.0, "middle_mm": 25.0, "back_mm": 26.0}
    return {
        "label": label,
        "name": name,
        "whole": region(210.0, after),
        "body": region(200.0, after, (20.0, 18.0)),
        "processes": region(300.0, 310.0),
        "heights_before": heights,
        "heights_after": {**heights, "front_mm": front},
        "compression_percent": lost,
        "compression_error_percent": 6.0,
    }


FOLLOW_UPS = {
    "CT 2025-08-01": [vertebra(20, "L1", 260.0, 12.0, 50.0), vertebra(21, "L2", None, None, None)],
    "CT 2025-04-10": [vertebra(20, "L1", 230.0, 23.0, 4.0), vertebra(21, "L2", 190.0, 24.0, 0.0)],
}


def add_scan(name):
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((4, 4, 4), np.int16), name=name)


@pytest.fixture
def results(scene):
    """A baseline and its two follow-ups, compared in the order in which they were not taken."""
    import SimpleITK as sitk
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setChanges
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    baseline, made = add_scan("CT 2025-01-03"), []
    for name, vertebrae in FOLLOW_UPS.items():
        node = addTransformNode(sitk.AffineTransform(3), f"to {name}")
        node.SetAttribute(RESULT_ATTRIBUTE, "refinement")
        node.SetNodeReferenceID(node.GetFixedNodeReferenceRole(), baseline.GetID())
        node.SetNodeReferenceID(node.GetMovingNodeReferenceRole(), add_scan(name).GetID())
        setChanges(node, {"vertebrae": vertebrae, "trust": 1.0, "noise_hu": 9.0, "corrections": [], "warnings": []})
        made.append(node)
    return made


@pytest.fixture
def course(results):
    from LongitudinalRegistrationWidgets.vertebra_course import VertebraCourse

    chosen, charts = [], []
    made = VertebraCourse(lambda name: str(RESOURCES / name), chosen.append, charts.append)
    made.setResult(results[0])
    return made, chosen, charts


def cells(made):
    table = made.ui.courseTable
    return [[table.item(row, n).text() for n in range(table.columnCount)] for row in range(table.rowCount)]


def show(made, figure, part=None):
    from LongitudinalRegistrationSlicer.changes.vertebra_course import FIGURES, PARTS

    made.ui.courseFigureComboBox.setCurrentIndex([each.key for each in FIGURES].index(figure))
    if part is not None:
        made.ui.coursePartComboBox.setCurrentIndex(list(PARTS).index(part))
    return cells(made)


def test_every_follow_up_is_a_column_in_the_order_of_their_dates(course):
    made = course[0]
    titles = [made.ui.courseTable.horizontalHeaderItem(n).text().replace("\n", "") for n in range(1, 4)]
    assert titles == ["2025-01-03", "2025-04-10", "2025-08-01"]
    assert show(made, "mean_hu", "body") == [["L1", "200", "230", "260"], ["L2", "200", "190", "–"]]
    assert show(made, "mean_hu", "processes") == [["L1", "300", "310", "310"], ["L2", "300", "310", "310"]]


def test_changes_are_from_the_baseline_which_has_none(course):
    made = course[0]
    assert show(made, "change_hu", "body") == [["L1", "", "+30", "+60"], ["L2", "", "-10", "–"]]
    assert show(made, "volume_change_percent", "body")[0] == ["L1", "", "-10", "-10"]
    assert show(made, "volume_ml", "body")[0] == ["L1", "20.0", "18.0", "18.0"]


def test_heights_are_of_the_body_and_a_loss_within_its_error_is_none(course):
    made = course[0]
    assert show(made, "front_mm") == [["L1", "24.0", "23.0", "12.0"], ["L2", "24.0", "24.0", "–"]]
    assert made.ui.coursePartComboBox.isHidden()
    assert show(made, "loss_percent") == [["L1", "", "0", "50"], ["L2", "", "0", "–"]]


def test_a_row_shows_its_vertebra_and_the_panel_has_room_for_three_time_points(course):
    made, chosen, _charts = course
    made.ui.courseTable.cellClicked.emit(1, 2)
    assert chosen == [21]
    made.widget.resize(285, 400)
    made.widget.show()
    show(made, "mean_hu", "whole")
    assert made.ui.courseTable.horizontalHeader().length() <= 285


def test_the_plot_is_over_days_with_a_line_a_vertebra(course):
    made, _chosen, charts = course
    show(made, "change_hu", "body")
    made.ui.plotCourseButton.click()
    (chart,) = charts
    assert chart.GetXAxisTitle() == "Days since the baseline, 2025-01-03"
    series = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [each.GetName() for each in series] == ["L1", "L2"]
    table = series[0].GetTableNode().GetTable()
    columns = [[table.GetColumnByName(name).GetValue(n) for n in range(3)] for name in ("Time", "L1", "L2")]
    assert columns[0] == [0, 97, 210] and columns[1][1:] == [30, 60] and math.isnan(columns[1][0])
    made.ui.plotCourseButton.click()
    assert charts[1] is chart and chart.GetNumberOfPlotSeriesNodes() == 2


def test_all_figures_are_copied(course, results):
    from LongitudinalRegistrationSlicer.changes.vertebra_course import vertebraCourseText

    lines = [line.split("\t") for line in vertebraCourseText(results[1]).splitlines()]
    assert len(lines) == 7 and len({len(line) for line in lines}) == 1
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert (rows[2]["date"], rows[2]["days"], rows[2]["processes_mean_hu"]) == ("2025-08-01", "210", "310")


def test_the_report_names_time_points_and_no_scan(results):
    from LongitudinalRegistrationLib.pipeline.vertebra_sections import vertebra_sections
    from LongitudinalRegistrationSlicer.changes.vertebra_course import vertebraCourseOf
    from LongitudinalRegistrationSlicer.results.nodes import movingOf

    movingOf(results[0]).SetName("Mustermann")
    density, size = vertebra_sections(vertebraCourseOf(results[0], withNames=False).course)
    assert [row[1] for row in density.rows[:3]] == ["2025-01-03", "Follow-up 1", "2025-04-10"]
    assert density.rows[2][2:] == ("230", "230", "310", "+20", "+30", "+10")
    assert size.rows[1][-4:] == ("12.0", "25.0", "26.0", "50") and size.rows[2][-1] == "n. s. (6)"


def test_what_is_removed_from_the_scene_is_no_time_point(course, results):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import movingOf

    made = course[0]
    slicer.mrmlScene.RemoveNode(movingOf(results[1]))
    made.setResult(results[0])
    assert made.ui.courseTable.columnCount == 3
    slicer.mrmlScene.RemoveNode(results[1])
    slicer.mrmlScene.RemoveNode(movingOf(results[0]))
    made.setResult(results[0])
    assert made.widget.isHidden()
