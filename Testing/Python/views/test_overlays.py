"""The overlays of a result: a known pair with a known shift gives known pixels, in real views."""

import numpy as np
import pytest
from comparisons import (
    AIR,
    BODY_MM,
    CORE_MM,
    FIXED_GREY,
    IN_BOTH,
    LEFT_SIDE,
    MOVING_GREY,
    RIGHT_SIDE,
    near,
)

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


@pytest.mark.parametrize(
    ("opacity", "expected"), [(0.0, FIXED_GREY), (0.5, (FIXED_GREY + MOVING_GREY) / 2), (1.0, MOVING_GREY)]
)
def test_fade_mixes_the_two(shown, opacity, expected):
    shown.choose("Fade", opacity)
    assert near(shown.colour(IN_BOTH), [expected] * 3)
    assert near(shown.colour(LEFT_SIDE), [expected] * 3)


def test_the_fade_is_flipped(shown):
    shown.choose("Fade", 0.0)
    shown.section.flip()
    assert near(shown.colour(IN_BOTH), [MOVING_GREY] * 3)
    shown.section.flip()
    assert near(shown.colour(IN_BOTH), [FIXED_GREY] * 3)


def test_the_checkerboard_has_tiles_of_their_size_that_stay_with_the_patient(shown):
    shown.choose("Checkerboard", 10.0)
    places = [(x, 35.0, 0.0) for x in np.arange(-45.0, 46.0, 10.0)]
    seen = [shown.colour(place) for place in places]
    assert all(near(colour, [FIXED_GREY] * 3) or near(colour, [MOVING_GREY] * 3) for colour in seen)
    assert all(not near(one, other, 10) for one, other in zip(seen, seen[1:], strict=False))
    node = shown.view("Overlay").get_view_node()
    node.SetXYZOrigin(6.0, 3.0, 0.0)
    assert [shown.colour(place) for place in places] == seen


def test_red_and_cyan_tell_whose_tissue_it_is_with_the_transform_off_and_agree_with_it_on(shown):
    shown.choose("Red/cyan")
    assert near(shown.colour(LEFT_SIDE), (FIXED_GREY, MOVING_GREY, MOVING_GREY))
    assert near(shown.colour(RIGHT_SIDE), (0, 0, 0))
    shown.ui.transformCheckBox.click()
    assert not shown.ui.transformCheckBox.checked
    assert near(shown.colour(LEFT_SIDE), (FIXED_GREY, 0, 0))
    assert near(shown.colour(RIGHT_SIDE), (0, MOVING_GREY, MOVING_GREY))
    shown.ui.transformCheckBox.click()
    assert shown.ui.transformCheckBox.checked
    assert near(shown.colour(RIGHT_SIDE), (0, 0, 0))


def test_a_known_difference_has_its_colour(shown):
    shown.choose("Absolute difference", 225.0)
    assert near(shown.colour(IN_BOTH), (237, 105, 37), 2)
    assert near(shown.colour((0.0, 0.0, 0.0)), (0, 0, 0))
    assert near(shown.colour(AIR), (0, 0, 0))


class LegendAlone:
    """A drawer that draws no lines, and has a legend."""

    def __init__(self, legend):
        self.legend = lambda: legend

    def __call__(self, frame):
        return []


def line_across(view):
    """Add a thick white line that goes from corner to corner of a view."""
    import slicer

    to_ras = slicer.util.arrayFromVTKMatrix(view.get_view_node().GetXYToRAS())
    width, height = view.get_view_node().GetDimensions()[:2]
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Line")
    line.CreateDefaultDisplayNodes()
    for x, y in ((0, 0), (width, height)):
        line.AddControlPoint(*(to_ras @ (x, y, 0, 1))[:3].tolist())
    display = line.GetDisplayNode()
    display.SetCurveLineSizeMode(display.UseLineThickness)
    display.SetLineThickness(2.0)
    display.SetSelectedColor(1, 1, 1)
    display.SetPropertiesLabelVisibility(False)


