"""Where marks and what was carried from them are drawn: each in the views that show its scan, at its place there."""

import numpy as np
import pytest
from changed_scans import SHIFT_MM, add_result
from test_marked_lesions import mark_line, mark_segment

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")
START, END = (-70.0, -70.0, 40.0), (-70.0, -50.0, 40.0)


@pytest.fixture
def arranged(scene):
    """A result in arranged views, and the section of lesions that shows it."""
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic
    from LongitudinalRegistrationSlicer.views.layout import showLayout
    from LongitudinalRegistrationWidgets.lesions_section import LesionsSection
    from places import RESOURCES

    result, logic = add_result(), LongitudinalRegistrationLogic()
    showLayout()
    section = LesionsSection(lambda name: str(RESOURCES / name), logic)
    section.setResult(result)
    yield result, section
    section.cleanup()
    logic.shutDown()


def shown_in(column, kind):
    """The nodes of a kind that the first view of a column shows."""
    import slicer
    from LongitudinalRegistrationSlicer.views.layout import sliceNode

    view = sliceNode(column, 1).GetID()
    return [
        node
        for node in slicer.util.getNodesByClass(kind)
        if node.GetDisplayNode() is not None
        and node.GetDisplayNode().GetVisibility()
        and node.GetDisplayNode().IsDisplayableInView(view)
    ]


def world_points(node):
    return np.array([node.GetNthControlPointPositionWorld(n) for n in range(node.GetNumberOfControlPoints())])


def carry(section, mark):
    section.ui.markSelector.setCurrentNode(mark)
    section.ui.carryButton.click()


def test_a_carried_line_is_shown_on_the_follow_up_as_it_was_scanned_and_follows_its_correction(arranged):
    import slicer
    from LongitudinalRegistrationSlicer.changes.mark_nodes import counterpartOf

    _result, section = arranged
    mark = mark_line("Deposit", START, END)
    carry(section, mark)
    carried = counterpartOf(mark)
    assert shown_in("Baseline", "vtkMRMLMarkupsLineNode") == [mark]
    assert shown_in("Registered", "vtkMRMLMarkupsLineNode") == [carried]
    assert shown_in("Overlay", "vtkMRMLMarkupsLineNode") == [mark, carried]
    (twin,) = shown_in("FollowUp", "vtkMRMLMarkupsLineNode")
    assert np.allclose(world_points(twin), np.array([START, END]) - (SHIFT_MM, 0.0, 0.0), atol=0.05)
    assert np.allclose(world_points(carried), [START, END], atol=0.05)
    carried.SetNthControlPointPosition(1, -80.0, -40.0, 40.0)
    assert np.allclose(world_points(twin)[1], (-80.0, -40.0, 40.0)) and twin.GetHideFromEditors()
    slicer.mrmlScene.RemoveNode(carried)
    assert shown_in("FollowUp", "vtkMRMLMarkupsLineNode") == [] and twin.GetScene() is None


def test_a_carried_segment_is_shown_on_the_follow_up_as_it_was_scanned(arranged):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    result, section = arranged
    mark = mark_segment(fixedOf(result))
    carry(section, mark)
    (twin,) = shown_in("FollowUp", "vtkMRMLSegmentationNode")
    segment = twin.GetSegmentation().GetNthSegmentID(0)
    assert twin.GetParentTransformNode() is None
    own = mark.GetSegmentation().GetNthSegmentID(0)
    moved = np.subtract(twin.GetSegmentCenterRAS(segment), mark.GetSegmentCenterRAS(own))
    assert np.allclose(moved, (-SHIFT_MM, 0.0, 0.0), atol=0.1)


