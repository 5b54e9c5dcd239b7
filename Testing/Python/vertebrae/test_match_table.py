"""The table of matches between the labels of two scans."""

import pytest
from vertebra_results import add_volume, label_array

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def background(table, row, column):
    return table.item(row, column).background().color().name()


def test_the_match_table_shows_one_sided_labels_and_takes_changes():
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchesFromText
    from LongitudinalRegistrationWidgets.match_table import ALONE_COLOUR, MatchTable
    from LongitudinalRegistrationWidgets.match_table import FOLLOW_UP as COLUMN

    nodes = [
        add_volume(label_array(values), "labels", 0.0, "vtkMRMLLabelMapVolumeNode")
        for values in ([18, 19, 20], [19, 20, 21])
    ]
    changed = []
    table = MatchTable(changed.append)
    table.setLabels(*nodes)
    widget = table.widget
    assert [widget.item(row, 0).text() for row in range(4)] == ["T11", "T12", "L1", "L2"]
    assert [widget.item(row, 3).text() for row in range(4)] == [
        "baseline only",
        "VerSe number",
        "VerSe number",
        "follow-up only",
    ]
    assert background(widget, 0, 0) == ALONE_COLOUR != background(widget, 1, 0)
    box = widget.cellWidget(0, COLUMN)
    assert [box.itemText(n) for n in range(box.count)] == ["(none)", "19", "20", "21"] and box.currentIndex == 0
    assert widget.cellWidget(3, COLUMN) is None and widget.item(3, COLUMN).text() == "21"
    box.activated.emit(3)
    assert [(m.name, m.fixedId, m.movingId) for m in matchesFromText(changed[-1], *nodes)] == [
        ("T11", 18, 21),
        ("T12", 19, 19),
        ("L1", 20, 20),
    ]
    slicer.app.processEvents()
    assert widget.rowCount == 3 and widget.item(0, 3).text() == "manual"
    assert widget.cellWidget(0, COLUMN).currentText == "21"
    table.setLabels(*nodes, changed[-1])
    assert widget.item(0, 3).text() == "manual"
    table.setLabels(None, None)
    assert widget.rowCount == 0


def test_all_columns_fit_a_narrow_panel_and_the_choice_can_be_read():
    import slicer
    from LongitudinalRegistrationWidgets.match_table import FOLLOW_UP, MatchTable

    nodes = [add_volume(label_array([17, 18, 19]), "labels", 0.0, "vtkMRMLLabelMapVolumeNode") for _side in range(2)]
    table = MatchTable()
    table.setLabels(*nodes)
    widget = table.widget
    widget.setFixedSize(264, 180)
    widget.show()
    slicer.app.processEvents()
    widths = [widget.columnWidth(column) for column in range(widget.columnCount)]
    assert sum(widths) <= widget.viewport().width
    assert widths[FOLLOW_UP] >= widget.cellWidget(0, FOLLOW_UP).minimumSizeHint().width()
    metrics = widget.fontMetrics()
    assert all(
        width >= metrics.horizontalAdvance(widget.horizontalHeaderItem(n).text()) for n, width in enumerate(widths)
    )
    assert widget.item(0, 3).toolTip() == "VerSe number"
