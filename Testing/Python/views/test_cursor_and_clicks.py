"""The value at the cursor and a click: a known pair with a known shift says known numbers, in all views."""

import numpy as np
import pytest
from comparisons import FIXED_HU, IN_BOTH, MOVING_HU, SHIFT

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def line(shown):
    import qt
    from LongitudinalRegistrationWidgets.cursor_line import CursorLine

    line = CursorLine(qt.QLabel())
    line.setResult(shown.result)
    line.setEntered(True)
    yield line
    line.setEntered(False)


def point_at(shown, ras, column):
    """Move the mouse to a place (RAS, mm) of a column's axial view."""
    import slicer

    node = shown.view(column).get_view_node()
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    x, y = xy_of(node, ras)
    crosshair.SetCursorPositionXYZ([x, y, 0.0], node)


def xy_of(node, ras):
    import slicer

    to_xy = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS()))
    return tuple(int(n) for n in np.round((to_xy @ (*ras, 1.0))[:2]))


def click(shown, ras, column, row=1, drag=0, control=0):
    """Press and release the left button at a place (RAS, mm) of a view, as its window is told by the system."""
    view = shown.view(column, row)
    interactor = view.render_window().GetInteractor()
    x, y = xy_of(view.get_view_node(), ras)
    interactor.SetEventInformation(x, y, control, 0, chr(0), 0, None)
    interactor.LeftButtonPressEvent()
    interactor.SetEventInformation(x + drag, y, control, 0, chr(0), 0, None)
    interactor.LeftButtonReleaseEvent()


def test_it_says_hu_of_both_scans_how_far_the_place_moved_and_its_volume(shown, line):
    point_at(shown, IN_BOTH, "Overlay")
    assert line._label.text == f"HU {FIXED_HU} → {MOVING_HU} (+{MOVING_HU - FIXED_HU}) · 20 mm right · volume +0 %"


def test_in_the_follow_up_as_scanned_it_is_the_same_anatomy(shown, line):
    point_at(shown, np.add(IN_BOTH, SHIFT), "FollowUp")
    assert line._label.text.startswith(f"HU {FIXED_HU} → {MOVING_HU} ")


def test_outside_the_scans_it_says_so(shown, line):
    point_at(shown, (500.0, 0.0, 0.0), "Overlay")
    assert line._label.text.startswith("HU – → –")
    assert line._corner._actor.GetInput().isascii()


def test_the_corner_of_the_view_under_the_mouse_says_it_and_no_other(shown, line):
    before = {column: shown.picture(column)[20:90, :200] for column in ("Baseline", "Overlay")}
    point_at(shown, IN_BOTH, "Overlay")
    assert (shown.picture("Overlay")[20:90, :200] != before["Overlay"]).any()
    assert (shown.picture("Baseline")[20:90, :200] == before["Baseline"]).all()
    assert line._corner._actor.GetInput().isascii()
    line.setEntered(False)
    assert (shown.picture("Overlay")[20:90, :200] == before["Overlay"]).all()


def centre_mm(shown, column, row):
    return shown.view(column, row).get_view_node().GetSliceToRAS()


@pytest.mark.parametrize(("column", "moved"), [("Overlay", (0, 0, 0)), ("FollowUp", SHIFT)])
def test_a_click_shows_the_place_in_all_views(shown, line, column, moved):
    place = (12.0, 20.0, 0.0)
    click(shown, np.add(place, moved), column)
    for other, expected in (("Baseline", place[0]), ("FollowUp", place[0] + SHIFT[0]), ("Overlay", place[0])):
        assert abs(centre_mm(shown, other, 2).GetElement(0, 3) - expected) < 1.0
        assert abs(centre_mm(shown, other, 1).GetElement(2, 3)) < 1.0


def test_a_click_marks_the_place_in_every_view_and_leaves_nothing(shown, line):
    import slicer

    before = shown.picture("FollowUp"), slicer.mrmlScene.GetNumberOfNodes()
    click(shown, IN_BOTH, "Overlay")
    for column, place in (("Baseline", IN_BOTH), ("FollowUp", np.add(IN_BOTH, SHIFT)), ("Overlay", IN_BOTH)):
        x, y = xy_of(shown.view(column).get_view_node(), place)
        picture = shown.picture(column)[::-1].astype(int)
        around = picture[y - 12 : y + 12, x - 12 : x + 12]
        assert ((around[..., 0] - around[..., 2]) > 80).any(), column
    line.setEntered(False)
    assert slicer.mrmlScene.GetNumberOfNodes() == before[1]
    assert (shown.picture("FollowUp") == before[0]).all()


@pytest.mark.parametrize("how", [{"drag": 20}, {"control": 1}])
def test_a_drag_and_a_click_with_a_key_are_the_applications(shown, line, how):
    before = centre_mm(shown, "Overlay", 2).GetElement(0, 3)
    click(shown, (12.0, 20.0, 0.0), "Overlay", **how)
    assert centre_mm(shown, "Overlay", 2).GetElement(0, 3) == before


def test_outside_the_slice_views_no_corner_is_written_to(shown, line):
    import slicer

    slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCursorPositionRAS(list(IN_BOTH))
    assert line._label.text.startswith("HU")


def test_while_markups_are_placed_a_click_is_theirs(shown, line):
    import slicer

    node = slicer.app.applicationLogic().GetInteractionNode()
    before, mode = centre_mm(shown, "Overlay", 2).GetElement(0, 3), node.GetCurrentInteractionMode()
    node.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
    click(shown, (12.0, 20.0, 0.0), "Overlay")
    node.SetCurrentInteractionMode(mode)
    assert centre_mm(shown, "Overlay", 2).GetElement(0, 3) == before