def test_a_legend_lies_over_what_has_come_into_the_view_after_it(shown):
    """Outlines, names and marks of a sagittal view cross the corner where the legend is."""
    from LongitudinalRegistrationSlicer.views.legend import Legend, placedLegends

    overlay = next(each for each in shown.section.overlays() if each.viewName == "LongctOverlay1")
    legend = Legend(("Change of density",), patches=(((200, 0, 0), "denser"),) * 3, top=True)
    overlay.drawers.append(LegendAlone(legend))
    overlay.setEnabled(True)
    overlay.refresh()
    before = shown.picture().astype(int)
    line_across(shown.view("Overlay"))
    changed = np.abs(shown.picture() - before).max(axis=-1)
    height, width = changed.shape
    placed = placedLegends([legend], width, height)[0]
    rows = slice(height - placed.bottom - placed.pixels.shape[0], height - placed.bottom)
    plate = changed[rows, placed.left : placed.left + placed.pixels.shape[1]]
    assert changed[:-20].max() > 200 and (changed > 100).sum() > 300
    assert plate.max() < 80, "the line lies over the legend"


def test_contours_lie_on_the_registered_bone_and_skin(shown):
    import slicer

    shown.choose("Contours")
    picture = shown.picture()
    matrix = slicer.util.arrayFromVTKMatrix(shown.view("Overlay").get_view_node().GetXYToRAS())
    for colour, half in (((240, 228, 66), CORE_MM), ((86, 180, 233), BODY_MM)):
        rows, columns = np.nonzero((np.abs(picture.astype(int) - colour) <= 1).all(axis=-1))
        assert len(rows) > 100
        xy = np.stack([columns, picture.shape[0] - 1 - rows, 0 * rows, 1 + 0 * rows])
        distance = np.abs((matrix @ xy)[:2]).max(axis=0)
        assert np.abs(distance - half).max() < 2.5
    assert near(shown.colour(IN_BOTH), [FIXED_GREY] * 3)


def test_the_flicker_shows_one_after_the_other_and_rests_outside_the_module(shown):
    shown.choose("Flicker")
    timer = shown.section._flicker
    assert timer.isActive()
    timer.stop()
    seen = []
    for _ in range(4):
        seen.append(shown.colour(IN_BOTH)[0])
        shown.section._onFlicker()
    assert seen[0] == seen[2] and seen[1] == seen[3] and abs(abs(seen[0] - seen[1]) - (MOVING_GREY - FIXED_GREY)) <= 2
    shown.section.enter()
    assert timer.isActive()
    shown.choose("Fade")
    assert not timer.isActive()
    shown.choose("Flicker")
    shown.section.exit()
    assert not timer.isActive()


def test_the_flicker_ends_with_the_views(shown):
    shown.choose("Flicker")
    shown.section.restore()
    assert not shown.section._flicker.isActive()


@pytest.mark.parametrize("column", ["Registered", "Overlay"])
def test_the_views_say_when_the_transform_is_off(shown, column):
    def title():
        return "unregistered" in shown.section.comparison.titles[column]

    def corner():
        return shown.picture(column)[:30]

    shown.choose("Off")
    registered = corner()
    assert not title() and registered[6:25, 6:60].max() > 200
    shown.ui.transformCheckBox.click()
    assert title() and (corner() != registered).any()
    shown.ui.transformCheckBox.click()
    assert not title() and (corner() == registered).all()


def test_scrolling_changes_the_overlay(shown):
    shown.choose("Red/cyan")
    before = shown.picture()
    shown.section.jumpTo((0.0, 0.0, 80.0))
    assert (before != shown.picture()).any() and near(shown.colour((0.0, 35.0, 80.0)), (0, 0, 0))
    shown.section.jumpTo((0.0, 0.0, 0.0))
    assert (before == shown.picture()).all()


def test_overlays_put_nothing_into_the_scene_and_leave_the_view_as_it_was(shown, scene):
    shown.choose("Off")
    count, before = scene.GetNumberOfNodes(), shown.picture()
    for mode in ("Fade", "Flicker", "Checkerboard", "Red/cyan", "Absolute difference", "Contours"):
        shown.choose(mode)
        shown.picture()
        assert scene.GetNumberOfNodes() == count, mode
    assert (shown.picture() != before).any()
    shown.section.exit()
    assert (shown.picture() == before).all()
    shown.section.enter()
    assert (shown.picture() != before).any()
    for overlay in shown.section.overlays():
        overlay.remove()
    assert (shown.picture() == before).all()
