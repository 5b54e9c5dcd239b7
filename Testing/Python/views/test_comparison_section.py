"""The views of a result: arranged, linked, kept, restored and left; a known pair in real views."""

import numpy as np
import pytest
from comparisons import (
    AIR,
    FIXED_GREY,
    HALF_MM,
    IN_BOTH,
    LEFT_SIDE,
    MOVING_GREY,
    RIGHT_SIDE,
    SHIFT,
    Shown,
    make_result,
    near,
    shift_transform,
)

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


def test_the_follow_up_is_shown_unregistered_and_registered_at_once(shown):
    assert near(shown.colour(RIGHT_SIDE, "FollowUp"), [MOVING_GREY] * 3)
    assert near(shown.colour(LEFT_SIDE, "FollowUp"), [0] * 3)
    assert near(shown.colour(RIGHT_SIDE, "Registered"), [0] * 3)
    assert near(shown.colour(LEFT_SIDE, "Registered"), [MOVING_GREY] * 3)
    assert near(shown.colour(LEFT_SIDE, "Baseline"), [FIXED_GREY] * 3)


def test_the_node_of_the_unregistered_follow_up_shares_its_voxels_and_is_never_saved(shown):
    from LongitudinalRegistrationSlicer.results.nodes import movingOf

    node, moving = shown.section.comparison.unregistered, movingOf(shown.result)
    assert node.GetName() == f"Unregistered {moving.GetName()}"
    assert node.GetImageData() is moving.GetImageData() and node.GetParentTransformNode() is None
    assert node.GetHideFromEditors() and not node.GetSaveWithScene()


@pytest.mark.parametrize("row", (1, 2))
def test_all_views_go_to_a_point_and_the_follow_up_s_to_where_the_transform_leads(shown, row):
    point = np.array((10.0, -20.0, 30.0))
    shown.section.jumpTo(point)
    for column, expected in (
        ("Baseline", point),
        ("Registered", point),
        ("Overlay", point),
        ("FollowUp", point + SHIFT),
    ):
        matrix = shown.view(column, row).get_view_node().GetSliceToRAS()
        assert np.allclose([matrix.GetElement(n, 3) for n in range(3)], expected, atol=1e-3), column


def test_scrolling_and_zooming_the_follow_up_leads_the_others(shown):
    follow_up = shown.view("FollowUp").get_view_node()
    follow_up.JumpSliceByCentering(SHIFT[0], 5.0, 7.0)
    field_of_view = follow_up.GetFieldOfView()
    follow_up.SetFieldOfView(field_of_view[0] / 2, field_of_view[1] / 2, field_of_view[2])
    for column in ("Baseline", "Registered", "Overlay"):
        node = shown.view(column).get_view_node()
        centre = [node.GetSliceToRAS().GetElement(n, 3) for n in range(3)]
        assert np.allclose(centre, (0.0, 5.0, 7.0), atol=1e-2)
        perPixel = [each.GetFieldOfView()[0] / each.GetDimensions()[0] for each in (node, follow_up)]
        assert np.isclose(*perPixel)
    assert np.isclose(follow_up.GetFieldOfView()[0], field_of_view[0] / 2)


@pytest.mark.parametrize(("window", "air"), [("Bone", 0), ("Soft tissue", 0), ("Lung", 59)])
def test_a_window_reaches_all_views(shown, window, air):
    tissue = {"Bone": (70, 92), "Soft tissue": (102, 197), "Lung": (229, 255)}[window]
    shown.choose("Off")
    shown.section.setWindow(window)
    for column, value in (("Baseline", tissue[0]), ("FollowUp", tissue[1]), ("Registered", tissue[1])):
        assert near(shown.colour(AIR, column), [air] * 3), column
        assert near(shown.colour(IN_BOTH, column), [value] * 3), column
        place = (SHIFT[0], 35.0, 0.0) if column == "FollowUp" else (0.0, 35.0, 0.0)
        assert near(shown.colour(place, column, row=2), [value] * 3), column


def test_the_second_row_turns_coronal(shown):
    shown.ui.secondRowComboBox.setCurrentText("Coronal")
    for column in ("Baseline", "FollowUp", "Registered", "Overlay"):
        assert shown.view(column, 2).get_view_node().GetOrientation() == "Coronal"
        assert shown.view(column, 1).get_view_node().GetOrientation() == "Axial"


def test_a_result_that_comes_while_the_module_is_left_is_shown_when_it_is_entered(shown):
    shown.choose("Flicker")
    shown.section.exit()
    second = make_result()
    shown.section.setResult(second)
    shown.section.setResult(second)
    assert shown.section.comparison is None and not shown.section._flicker.isActive()
    shown.section.enter()
    assert shown.section.comparison.result is second and shown.section._flicker.isActive()


def test_a_result_that_comes_in_another_layout_leaves_it_alone(shown):
    from LongitudinalRegistrationSlicer.views.layout import layoutNode

    layoutNode().SetViewArrangement(6)
    shown.section.setResult(make_result())
    assert layoutNode().GetViewArrangement() == 6 and shown.section.comparison is None


