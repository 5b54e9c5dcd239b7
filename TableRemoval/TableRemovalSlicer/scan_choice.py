"""Which volumes of the scene can be chosen, and a copy of one that cannot be chosen as it is."""

import slicer
from slicer.i18n import tr as _

from TableRemovalSlicer.checks import volumeProblem
from TableRemovalSlicer.results import RECORD_ATTRIBUTE


def copyWithoutTransform(volumeNode, harden):
    """Return a copy of a volume outside of its transform: with the transform applied (`harden`), or without."""
    suffix = _("hardened") if harden else _("without transform")
    copy = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, volumeNode, f"{volumeNode.GetName()} {suffix}")
    copy.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID() if harden else None)
    if harden:
        copy.HardenTransform()
    return copy


def otherVolumes(volumeNode):
    """Return the other volumes in the scene that could be CT scans, results of this module left out."""
    nodes = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if not n.GetHideFromEditors()]
    return [n for n in nodes if n is not volumeNode and not (n.GetAttribute(RECORD_ATTRIBUTE) or volumeProblem(n))]
