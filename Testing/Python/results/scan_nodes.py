"""Nodes of a scan with a ball in it, of every kind that can be brought to another scan, and where the ball is."""

import numpy as np
import SimpleITK as sitk

SPACING, COUNT, CENTRE_KJI, LABEL = 4.0, 30, (14, 15, 16), 20
TO_BASELINE, TO_FOLLOW_UP = "baseline", "follow-up"


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
