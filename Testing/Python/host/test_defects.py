"""What was found in a real Slicer 5.10, shown in the stand-in; a test without a mark holds a defect that is mended."""

import dataclasses
import functools
import gc
import sys
import time
import types
import weakref

import numpy as np
import pytest
import SimpleITK as sitk
from places import RESOURCES
from small_scans import EXTENT_MM, SPACING, add, arrays

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402

pytestmark = pytest.mark.xdist_group("host")
STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
PATIENCE_S = 180
LAPTOP, DESKTOP, PANEL_PX = (1366, 768), (1920, 1080), 300


def defect(number, reason):
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=f"defect {number}: {reason}")


@pytest.fixture(scope="module")
def host():
    return boot()


@pytest.fixture(autouse=True)
def scene(host):
    import slicer

    host.core.scene.Clear(0)
    slicer.app.errorLogModel().clear()
    yield host.core.scene
    host.core.scene.Clear(0)


def make_result(with_labels=False):
    """Two scans, one moved by two voxels, under the transform that says so."""
    from LongitudinalRegistrationSlicer.process.exchange import FIXED_LABELS_ROLE, MOVING_LABELS_ROLE
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    (fixed_hu, fixed_labels), (moving_hu, moving_labels) = arrays(), arrays(2)
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((2 * SPACING, 0.0, 0.0))
    wave = np.zeros((4, 4, 4, 3))
    wave[1:3, 1:3, 1:3, 1] = 12.0
    field = sitk.GetImageFromArray(wave, isVector=True)
    field.SetSpacing((EXTENT_MM[0] / 3, EXTENT_MM[1] / 3, EXTENT_MM[2] / 3))
    result = addTransformNode(sitk.CompositeTransform([shift, sitk.DisplacementFieldTransform(field)]), "Result")
    result.SetAttribute(RESULT_ATTRIBUTE, "voxelmorph")
    nodes = {
        result.GetFixedNodeReferenceRole(): add(fixed_hu, "Baseline"),
        result.GetMovingNodeReferenceRole(): add(moving_hu, "FollowUp"),
    }
    if with_labels:
        nodes[FIXED_LABELS_ROLE] = add(fixed_labels, "Baseline labels", "vtkMRMLLabelMapVolumeNode")
        nodes[MOVING_LABELS_ROLE] = add(moving_labels, "FollowUp labels", "vtkMRMLLabelMapVolumeNode")
    for role, node in nodes.items():
        result.SetNodeReferenceID(role, node.GetID())
    setTransformOn(result, True)
    return result


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was seen of arranged views in a window of a size, all in pixels but widthsMm: for each view its least side.

    window: its size. labels: for each view label its width and the width that its text needs. saved: the scene's file.
    fittedMm, resizedMm: widthsMm of views that show all, before and after another size; scales: mm a pixel then, row by
    row. axialS: where the baseline's axial view is, mm. view3D: the 3-D view's width.
    annotation, underLegend: the corner text, and whether the legend of contours is drawn where it stands.
    """

    window: tuple
    widthsMm: list
    labels: list
    saved: str
    fittedMm: list
    resizedMm: list
    scales: list
    axialS: float
    underLegend: bool
    annotation: str
    staysForPlot: bool
    view3D: int


@functools.cache
def seen(size, folder):
    """Arrange a result in a window of a size, with a panel of 300 px, and return what is Seen."""
    import slicer
    from LongitudinalRegistrationSlicer.views.layout import isShown
    from LongitudinalRegistrationWidgets.comparison_section import ComparisonSection
    from PySide6.QtWidgets import QWidget
    from slicerhost.scene_files import saveScene
    from slicerhost.window import mainWindow

    with mainWindow(*size) as window:
        panel = QWidget()
        panel.setMinimumWidth(PANEL_PX)
        window.panel.setModule(panel)
        window.settle()
        result = make_result()
        section = ComparisonSection(lambda name: str(RESOURCES / name))
        section.setResult(result)
        section.enter()
        section.arrange()
        window.settle()
        manager = slicer.app.layoutManager()
        names = section.comparison.arrangement.viewNames()
        views = [manager.sliceWidget(name) for name in names]
        labels = [view.sliceController().viewLabel() for view in views]
        facts = {
            "window": (window.width, window.height),
            "widthsMm": _widths_mm(views),
            "axialS": manager.sliceWidget("LongctBaseline1").mrmlSliceNode().GetSliceOffset(),
            "labels": [(label.width, label.fontMetrics().horizontalAdvance(label.text)) for label in labels],
            "saved": saveScene(folder / "scene.mrml"),
        }
        section.comparison.fit()
        facts["annotation"], facts["underLegend"] = _legend(result, section, manager.sliceWidget("LongctOverlay1"))
        section.comparison.fit()
        facts["fittedMm"] = _widths_mm(views)
        window.resize(1800, 950)
        window.settle()
        facts["resizedMm"], facts["scales"] = _widths_mm(views), [mm_per_pixel(view) for view in views]
        section.show3D(True)
        window.settle()
        shown = [manager.threeDWidget(number) for number in range(manager.threeDViewCount)]
        facts["view3D"] = max(view.width for view in shown if view.visible)
        chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
        facts["staysForPlot"] = section.showChart(chart) and isShown()
        section.cleanup()
        slicer.mrmlScene.Clear(0)
    return Seen(**facts)


def _widths_mm(views):
    return [mm_per_pixel(view) * min(view.mrmlSliceNode().GetDimensions()[:2]) for view in views]


def mm_per_pixel(view):
    """Return the scale that a view is drawn at: its matrix may lag behind its field of view."""
    toRAS = view.mrmlSliceNode().GetXYToRAS()
    return float(np.linalg.norm([toRAS.GetElement(row, 0) for row in range(3)]))


def _legend(result, section, widget):
    """Return a view's corner text, and whether the legend of contours changes pixels there."""
    from LongitudinalRegistrationSlicer.displacement import lines
    from LongitudinalRegistrationWidgets.displacement_section import LINES, DisplacementSection
    from slicerhost.views import renderArray

    display = DisplacementSection(lambda name: str(RESOURCES / name))
    display.setResult(result)
    display.setOverlays(section.overlays())
    before = renderArray(widget.view).astype(int)
    display.ui.linesComboBox.setCurrentIndex(LINES.index(lines.CONTOURS))
    changed = np.abs(renderArray(widget.view) - before).max(axis=-1) > 8
    display.cleanup()
    assert changed.any()
    return widget.sliceView().cornerAnnotation().GetText(0), bool(changed[-40:, :100].any())


