"""Volumes, labels, segmentations, markups and models of one scan brought to the other, as new nodes.

The result's transform leads from baseline points to follow-up points. Voxels are pulled: a follow-up's volume comes to
the baseline through the transform, a baseline's to the follow-up through its inverse. Points are pushed, the other way
round.
"""

import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.hidden_nodes import removeNode
from TableRemovalSlicer.volumes import addVolumeNode, geometryOfVolumeNode, imageFromVolumeNode

from LongitudinalRegistrationSlicer.results.belongings import BROUGHT_ATTRIBUTE, TO_BASELINE, VOLUMES, targetOf
from LongitudinalRegistrationSlicer.results.nodes import unusedName
from LongitudinalRegistrationSlicer.results.transforms import itkTransformFromNode, vtkTransformFromITK


class Bringing:
    """Brings nodes across, and takes back what it brought, an action at a time."""

    def __init__(self):
        self._actions = []

    @property
    def canUndo(self):
        """Whether something that was brought is still in the scene."""
        return any(slicer.mrmlScene.GetNodeByID(name) for name in self._last())

    def bring(self, result, nodes, towards):
        """Bring nodes to the scan that `towards` names (belongings.DIRECTIONS); return the new nodes, in this order.

        Originals are not changed. The new nodes lie where the other scan lies, each beside its original in the subject
        hierarchy. Raises InputError where that scan was removed, or the transform is not one that we made.
        """
        target = targetOf(result, towards)
        if target is None:
            raise InputError(_("The scan to bring things to is not in the scene (any more)."))
        through, made = _Through(result, target, towards), []
        try:
            for node in nodes:
                made.append(_brought(node, through))
        except Exception:
            for node in made:
                _remove(node)
            raise
        self._actions.append([node.GetID() for node in made])
        return made

    def undo(self):
        """Remove what the last action brought; return how many nodes that were."""
        nodes = [slicer.mrmlScene.GetNodeByID(name) for name in self._last()]
        nodes = [node for node in nodes if node is not None]
        for node in nodes:
            _remove(node)
        if self._actions:
            self._actions.pop()
        return len(nodes)

    def forget(self):
        """The scene is closed: there is nothing to take back any more."""
        self._actions = []

    def _last(self):
        """Return the IDs of the last action of which something is left."""
        while self._actions and not any(slicer.mrmlScene.GetNodeByID(name) for name in self._actions[-1]):
            self._actions.pop()
        return self._actions[-1] if self._actions else []


class _Through:
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


def _brought(node, through):
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


def _remove(node):
    """Remove a node with what was made for it."""
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    for each in (*displays, node.GetStorageNode(), node):
        removeNode(each)