def test_another_result_of_the_same_scans_is_shown_at_the_same_place(shown):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, fixedOf, movingOf, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    shown.section.jumpTo((10.0, 20.0, -6.0))
    shown.view("Baseline").get_view_node().SetFieldOfView(40.0, 40.0, 1.0)
    second = addTransformNode(shift_transform(), "Second")
    second.SetAttribute(RESULT_ATTRIBUTE, "niftyreg")
    for role, node in (
        (second.GetFixedNodeReferenceRole(), fixedOf(shown.result)),
        (second.GetMovingNodeReferenceRole(), movingOf(shown.result)),
    ):
        second.SetNodeReferenceID(role, node.GetID())
    setTransformOn(second, True)
    shown.section.setResult(second)
    node = shown.view("Overlay").get_view_node()
    assert shown.section.comparison.result is second and node.GetFieldOfView()[0] == pytest.approx(40.0)
    assert np.allclose(slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, 3], (10.0, 20.0, -6.0), atol=1e-6)


def test_what_the_views_were_like_is_taken_anew_when_the_user_has_left_them(shown):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from LongitudinalRegistrationSlicer.views.layout import layoutNode

    display = fixedOf(shown.result).GetDisplayNode()
    layoutNode().SetViewArrangement(6)
    display.SetWindowLevel(123, 45)
    shown.section.arrange()
    assert display.GetWindow() == 1800
    shown.ui.restoreButton.click()
    assert (layoutNode().GetViewArrangement(), display.GetWindow(), display.GetLevel()) == (6, 123, 45)


def test_a_closed_scene_s_views_are_not_restored_in_the_next(shown, scene):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from LongitudinalRegistrationSlicer.views.layout import isShown

    shown.section.setResult(None)
    shown.section.forget()
    scene.Clear(0)
    assert not shown.ui.restoreButton.enabled and not isShown()
    second = make_result()
    display = fixedOf(second).GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(400, 40)
    shown.section.setResult(second)
    shown.section.arrange()
    shown.section.restore()
    assert (display.GetWindow(), display.GetLevel()) == (400, 40)


def test_slicer_s_own_link_of_the_views_and_ours_agree(shown):
    import slicer
    from LongitudinalRegistrationSlicer.views import layout

    def places():
        matrices = (layout.sliceNode(column, 2).GetSliceToRAS() for column in layout.COLUMNS)
        return [float(slicer.util.arrayFromVTKMatrix(matrix)[0, 3]) for matrix in matrices]

    for column in layout.COLUMNS:
        layout.sliceLogic(column, 2).GetSliceCompositeNode().SetLinkedControl(True)
    for leading, expected in ((layout.BASELINE, (-2.0, 18.0)), (layout.FOLLOW_UP, (-4.0, 16.0))):
        logic = layout.sliceLogic(leading, 2)
        logic.StartSliceOffsetInteraction()
        logic.SetSliceOffset(logic.GetSliceOffset() + 2.0)
        logic.EndSliceOffsetInteraction()
        fixed, moving = expected
        assert np.allclose(places(), (fixed, moving, fixed, fixed), atol=0.01)


def test_a_transform_that_is_taken_off_elsewhere_or_hardened_is_noticed(shown):
    from LongitudinalRegistrationSlicer.results.nodes import movingOf, transformIsOn

    moving, box = movingOf(shown.result), shown.ui.transformCheckBox
    shown.choose("Off")
    moving.SetAndObserveTransformNodeID(None)
    assert not box.checked and box.enabled and "unregistered" in shown.section.comparison.titles["Registered"]
    box.click()
    assert transformIsOn(shown.result) and box.checked
    moving.HardenTransform()
    assert not box.checked and not box.enabled and "register it again" in box.toolTip
    assert shown.section.comparison.titles["Registered"] == "Follow-up registered"
    shown.section._switch.toggle()
    assert moving.GetParentTransformNode() is None


def test_a_removed_scan_ends_the_views_without_a_fault(shown):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    slicer.mrmlScene.RemoveNode(fixedOf(shown.result))
    shown.section.setWindow("Lung")
    shown.section.setResult(shown.result)
    assert shown.section.comparison is None and not shown.ui.arrangeButton.enabled


def test_a_scene_saved_while_arranged_has_nothing_of_ours_and_the_user_s_own_layout_afterwards(shown, tmp_path):
    from LongitudinalRegistrationSlicer.views.layout import LAYOUT_ID, layoutNode
    from slicerhost.scene_files import saveScene

    written = saveScene(tmp_path / "arranged.mrml")
    assert "currentViewArrangement" not in written and "Longct" not in written
    assert layoutNode().GetViewArrangement() == LAYOUT_ID
    layoutNode().SetViewArrangement(6)
    assert 'currentViewArrangement="6"' in saveScene(tmp_path / "left.mrml")