@pytest.fixture(scope="module")
def desktop(tmp_path_factory, host):
    return seen(DESKTOP, tmp_path_factory.mktemp("desktop"))


@pytest.fixture(scope="module")
def laptop(tmp_path_factory, host):
    return seen(LAPTOP, tmp_path_factory.mktemp("laptop"))


@pytest.fixture
def panels(host, monkeypatch):
    """A function that opens a module's panel; a small program takes the place of the worker."""
    from LongitudinalRegistrationSlicer.module import logic
    from slicerhost.application import closePanel, makePanel

    opened = []
    monkeypatch.setattr(logic, "workerCommand", lambda: STAND_IN)

    def make(name):
        opened.append(makePanel(host.modules[name]))
        return opened[-1]

    yield make
    for panel in opened:
        closePanel(panel)


def register(panel):
    """Register the chosen pair, until all has come."""
    from slicerhost.application import letRun

    panel.ui.registerButton.click()
    letRun(panel, lambda: not panel.logic.needsPolling, PATIENCE_S)
    letRun(panel, lambda: panel.results.isComplete, PATIENCE_S)


def registered_panel(panels):
    """The registration panel with a result of the small program."""
    panel = panels("LongitudinalRegistration")
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = add(arrays()[0], "Baseline"), add(arrays(1)[0], "FollowUp")
    register(panel)
    return panel


# --- 1, 2, 3: opening, arranging, resizing ----------------------------------------------------------------------


def test_1_the_logic_is_made_with_bases_that_pass_their_initialisation_on(host):
    """Slicer's ScriptedLoadableModuleLogic calls super().__init__() without arguments; so does the stand-in's."""
    logic = host.modules["LongitudinalRegistration"].python.LongitudinalRegistrationLogic(None, STAND_IN)
    assert logic.getParameterNode() is not None
    logic.shutDown()


