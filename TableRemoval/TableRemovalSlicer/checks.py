"""What a panel checks before it offers to start; imports nothing that takes time."""

from slicer.i18n import tr as _


def transformProblem(node):
    """Return why the node's place in the world is not its own geometry, or an empty string."""
    if node.GetParentTransformNode() is None:
        return ""
    text = _("'{name}' is under a transform: harden the transform or move the volume out of it.")
    return text.format(name=node.GetName())


def volumeProblem(node):
    """Return why a volume node cannot be a CT scan, as a sentence that says what to do, or an empty string.

    Looks at the node, not at its intensities.
    """
    if node is None or node.GetImageData() is None:
        return _("Select a CT volume.")
    name = node.GetName()
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return _("'{name}' is a labelmap: select the CT scan itself.").format(name=name)
    components = node.GetImageData().GetNumberOfScalarComponents()
    if components != 1:
        text = _("'{name}' has {count} values per voxel (colour, or several time points): select one CT volume in HU.")
        return text.format(name=name, count=components)
    if node.IsA("vtkMRMLVectorVolumeNode") or node.IsA("vtkMRMLDiffusionWeightedVolumeNode"):
        return _("'{name}' is a colour or vector volume: select a CT volume in HU.").format(name=name)
    if min(node.GetImageData().GetDimensions()) < 2:
        return _("'{name}' is a single picture: select a CT volume with several slices.").format(name=name)
    return ""
