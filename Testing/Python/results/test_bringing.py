"""What one scan has, brought to the other: where it comes, as what; originals stay, the undo leaves nothing."""

import numpy as np
import pytest
from scan_nodes import (
    COUNT,
    LABEL,
    TO_BASELINE,
    TO_FOLLOW_UP,
    centre_ras,
    labels,
    model,
    place_of,
    points,
    segmentation,
    volume,
)

pytest.importorskip("trame_slicer")


def expected(result, towards):
    """Where the centre comes: a follow-up's point against the transform, a baseline's along it."""
    through = result.GetTransformToParent() if towards == TO_BASELINE else result.GetTransformFromParent()
    return np.array(through.TransformPoint(centre_ras()))


MAKERS = {"volume": volume, "labels": labels, "segmentation": segmentation, "points": points, "model": model}
EXACT_MM = {"points": 0.02, "model": 1.5}


@pytest.mark.parametrize("towards", [TO_BASELINE, TO_FOLLOW_UP])
@pytest.mark.parametrize("kind", MAKERS)
def test_it_comes_to_where_its_points_come_and_the_original_stays(result, logic, kind, towards):
    node = MAKERS[kind]("of one scan")
    before = place_of(node)
    (made,) = logic.bring(result, [node], towards)
    target = {TO_BASELINE: "Baseline", TO_FOLLOW_UP: "Follow-up"}[towards]
    assert made is not node and made.GetClassName() == node.GetClassName()
    assert made.GetName() == f"of one scan on {target}" and made.GetParentTransformNode() is None
    assert np.linalg.norm(expected(result, towards) - before) > 6.0
    assert np.linalg.norm(place_of(made) - expected(result, towards)) < EXACT_MM.get(kind, 2.0)
    assert np.allclose(place_of(node), before) and node.GetParentTransformNode() is None


@pytest.mark.parametrize("towards", [TO_BASELINE, TO_FOLLOW_UP])
def test_points_there_and_back_are_where_they_began_to_a_fiftieth_of_a_millimetre(result, logic, towards):
    other = {TO_BASELINE: TO_FOLLOW_UP, TO_FOLLOW_UP: TO_BASELINE}[towards]
    node = points("there")
    (there,) = logic.bring(result, [node], towards)
    (back,) = logic.bring(result, [there], other)
    assert np.linalg.norm(place_of(back) - centre_ras()) < 0.02


def test_volumes_get_air_around_labels_zero_and_both_the_target_s_grid(result, logic):
    import slicer

    made = logic.bring(result, [volume("CT"), labels("vertebrae")], TO_FOLLOW_UP)
    scan, mask = (slicer.util.arrayFromVolume(node) for node in made)
    assert scan.dtype == np.int16 and scan.min() == -1024
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, LABEL}
    assert scan.shape == mask.shape == (COUNT,) * 3


def test_a_segmentation_keeps_names_and_colours(result, logic):
    node = segmentation("vertebrae")
    segment = node.GetSegmentation().GetNthSegment(0)
    segment.SetName("L3")
    segment.SetColor(0.1, 0.2, 0.3)
    (made,) = logic.bring(result, [node], TO_BASELINE)
    copied = made.GetSegmentation().GetNthSegment(0)
    assert copied.GetName() == "L3" and copied.GetColor() == (0.1, 0.2, 0.3)
    assert node.GetSegmentation().GetNthSegment(0) is segment


def test_a_copy_lies_beside_its_original_in_the_subject_hierarchy(result, logic):
    import slicer

    node, hierarchy = points("landmarks"), slicer.mrmlScene.GetSubjectHierarchyNode()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "2025")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), folder)
    (made,) = logic.bring(result, [node], TO_BASELINE)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(made)) == folder


def test_the_undo_takes_the_last_action_back_and_nothing_else(result, logic):
    import slicer

    node = points("landmarks")
    logic.bring(result, [node], TO_BASELINE)
    between = slicer.mrmlScene.GetNumberOfNodes()
    logic.bring(result, [node, volume_of(result)], TO_BASELINE)
    assert logic.undoBring() == 2 and slicer.mrmlScene.GetNumberOfNodes() == between
    assert logic.undoBring() == 1 and logic.undoBring() == 0
    assert slicer.mrmlScene.GetNodeByID(node.GetID()) is node


def volume_of(result):
    from LongitudinalRegistrationSlicer.results.nodes import movingOf

    return movingOf(result)


def test_what_is_offered_is_the_scan_s_own_first_and_never_the_other_scan_s(result, logic):
    import slicer

    mine, loose = segmentation("mine"), points("loose")
    mine.SetReferenceImageGeometryParameterFromVolumeNode(volume_of(result))
    turned = points("turned")
    turned.SetAndObserveTransformNodeID(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode").GetID())
    box = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    logic.bring(result, [loose], TO_BASELINE)
    offered = {item.node.GetName(): item.belongs for item in logic.belongings(result, TO_BASELINE)}
    assert offered == {"Follow-up": True, "mine": True, "loose": False} and list(offered)[-1] == "loose"
    assert box.GetName() not in offered
    back = {item.node.GetName(): item.belongs for item in logic.belongings(result, TO_FOLLOW_UP)}
    assert back == {"Baseline": True, "mine": False, "loose": False}


def test_without_the_other_scan_it_says_so_and_adds_nothing(result, logic):
    import slicer
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from TableRemovalLib.errors import InputError

    node = points("landmarks")
    slicer.mrmlScene.RemoveNode(fixedOf(result))
    count = slicer.mrmlScene.GetNumberOfNodes()
    with pytest.raises(InputError, match="not in the scene"):
        logic.bring(result, [node], TO_BASELINE)
    assert slicer.mrmlScene.GetNumberOfNodes() == count and not logic.undoBring()
