"""Table, plot and matches of a result, saved with the scene and read back."""

import math

import pytest
from places import RESOURCES
from vertebra_results import FOLLOW_UP, texts

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def save_and_reload(folder):
    """Write all that is storable and the scene, clear, and read it back."""
    import slicer

    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if not node.GetSaveWithScene() or node.IsA("vtkMRMLColorNode"):
            continue
        node.AddDefaultStorageNode(None)
        storage = node.GetStorageNode()
        if storage is not None:
            storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
            assert storage.WriteData(node), node.GetName()
    scene = slicer.mrmlScene
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    assert scene.Commit(scene.GetURL())
    scene.Clear(0)
    scene.SetURL(str(folder / "scene.mrml"))
    assert scene.Connect()


def test_table_plot_matches_and_section_survive_save_and_reload(result, tmp_path):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import resultNodes, scoresOf
    from LongitudinalRegistrationSlicer.vertebrae.label_matching import (
        MATCHES_ATTRIBUTE,
        matchesOf,
        matchesToText,
        rematched,
    )
    from LongitudinalRegistrationSlicer.vertebrae.plot import updateVertebraChart
    from LongitudinalRegistrationWidgets.vertebra_section import VertebraSection

    chart = updateVertebraChart(result)
    assert updateVertebraChart(result) is chart and chart.GetNumberOfPlotSeriesNodes() == 2
    assert chart.GetXAxisTitle() == "Vertebra (0: T11, 4: L3)"
    result.SetAttribute(MATCHES_ATTRIBUTE, matchesToText(rematched(matchesOf(result), 3, None)))
    kept = matchesOf(result)
    save_and_reload(tmp_path)
    (result,) = resultNodes()
    assert matchesOf(result) == kept and kept != ()
    table = scoresOf(result).GetTable()
    names = [table.GetColumnName(n) for n in range(table.GetNumberOfColumns())]
    assert names[0] == "Vertebra" and names[-1] == "Found in" and "HD95 after (mm)" in names and len(names) == 11
    assert table.GetValueByName(2, "DSC before").ToDouble() == 0.625
    assert math.isnan(table.GetValueByName(0, "DSC before").ToDouble())
    assert table.GetValueByName(4, "Found in").ToString() == FOLLOW_UP
    chart = updateVertebraChart(result)
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1
    for number, column in enumerate(("DSC before", "DSC after")):
        series = chart.GetNthPlotSeriesNode(number)
        assert (series.GetYColumnName(), series.GetLabelColumnName()) == (column, "Vertebra")
        assert series.GetTableNode() is scoresOf(result)
        assert series.GetPlotType() == slicer.vtkMRMLPlotSeriesNode.PlotTypeBar
    section = VertebraSection(lambda name: str(RESOURCES / name))
    section.setResult(result)
    assert texts(section)[:3] == ["T11", "T12", "L1"]
    section.cleanup()


def test_a_label_of_any_name_leaves_the_saved_table_whole(scene, tmp_path):
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.plot import nameInTable
    from LongitudinalRegistrationSlicer.vertebrae.scores import addScores

    names = {'2" cage, "old"': 101, "L4 \\ 50 %": 102}
    report = {"dsc": {str(value): {"before": 0.5, "after": 0.9} for value in names.values()}}
    addScores(report, names, "moving")
    save_and_reload(tmp_path)
    (table,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert [nameInTable(table, row) for row in range(table.GetTable().GetNumberOfRows())] == list(names)
    assert table.GetTable().GetColumnByName("DSC after").GetValue(1) == 0.9
