"""Lesions that a reader marks: carried to the other scan as they are, confirmed, measured, followed over time."""

import numpy as np
import pytest
from changed_scans import LESION_KJI, SHIFT_MM, SPACING_MM, add_result, lesion_ras

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")
RADIUS = 4


@pytest.fixture
def result(scene):
    return add_result()


@pytest.fixture
def logic(scene):
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = LongitudinalRegistrationLogic()
    yield made
    made.shutDown()


def mark_segment(volume, name="Deposit", shift=0, radius=RADIUS):
    """A segmentation with a ball of some voxels where the lesion is, moved by voxels along i."""
    import slicer

    k, j, i = np.indices(slicer.util.arrayFromVolume(volume).shape)
    away = sum((n - c) ** 2 for n, c in zip((k, j, i - shift), LESION_KJI, strict=True))
    to_ras = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])
    labels = slicer.util.addVolumeFromArray(
        np.uint8(away <= radius**2), ijkToRAS=to_ras, name=name, nodeClassName="vtkMRMLLabelMapVolumeNode"
    )
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    slicer.mrmlScene.RemoveNode(labels)
    node.GetSegmentation().GetNthSegment(0).SetName(name)
    return node


def mark_line(name, start, end):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    node.AddControlPoint(*start)
    node.AddControlPoint(*end)
    return node


def test_a_segment_is_moved_and_keeps_its_shape(result, logic):
    from LongitudinalRegistrationSlicer.changes.mark_nodes import isProposal
    from LongitudinalRegistrationSlicer.changes.marks import markMeasures
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf, movingOf

    mark = mark_segment(fixedOf(result))
    made = logic.carryMark(result, mark, "follow-up")
    assert isProposal(made) and made.GetParentTransformNode() is result and not isProposal(mark)
    made.SetAndObserveTransformNodeID(None)
    centres = [node.GetSegmentCenterRAS(node.GetSegmentation().GetNthSegmentID(0)) for node in (mark, made)]
    assert np.allclose(np.subtract(centres[1], centres[0]), (-SHIFT_MM, 0.0, 0.0), atol=0.1)
    own, carried = markMeasures(mark, fixedOf(result))[0], markMeasures(made, movingOf(result))[0]
    assert carried.volumeMl == pytest.approx(own.volumeMl) and carried.longestMm == pytest.approx(own.longestMm)
    assert carried.name == own.name == "Deposit" and carried.meanHu > own.meanHu + 100


def test_a_line_on_the_follow_up_comes_to_the_baseline_as_long_as_it_is(result, logic):
    line = mark_line("Node", (-70.0, -70.0, 40.0), (-70.0, -50.0, 40.0))
    made = logic.carryMark(result, line, "baseline")
    points = [np.array(made.GetNthControlPointPosition(n)) for n in (0, 1)]
    assert np.allclose(points[0], (-70.0 + SHIFT_MM, -70.0, 40.0), atol=0.05)
    assert np.linalg.norm(points[1] - points[0]) == pytest.approx(20.0, abs=1e-6)


def test_confirmed_lesions_give_sum_percent_and_category(result, logic):
    from LongitudinalRegistrationSlicer.changes.mark_nodes import isProposal

    place = np.array(lesion_ras())
    line = mark_line("Deposit", place, place + (0.0, 20.0, 0.0))
    made = logic.carryMark(result, line, "follow-up")
    made.SetNthControlPointPosition(1, *(np.array(made.GetNthControlPointPosition(0)) + (0.0, 26.0, 0.0)))
    lesions = logic.confirmMark(result, line, "follow-up")
    assert [(each.name, each.scan, round(each.longestMm)) for each in lesions] == [
        ("Deposit", "Baseline", 20),
        ("Deposit", "Follow-up", 26),
    ]
    assert not isProposal(made)
    assert "sum 26 mm, +30 % from baseline" in logic.lesionsText(result) and "PD" in logic.lesionsText(result)
    made.SetNthControlPointPosition(1, *(np.array(made.GetNthControlPointPosition(0)) + (0.0, 10.0, 0.0)))
    assert len(logic.confirmMark(result, line, "follow-up")) == 2
    assert "-50 % from baseline" in logic.lesionsText(result) and "PR" in logic.lesionsText(result)


