"""What one scan has, brought to the other: where it comes, as what, and that originals and the undo leave all as it was."""

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("trame_slicer")

SPACING, COUNT, CENTRE_KJI, LABEL = 4.0, 30, (14, 15, 16), 20
TO_BASELINE, TO_FOLLOW_UP = "baseline", "follow-up"


@pytest.fixture
def result(scene):
    """A baseline and a follow-up under a result: a shift of 12 mm after waves of 6 mm (LPS)."""
    from LongitudinalRegistrationLib.field.transforms import compose
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    k, j, i = np.indices((COUNT,) * 3)
    field = sitk.GetImageFromArray(
        np.stack([6 * np.sin(0.3 * j), 4 * np.cos(0.25 * k), 3 * np.sin(0.2 * i)], axis=-1), isVector=True
    )
    field.SetSpacing((SPACING,) * 3)
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((12.0, 0.0, -4.0))
    made = addTransformNode(compose(shift, field), "Result")
    made.SetAttribute(RESULT_ATTRIBUTE, "refinement")
    made.SetNodeReferenceID(made.GetFixedNodeReferenceRole(), volume("Baseline").GetID())
    made.SetNodeReferenceID(made.GetMovingNodeReferenceRole(), volume("Follow-up").GetID())
    setTransformOn(made, True)
    return made


def ball(value, outside, kind):
    k, j, i = np.indices((COUNT,) * 3)
    distance = np.linalg.norm(np.stack([k, j, i], axis=-1) - CENTRE_KJI, axis=-1)
    return np.where(distance < 4, value, outside).astype(kind)


def volume(name, array=None, className="vtkMRMLScalarVolumeNode"):
    from TableRemovalSlicer.volumes import addVolumeNode

    image = sitk.GetImageFromArray(ball(700, -1000, np.int16) if array is None else array)
    image.SetSpacing((SPACING,) * 3)
    node = addVolumeNode(image, name, className)
    node.CreateDefaultDisplayNodes()
    return node


def labels(name):
    return volume(name, ball(LABEL, 0, np.uint8), "vtkMRMLLabelMapVolumeNode")


def segmentation(name):
    import slicer

    node, made_on = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name), labels("made on")
    node.CreateDefaultDisplayNodes()
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(made_on, node)
    slicer.mrmlScene.RemoveNode(made_on)
    return node


def centre_ras():
    i, j, k = reversed(CENTRE_KJI)
    return np.array([-i * SPACING, -j * SPACING, k * SPACING])


def points(name):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    node.CreateDefaultDisplayNodes()
    node.AddControlPoint(*centre_ras(), "L3")
    return node


def model(name):
    import slicer
    import vtk

    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*centre_ras())
    sphere.SetRadius(12.0)
    sphere.SetThetaResolution(24)
    sphere.SetPhiResolution(24)
    sphere.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetAndObservePolyData(sphere.GetOutput())
    node.CreateDefaultDisplayNodes()
    return node


def place_of(node):
    """The centre of what a node shows (RAS, mm)."""
    import slicer

    if node.IsA("vtkMRMLMarkupsNode"):
        return np.array(node.GetNthControlPointPosition(0))
    if node.IsA("vtkMRMLModelNode"):
        return slicer.util.arrayFromModelPoints(node).mean(axis=0)
    if node.IsA("vtkMRMLSegmentationNode"):
        made = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        slicer.modules.segmentations.logic().ExportAllSegmentsToLabelmapNode(node, made)
        place = place_of(made)
        slicer.mrmlScene.RemoveNode(made)
        return place
    array = slicer.util.arrayFromVolume(node)
    middle = np.argwhere(array > 0).mean(axis=0)[::-1]
    import vtk

    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    return (slicer.util.arrayFromVTKMatrix(to_ras) @ [*middle, 1.0])[:3]


def expected(result, towards):
    """Where the centre comes: a follow-up's point against the transform, a baseline's along it."""
    through = result.GetTransformToParent() if towards == TO_BASELINE else result.GetTransformFromParent()
    return np.array(through.TransformPoint(centre_ras()))


MAKERS = {"volume": volume, "labels": labels, "segmentation": segmentation, "points": points, "model": model}
EXACT_MM = {"points": 0.02, "model": 1.5}


@pytest.fixture
def logic(scene):
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = LongitudinalRegistrationLogic()
    yield made
    made.shutDown()


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