def test_nothing_is_removed_while_the_scene_takes_the_result_from_its_marks(arranged):
    """The scene goes through its references then: Slicer crashes where a node, and its references, go meanwhile."""
    import slicer
    from LongitudinalRegistrationSlicer.changes.mark_nodes import counterpartOf
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf

    result, section = arranged
    marks = mark_line("Deposit", START, END), mark_segment(fixedOf(result))
    for mark in marks:
        carry(section, mark)
    twins = [*shown_in("FollowUp", "vtkMRMLMarkupsLineNode"), *shown_in("FollowUp", "vtkMRMLSegmentationNode")]
    inside, removed = [], []
    event = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
    for mark in marks:
        counterpartOf(mark).AddObserver(event, lambda caller, event: inside.append(1), 1.0)
        counterpartOf(mark).AddObserver(event, lambda caller, event: inside.pop(), -1.0)
    scene = slicer.mrmlScene
    tag = scene.AddObserver(scene.NodeAboutToBeRemovedEvent, lambda caller, event: removed.append(bool(inside)))
    scene.RemoveNode(result)
    section.setResult(None)
    scene.RemoveObserver(tag)
    assert len(twins) == 2 and not any(removed)
    assert all(twin.GetScene() is None for twin in twins)


def test_names_of_mark_and_carried_mark_are_not_drawn_upon_each_other(arranged):
    from LongitudinalRegistrationSlicer.changes.mark_nodes import counterpartOf

    _result, section = arranged
    mark = mark_line("Deposit", START, END)
    mark.CreateDefaultDisplayNodes()
    carry(section, mark)
    displays = [node.GetDisplayNode() for node in (mark, counterpartOf(mark))]
    assert [display.GetPropertiesLabelVisibility() for display in displays] == [True, False]
    assert displays[0].GetSelectedColor() != displays[1].GetSelectedColor()


def label_columns(view):
    """The columns of a view's picture in which a mark's label, or its line, is drawn."""
    from slicerhost import views

    picture = views.renderArray(view).astype(int)
    return np.flatnonzero((np.abs(picture - (255, 128, 128)).max(axis=-1) < 60).any(axis=0)), picture.shape[1]


def test_the_label_of_a_line_in_the_middle_of_a_narrow_view_is_not_cut_at_its_edge(arranged, host):
    """Slicer writes it from the line's middle to the right."""
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from LongitudinalRegistrationSlicer.views.layout import sliceNode

    result, section = arranged
    node = sliceNode("Baseline", 1)
    view = next(v for v in host.core.view_manager.get_slice_views() if v.get_singleton_tag() == node.GetLayoutName())
    view._logic.GetSliceCompositeNode().SetBackgroundVolumeID(fixedOf(result).GetID())
    view._logic.FitSliceToAll()
    node.SetSliceOffset(START[2])
    middle = np.array([node.GetSliceToRAS().GetElement(row, 3) for row in range(3)])
    mark = mark_line("L4: old lesion of T12", *(tuple(middle + (0.0, side, 0.0)) for side in (-8.0, 8.0)))
    mark.CreateDefaultDisplayNodes()
    columns, width = label_columns(view)
    assert columns.max() == width - 1, "the label is cut before"
    carry(section, mark)
    columns, width = label_columns(view)
    assert 4 < columns.min() and columns.max() < width - 4
    section.cleanup()
    assert label_columns(view)[0].max() == width - 1


def test_marks_are_in_all_views_again_when_the_section_lets_go_and_views_that_were_chosen_stay(arranged):
    import slicer
    from LongitudinalRegistrationSlicer.changes.mark_nodes import counterpartOf
    from LongitudinalRegistrationSlicer.views.layout import sliceNode

    _result, section = arranged
    mark, other = mark_line("Deposit", START, END), mark_line("Node", START, END)
    other.CreateDefaultDisplayNodes()
    chosen = [sliceNode("Registered", 1).GetID()]
    other.GetDisplayNode().SetViewNodeIDs(chosen)
    carry(section, mark), carry(section, other)
    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")}
    section.cleanup()
    left = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")}
    assert len(before) == 6 and len(left) == 4
    assert [node.GetDisplayNode().GetNumberOfViewNodeIDs() for node in (mark, counterpartOf(mark))] == [0, 0]
    assert list(other.GetDisplayNode().GetViewNodeIDs()) == chosen
