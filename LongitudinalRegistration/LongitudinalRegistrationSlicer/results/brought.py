"""A node's content brought from one scan to the other, as a new node.

The result's transform leads from baseline points to follow-up points. Voxels are pulled: a follow-up's volume comes to
the baseline through the transform, a baseline's to the follow-up through its inverse. Points are pushed, the other way
round.
"""

import SimpleITK as sitk
import slicer
import vtk
from TableRemovalSlicer.volumes import addVolumeNode, geometryOfVolumeNode, imageFromVolumeNode

from LongitudinalRegistrationSlicer.results.belongings import BROUGHT_ATTRIBUTE, TO_BASELINE, VOLUMES
from LongitudinalRegistrationSlicer.results.nodes import unusedName
from LongitudinalRegistrationSlicer.results.transforms import itkTransformFromNode, vtkTransformFromITK


class Through:
    """One direction of a result: pull, which voxels come through, made when it is first needed; push, for points."""

    def __init__(self, result, target, towards):
        self.result, self.target = result, target
        self._forward = towards == TO_BASELINE
        self._pull = None

    @property
    def pull(self):
        """From points of the target to points of the source: a sitk.Transform (LPS, mm)."""
        from LongitudinalRegistrationLib.field.inverse import inverse_of

        if self._pull is None:
            own = itkTransformFromNode(self.result)
            self._pull = own if self._forward else inverse_of(own)
        return self._pull

    def push(self):
        """From points of the source to points of the target: a vtk transform (RAS, mm), exact for points."""
        return self.result.GetTransformToParent() if self._forward else self.result.GetTransformFromParent()

    def pushWithPull(self):
        """As push, with `pull` itself as its inverse, which Slicer asks for at every voxel of a segmentation."""
        general = vtk.vtkGeneralTransform()
        general.Concatenate(vtkTransformFromITK(self.pull))
        general.Inverse()
        return general


def brought(node, through):
    """Return a new node: what a node has, brought through a Through."""
    kind = node.GetClassName()
    if kind in VOLUMES:
        made = _broughtVolume(node, through)
    elif kind == "vtkMRMLSegmentationNode":
        made = _broughtSegmentation(node, through)
    else:
        made = _copy(node, through)
        made.ApplyTransform(through.push())
    made.SetAttribute(BROUGHT_ATTRIBUTE, through.result.GetID())
    _placeBeside(made, node)
    return made


def _name(node, through):
    return unusedName(f"{node.GetName()} on {through.target.GetName()}")


def _broughtVolume(node, through):
    """Resample a volume onto the target's grid: labels by nearest neighbour, others linearly, with air around."""
    from LongitudinalRegistrationLib.field.inverse import resampled

    labels = node.GetClassName() == "vtkMRMLLabelMapVolumeNode"
    image = resampled(imageFromVolumeNode(node), _gridOf(through.target), through.pull, labels=labels)
    made = addVolumeNode(image, _name(node, through), node.GetClassName())
    made.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None:
        made.GetDisplayNode().SetAndObserveColorNodeID(node.GetDisplayNode().GetColorNodeID())
        if not labels:
            made.GetDisplayNode().SetAutoWindowLevel(False)
            made.GetDisplayNode().SetWindowLevel(node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel())
    return made


def _gridOf(volume):
    """Return a sitk.Image with a volume's grid, of which only the geometry is of use."""
    grid = sitk.Image(volume.GetImageData().GetDimensions(), sitk.sitkUInt8)
    spacing, origin, direction = geometryOfVolumeNode(volume)
    grid.SetSpacing(spacing)
    grid.SetOrigin(origin)
    grid.SetDirection(direction)
    return grid


def _broughtSegmentation(node, through):
    """Copy a segmentation and move its segments: label maps by nearest neighbour, surfaces by their points."""
    made = slicer.mrmlScene.AddNewNodeByClass(node.GetClassName(), _name(node, through))
    made.GetSegmentation().DeepCopy(node.GetSegmentation())
    made.CreateDefaultDisplayNodes()
    made.ApplyTransform(through.pushWithPull())
    made.SetReferenceImageGeometryParameterFromVolumeNode(through.target)
    return made


def _copy(node, through):
    """Add a copy of a node with its own display."""
    made = slicer.mrmlScene.AddNewNodeByClass(node.GetClassName(), _name(node, through))
    made.CopyContent(node)
    made.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None:
        made.GetDisplayNode().CopyContent(node.GetDisplayNode())
    return made


def _placeBeside(made, node):
    """Put a node beside another in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    own, beside = (hierarchy.GetItemByDataNode(each) for each in (made, node))
    if own and beside:
        hierarchy.SetItemParent(own, hierarchy.GetItemParent(beside))