def test_a_later_follow_up_is_compared_with_the_nadir(result, logic):
    from changed_scans import add_scans
    from LongitudinalRegistrationSlicer.changes.lesions import addMeasures
    from LongitudinalRegistrationSlicer.changes.marks import MarkMeasures
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    baseline, (second, third) = fixedOf(result), add_scans()
    second.SetName("May"), third.SetName("August")
    for scan, longest in ((baseline, 40.0), (second, 20.0), (third, 30.0)):
        addMeasures(baseline, scan, [MarkMeasures("Deposit", longest)])
    last = logic.lesionsText(result).splitlines()[2]
    assert last.startswith("August: sum 30 mm, -25 % from baseline, +50 % from nadir (20 mm): PD")
    chart = logic.plotLesions(result)
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert names == ["Sum", "Nadir", "Deposit"]
    assert chart.GetNthPlotSeriesNode(1).GetTableNode().GetTable().GetColumnByName("Nadir").GetValue(2) == 20.0
    assert chart.GetYAxisRange()[0] == 0.0 and chart.GetYAxisRange()[1] > 50.0, "the legend has room above the lines"
    looks = [_look_of(chart.GetNthPlotSeriesNode(n)) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert len(set(looks)) == 3


def test_time_points_are_dates_where_they_are_known_and_names_of_nobody_in_a_report(result, logic, monkeypatch):
    from changed_scans import add_scans
    from LongitudinalRegistrationSlicer.changes import lesions
    from LongitudinalRegistrationSlicer.changes.marks import MarkMeasures
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    baseline, (second, third) = fixedOf(result), add_scans()
    baseline.SetName("Mustermann 1"), second.SetName("Mustermann 2"), third.SetName("Mustermann 3")
    dates = {"Mustermann 1": "2020-01-31", "Mustermann 3": "2020-08-01"}
    monkeypatch.setattr(lesions, "dateOf", lambda volume: dates.get(volume.GetName(), ""))
    for scan in (baseline, second, third):
        lesions.addMeasures(baseline, scan, [MarkMeasures("Deposit", 20.0)])
    names = [line.split(":")[0] for line in logic.lesionsText(result).splitlines()[:3]]
    assert names == ["2020-01-31", "Mustermann 2", "2020-08-01"]
    course = lesions.courseOf(baseline, withNames=False)
    assert [point.name for point in course.points] == ["2020-01-31", "Follow-up 1", "2020-08-01"]


def test_scans_that_are_not_from_dicom_have_the_date_in_their_name_and_are_followed_in_its_order(result, logic):
    from changed_scans import add_scans
    from LongitudinalRegistrationSlicer.changes.lesions import addMeasures
    from LongitudinalRegistrationSlicer.changes.marks import MarkMeasures
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    baseline, (second, third) = fixedOf(result), add_scans()
    baseline.SetName("CT 2020-01-31"), second.SetName("August 20200801"), third.SetName("CT_2020.05.02 thin")
    for scan, longest in ((baseline, 40.0), (second, 30.0), (third, 20.0)):
        addMeasures(baseline, scan, [MarkMeasures("Deposit", longest)])
    lines = logic.lesionsText(result).splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["2020-01-31", "2020-05-02", "2020-08-01"]
    assert "+50 % from nadir (20 mm): PD" in lines[2]
    assert _axis_of(logic.plotLesions(result)) == ([0, 92, 183], "Days since the baseline, 2020-01-31")


def test_without_all_dates_the_plot_is_over_the_order_of_the_scans(result, logic):
    from changed_scans import add_scans
    from LongitudinalRegistrationSlicer.changes.lesions import addMeasures
    from LongitudinalRegistrationSlicer.changes.marks import MarkMeasures
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    baseline, (second, third) = fixedOf(result), add_scans()
    baseline.SetName("CT 2020-01-31"), second.SetName("August 20200801"), third.SetName("May")
    for scan in (baseline, second, third):
        addMeasures(baseline, scan, [MarkMeasures("Deposit", 40.0)])
    assert _axis_of(logic.plotLesions(result)) == ([0, 1, 2], "Time point (0: baseline)")


def _look_of(series):
    return (series.GetColor(), series.GetMarkerStyle(), series.GetLineStyle(), series.GetLineWidth())


def _axis_of(chart):
    series = chart.GetNthPlotSeriesNode(0)
    column = series.GetTableNode().GetTable().GetColumnByName(series.GetXColumnName())
    return [column.GetValue(n) for n in range(column.GetNumberOfTuples())], chart.GetXAxisTitle()


@pytest.mark.parametrize(
    ("name", "date"), [("CT 2021-02-30", ""), ("CT 2021", ""), ("visit 2", ""), ("a 2021_12_03.nii", "2021-12-03")]
)
def test_only_a_whole_date_in_a_name_is_one(result, name, date):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from LongitudinalRegistrationSlicer.results.series import dateOf

    fixedOf(result).SetName(name)
    assert dateOf(fixedOf(result)) == date


def test_lesions_are_saved_with_the_scene(result, logic, tmp_path):
    from LongitudinalRegistrationSlicer.results.nodes import lastResult
    from slicerhost.scene_files import loadScene, saveScene

    line = mark_line("12", (-70.0, -70.0, 40.0), (-70.0, -50.0, 40.0))
    logic.carryMark(result, line, "follow-up")
    before = logic.confirmMark(result, line, "follow-up", lymphNode=True)
    saveScene(tmp_path / "scene.mrml")
    loadScene(tmp_path / "scene.mrml")
    assert repr(logic.lesions(lastResult())) == repr(before) and before[0].lymphNode


@pytest.mark.parametrize("name", ["L4: front; left", 'the "old" one', "< 2 cm & lytic", '50 % \\ 2"'])
def test_the_plot_of_a_lesion_of_any_name_is_saved_with_the_scene(result, logic, tmp_path, name):
    from LongitudinalRegistrationSlicer.results.nodes import lastResult
    from slicerhost.scene_files import loadScene, saveScene

    line = mark_line(name, (-70.0, -70.0, 40.0), (-70.0, -50.0, 40.0))
    logic.carryMark(result, line, "follow-up")
    logic.confirmMark(result, line, "follow-up")
    before = logic.plotLesions(result)
    saveScene(tmp_path / "scene.mrml")
    loadScene(tmp_path / "scene.mrml")
    names = [node.GetYColumnName() for node in _series_nodes()]
    assert None not in [_series_nodes()[0].GetTableNode().GetTable().GetColumnByName(column) for column in names]
    after, count = logic.plotLesions(lastResult()), len(_series_nodes())
    assert after is not before and count == after.GetNumberOfPlotSeriesNodes() == 3
    assert [node.GetName() for node in _series_nodes()] == ["Sum", "Nadir", name]
    assert {lesion.name for lesion in logic.lesions(lastResult())} == {name}


def _series_nodes():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")


def test_a_mark_that_vanishes_between_the_other_scan_s_voxels_is_told(result, logic):
    import slicer
    from LongitudinalRegistrationSlicer.changes.marks import carriedMark
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf, movingOf
    from TableRemovalLib.errors import InputError

    mark = mark_segment(fixedOf(result), radius=0)
    moving = movingOf(result)
    coarse = slicer.util.arrayFromVolume(moving)[::20, ::20, ::20].copy()
    slicer.util.updateVolumeFromArray(moving, coarse)
    moving.SetSpacing(*(20 * value for value in moving.GetSpacing()))
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(InputError, match="smaller than a voxel"):
        carriedMark(result, mark, "follow-up")
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_what_cannot_be_carried_or_measured_says_what_to_do(result, logic):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from TableRemovalLib.errors import InputError

    outside = mark_line("Far", (900.0, 0.0, 0.0), (910.0, 0.0, 0.0))
    with pytest.raises(InputError, match="outside"):
        logic.carryMark(result, outside, "follow-up")
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    empty.SetReferenceImageGeometryParameterFromVolumeNode(fixedOf(result))
    count = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(InputError, match="at least one voxel"):
        logic.carryMark(result, empty, "follow-up")
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    with pytest.raises(InputError, match="Carry"):
        logic.confirmMark(result, empty, "follow-up")


def test_the_section_carries_confirms_and_shows(result, logic):
    from LongitudinalRegistrationWidgets.lesions_section import LesionsSection
    from places import RESOURCES

    section = LesionsSection(lambda name: str(RESOURCES / name), logic)
    section.setResult(result)
    assert not section.ui.carryButton.enabled and section.ui.recistLabel.text == ""
    section.ui.markSelector.setCurrentNode(mark_line("Deposit", (-70.0, -70.0, 40.0), (-70.0, -50.0, 40.0)))
    assert section.ui.carryButton.enabled and not section.ui.confirmButton.enabled
    section.ui.carryButton.click()
    assert "Proposal" in section.ui.carriedLabel.text
    section.ui.confirmButton.click()
    assert section.ui.lesionsTable.rowCount == 2 and "SD" in section.ui.recistLabel.text
    table = section.ui.lesionsTable
    assert table.item(1, 5).text() == "+0" and table.item(1, 0).text() == "Deposit\nFollow-up"
    section.widget.resize(300, 700)
    section.widget.show()
    assert table.horizontalHeader().length() <= 300
    section.cleanup()