def test_2_arranged_views_show_the_whole_baseline(desktop):
    assert min(desktop.widthsMm) > 0.9 * min(EXTENT_MM)


def test_2_the_axial_views_are_in_the_middle_of_the_scan(desktop):
    """A new view's slider tells its first value, 0, by a queued call that arrives later."""
    assert desktop.axialS == pytest.approx(EXTENT_MM[2] / 2, abs=SPACING)


def test_3_resizing_the_window_does_not_zoom(desktop):
    assert np.allclose(desktop.resizedMm, desktop.fittedMm, rtol=0.25)


def test_3_all_views_of_a_row_are_drawn_at_one_scale(desktop):
    rows = np.split(np.array(desktop.scales), 2)
    assert all(np.allclose(row, row[0], rtol=0.01) for row in rows), rows


# --- 4: the verdict ---------------------------------------------------------------------------------------------


def test_4_two_patients_are_poor_whatever_else_is_said():
    from LongitudinalRegistrationLib.evaluation.verdict import verdict

    report = {"method": "niftyreg", "fallback_reason": "the result is less similar than the affine alignment alone"}
    report |= {"ssim": {"before": 0.20, "after": 0.21}, "ncc": {"before": 0.08, "after": 0.10}}
    assert verdict(report).level == "poor"


# --- 5: the undo ------------------------------------------------------------------------------------------------


def test_5_the_status_says_nothing_of_a_result_that_is_gone(panels):
    import slicer

    panel = registered_panel(panels)
    assert "0.90" in panel.ui.statusLabel.text
    slicer.mrmlScene.RemoveNode(panel.result)
    panel.onTimer()
    assert "0.90" not in panel.ui.statusLabel.text


def test_5_the_way_back_stays_as_long_as_the_views_are_arranged(panels):
    import slicer
    from LongitudinalRegistrationSlicer.views.layout import isShown
    from slicerhost.window import mainWindow

    with mainWindow(*DESKTOP):
        panel = registered_panel(panels)
        panel.results.comparisonSection.ui.arrangeButton.click()
        slicer.app.processEvents()
        slicer.mrmlScene.RemoveNode(panel.result)
        lost = isShown() and panel.results.comparisonSection.widget.isHidden()
        panel.results.comparisonSection.restore()
    assert not lost


def test_5_a_registered_volume_is_no_follow_up_after_the_undo(panels):
    import slicer
    from LongitudinalRegistrationSlicer.process.guess import followUpsOf

    panel = registered_panel(panels)
    fixed = panel.ui.fixedSelector.currentNode()
    slicer.mrmlScene.RemoveNode(panel.result)
    assert not [node.GetName() for node in followUpsOf(fixed) if "registered" in node.GetName()]


# --- 6, 7: the layout -------------------------------------------------------------------------------------------


def test_6_the_window_keeps_its_size_on_a_laptop(laptop):
    assert laptop.window == LAPTOP


def test_6_the_window_keeps_its_size_on_a_desktop(desktop):
    assert desktop.window == DESKTOP


def test_6_the_3d_view_is_a_cell_of_its_own(desktop):
    assert desktop.view3D > 300


def test_7_no_view_s_label_is_cut(laptop):
    assert all(width >= needed for width, needed in laptop.labels)


# --- 8, 9: what takes long --------------------------------------------------------------------------------------


def test_8_a_label_map_is_counted_once(monkeypatch):
    from LongitudinalRegistrationSlicer.vertebrae import label_matching, label_summary

    result, counted = make_result(with_labels=True), []
    count = label_summary.summarised
    monkeypatch.setattr(label_summary, "summarised", lambda array: counted.append(1) or count(array))
    for _call in range(6):
        label_matching.matchesOf(result)
    assert len(counted) <= 2


def test_9_no_header_measures_every_row(panels):
    from PySide6.QtWidgets import QHeaderView

    table = panels("TableRemoval").ui.qualityTable
    headers = (table.horizontalHeader(), table.verticalHeader())
    assert (
        QHeaderView.ResizeToContents
        not in [header.sectionResizeMode(section) for header in headers for section in range(max(header.count(), 1))]
        and table.verticalHeader().defaultSectionSize > 0
    )