def test_the_undo_leaves_the_scans_in_the_views_and_says_so(shown):
    import slicer
    from LongitudinalRegistrationSlicer.views.layout import isShown

    slicer.mrmlScene.RemoveNode(shown.result)
    shown.section.setResult(None)
    shown.choose("Off")
    assert isShown() and shown.ui.restoreButton.enabled and shown.section.isNeeded
    assert not shown.ui.arrangeButton.enabled and not shown.ui.transformCheckBox.enabled
    assert "unregistered" in shown.section.comparison.titles["Registered"]
    for column in ("FollowUp", "Registered"):
        assert near(shown.colour(RIGHT_SIDE, column), [MOVING_GREY] * 3), column
    shown.view("Baseline").get_view_node().JumpSliceByCentering(0.0, 0.0, 12.0)
    matrix = shown.view("FollowUp").get_view_node().GetSliceToRAS()
    assert matrix.GetElement(0, 3) == pytest.approx(0.0) and matrix.GetElement(2, 3) == pytest.approx(12.0)
    shown.ui.restoreButton.click()
    assert not isShown() and not shown.section.isNeeded and shown.section.comparison is None


def test_a_view_of_another_size_takes_the_baseline_s_scale(shown):
    def scales():
        nodes = [shown.view(column).get_view_node() for column in ("Baseline", "FollowUp", "Registered", "Overlay")]
        return [node.GetFieldOfView()[n] / node.GetDimensions()[n] for node in nodes for n in (0, 1)]

    def resize(column, width, height):
        shown.view(column)._logic.ResizeSliceNode(width, height)

    sizes = {column: shown.view(column).get_view_node().GetDimensions()[:2] for column in ("Overlay", "Baseline")}
    resize("Overlay", 300, 500)
    assert np.allclose(scales(), scales()[0])
    resize("Baseline", 200, 400)
    assert np.allclose(scales(), 2 * HALF_MM / 200, rtol=0.02)
    baseline = shown.view("Baseline").get_view_node()
    baseline.SetFieldOfView(50.0, 100.0, 1.0)
    resize("Baseline", 300, 400)
    assert np.allclose(scales(), 0.25) and baseline.GetFieldOfView()[1] == pytest.approx(100.0)
    for column, size in sizes.items():
        resize(column, *size)


@pytest.mark.parametrize(
    ("width", "beside", "columns"),
    [
        (1480, {}, 4),
        (1480, {"with3D": True}, 3),
        (1040, {}, 3),
        (1040, {"with3D": True, "withPlot": True}, 2),
        (500, {}, 2),
    ],
)
def test_there_are_as_many_columns_as_there_is_room_for(width, beside, columns):
    from LongitudinalRegistrationSlicer.views.layout import BASELINE, OVERLAY, arrangementFor

    arrangement = arrangementFor(width, **beside)
    assert len(arrangement.columns) == columns and {BASELINE, OVERLAY} <= set(arrangement.columns)
    assert len(arrangement.viewNames()) == 2 * columns and arrangement.viewNames(OVERLAY)[0] == "LongctOverlay1"


def test_keys_change_window_fade_and_transform_while_the_module_is_shown(window, shown):
    from LongitudinalRegistrationSlicer.results.nodes import transformIsOn
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    def press(key):
        QTest.keyClick(window, key)
        return shown.ui.windowComboBox.currentText, shown.ui.modeSlider.value, transformIsOn(shown.result)

    shown.choose("Fade", 1.0)
    assert press(Qt.Key_F8) == ("Lung", 1.0, True)
    assert press(Qt.Key_F7) == ("Soft tissue", 1.0, True)
    assert press(Qt.Key_F6) == ("Bone", 1.0, True)
    assert press(Qt.Key_F5) == ("Bone", 0.0, True)
    assert press(Qt.Key_F9) == ("Bone", 0.0, False) and not shown.ui.transformCheckBox.checked
    shown.section.exit()
    assert press(Qt.Key_F9) == ("Bone", 0.0, False) and press(Qt.Key_F7)[0] == "Bone"
    shown.section.enter()
    assert press(Qt.Key_F9) == ("Bone", 0.0, True) and press(Qt.Key_F8)[0] == "Lung"


def test_releasing_the_views_leaves_no_node_behind(host, scene):
    result = make_result()
    first = Shown(host, result)
    count = scene.GetNumberOfNodes()
    first.section.cleanup()
    assert scene.GetNumberOfNodes() == count - 1
    second = Shown(host, result)
    assert scene.GetNumberOfNodes() == count
    second.section.restore()
    assert second.section.comparison is None and scene.GetNumberOfNodes() == count - 1
    second.section.cleanup()


def test_the_scene_is_closed_while_an_overlay_is_on(shown, scene):
    shown.choose("Red/cyan")
    assert near(shown.colour(IN_BOTH), (FIXED_GREY, MOVING_GREY, MOVING_GREY))
    scene.Clear(0)
    for column in ("Registered", "Overlay"):
        assert (shown.picture(column) < 10).mean() > 0.9
    shown.section.setResult(None)
    assert shown.section.comparison is None and not shown.ui.arrangeButton.enabled