# --- 10: scenes -------------------------------------------------------------------------------------------------


def test_10_a_scene_saved_while_arranged_keeps_none_of_our_layouts(desktop):
    assert "<MRML" in desktop.saved and "currentViewArrangement" not in desktop.saved and "Longct" not in desktop.saved


def test_10_labels_whose_voxels_come_after_their_node_as_in_a_loaded_scene_are_matched(panels):
    import slicer

    panel = panels("LongitudinalRegistration")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Loaded")
    panel.logic.getParameterNode().fixedLabels = node
    assert panel.inputs.matchTable.widget.rowCount == 0
    slicer.util.updateVolumeFromArray(node, arrays()[1])
    panel.onSceneEndImport(None, None)
    slicer.app.processEvents()
    assert panel.inputs.matchTable.widget.rowCount == 2


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_10_a_scene_can_be_closed_after_a_module_was_left(host, panels, name):
    """Slicer resets the parameter node then, and calls observers that Python must not have collected (a crash)."""
    panel = panels(name)
    node = weakref.ref(panel.logic.getParameterNode().parameterNode)
    panel.exit()
    gc.collect()
    assert node() is not None


# --- 12: the error log ------------------------------------------------------------------------------------------


def test_12_outlines_leave_the_error_log_empty():
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines

    outlines = VertebraOutlines(make_result(with_labels=True))
    outlines.show()
    outlines.highlight(20)
    outlines.remove()
    assert slicer.app.errorLogModel().texts() == []


def test_12_the_place_tool_keeps_the_user_s_points(panels):
    """Slicer gives it each new points node; once that is removed, it warns of the next one."""
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines
    from TableRemovalSlicer.click_tool import ClickTool

    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Mine")
    selection = slicer.app.applicationLogic().GetSelectionNode()
    selection.SetReferenceActivePlaceNodeID(mine.GetID())
    outlines = VertebraOutlines(make_result(with_labels=True))
    outlines.show()
    assert selection.GetActivePlaceNodeID() == mine.GetID()
    outlines.remove()
    tool = ClickTool()
    assert selection.GetActivePlaceNodeID() == tool.node.GetID() and tool.active
    tool.close()
    assert selection.GetActivePlaceNodeID() == mine.GetID()


# --- 13, 14: texts over each other ------------------------------------------------------------------------------


def test_13_two_names_in_an_axial_slice_do_not_lie_over_each_other(host):
    import slicer
    from LongitudinalRegistrationSlicer.vertebrae.outline_names import OutlineNames
    from slicerhost.views import AXIAL, Frame, makeSliceView, place

    view = makeSliceView(host, "Red", AXIAL)
    place(view, Frame((0.0, 0.0, 0.0), 300.0, 300.0, 300, 300))
    points = {"L1": (0.0, 0.0, 10.0), "L2": (1.0, 0.0, -10.0)}
    names = OutlineNames(points, {"L1": (-4.0, 24.0), "L2": (-24.0, 4.0)})
    names.showIn([view.get_view_node()])
    shown = [
        np.array(node.GetNthControlPointPosition(index))
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
        for index in range(node.GetNumberOfControlPoints())
        if abs(node.GetNthControlPointPosition(index)[2]) < 0.5 and node.GetNthControlPointVisibility(index)
    ]
    names.remove()
    assert len(shown) == 2 and np.linalg.norm((shown[0] - shown[1])[:2]) > 10.0


def test_14_no_legend_lies_under_the_corner_annotation(desktop):
    assert "B: Baseline" in desktop.annotation and not desktop.underLegend


# --- 15 to 18: the panels ---------------------------------------------------------------------------------------


def test_15_a_slice_is_listed_once_with_its_reasons_together():
    from TableRemovalLib.quality import AREA_JUMP, HOLE, SliceRecord
    from TableRemovalSlicer.quality_rows import leftText, qualityRows

    flags = (HOLE, AREA_JUMP)
    record = SliceRecord(7, 4000.0, 0.08, 1, flags)
    session = types.SimpleNamespace(
        records=(record,),
        checked=frozenset(),
        state=types.SimpleNamespace(overrides=types.SimpleNamespace(slices={})),
    )
    rows = qualityRows(session, True)
    assert len(rows) == 1 and all(flag in rows[0].texts[2] for flag in flags)
    assert leftText(session) == "1 slice left to check"


def test_16_the_slice_slider_follows_the_view(host, panels):
    import slicer
    from slicerhost.views import AXIAL, makeSliceView
    from TableRemovalSlicer.views import axialSliceNode

    makeSliceView(host, "Red", AXIAL)
    panel = panels("TableRemoval")
    scan = host.modules["TableRemoval"].python.TableRemovalTest().makeScan()[0]
    panel.ui.inputSelector.setCurrentNode(scan)
    end = time.monotonic() + PATIENCE_S
    while not (panel.logic.session.ready and panel.logic.session.current):
        if time.monotonic() > end:
            raise TimeoutError(panel.ui.previewLabel.text)
        panel.poll()
        time.sleep(0.01)
    axialSliceNode().JumpSliceByOffsetting(0.0, 0.0, 4.0 * 17)
    slicer.app.processEvents()
    panel.poll()
    assert panel.logic.session.k == 17 and panel.ui.sliceSlider.value == 17


def test_17_a_second_registration_has_a_name_of_its_own(panels):
    from LongitudinalRegistrationSlicer.results.nodes import movingOf, resultNodes, setTransformOn

    panel = registered_panel(panels)
    setTransformOn(panel.result, False)
    assert movingOf(panel.result) is panel.ui.movingSelector.currentNode()
    register(panel)
    names = [node.GetName() for node in resultNodes()]
    assert len(names) == len(set(names)) == 2, names


def test_18_scans_that_are_loaded_while_the_module_is_open_are_chosen(panels):
    from slicerhost.application import letRun

    panel = panels("LongitudinalRegistration")
    add(arrays()[0], "CT 2024-03 baseline")
    add(arrays(1)[0], "CT 2025-01 follow-up")
    letRun(panel, lambda: panel.logic._job.ready, PATIENCE_S)
    parameters = panel.logic.getParameterNode()
    assert None not in (parameters.fixedVolume, parameters.movingVolume)


def test_18_a_plot_leaves_the_arranged_views(desktop):
    assert desktop.staysForPlot


def test_18_one_slice_is_no_plural(host):
    overrides = types.SimpleNamespace(slices={3: None})
    session = types.SimpleNamespace(
        problem="",
        overridesProblem="",
        remark="",
        state=types.SimpleNamespace(overrides=overrides),
        progressText=lambda: "",
    )
    logic = host.modules["TableRemoval"].python.TableRemovalLogic()
    logic.session = session
    assert "1 slice " in logic.previewText() and "1 slices" not in logic.previewText()


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_18_a_panel_can_be_300_px_wide(panels, name):
    """Slicer's module panel lets no module shrink below what it likes to be, before it is entered."""
    from slicerhost.window import mainWindow

    with mainWindow(*LAPTOP) as window:
        panel = panels(name)
        window.panel.setModule(panel.parent)
        panel.enter()
        window.settle()
        least = window.panel.minimumSizeHint().width()
        panel.parent.setParent(None)
    assert least <= PANEL_PX


def test_18_escape_ends_the_click_mode(host, panels):
    import slicer
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from slicerhost.window import mainWindow

    with mainWindow(*LAPTOP) as window, pytest.warns(DeprecationWarning):
        QApplication.setActiveWindow(window)
        panel = panels("TableRemoval")
        window.panel.setModule(panel.parent)
        panel.editSection.startClicking()
        slicer.app.processEvents()
        QTest.keyClick(window, Qt.Key_Escape)
        panel.poll()
        clicking = panel.logic.clicking
        panel.editSection.stopClicking()
        panel.parent.setParent(None)
    assert not clicking


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_18_the_end_of_the_application_warns_of_no_observer(host, recwarn, name):
    from slicerhost.application import closePanel, makePanel

    panel = makePanel(host.modules[name])
    panel.removeObservers()
    closePanel(panel)
    assert not [str(warning.message) for warning in recwarn if "observer" in str(warning.message)]
