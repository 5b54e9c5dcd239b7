"""What a panel checks before it offers to start; imports nothing that takes time."""


def transformProblem(node):
    """Return why the node's place in the world is not its own geometry, or an empty string."""
    if node.GetParentTransformNode() is None:
        return ""
    return f"'{node.GetName()}' is under a transform: harden the transform or move the volume out of it."


def volumeProblem(node):
    """Return why a volume node cannot be a CT scan, as a sentence that says what to do, or an empty string.

    Looks at the node, not at its intensities.
    """
    if node is None or node.GetImageData() is None:
        return "Select a CT volume."
    name = node.GetName()
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return f"'{name}' is a labelmap: select the CT scan itself."
    components = node.GetImageData().GetNumberOfScalarComponents()
    if components != 1:
        return (
            f"'{name}' has {components} values per voxel (colour, or several time points): select one CT volume in HU."
        )
    if node.IsA("vtkMRMLVectorVolumeNode") or node.IsA("vtkMRMLDiffusionWeightedVolumeNode"):
        return f"'{name}' is a colour or vector volume: select a CT volume in HU."
    if min(node.GetImageData().GetDimensions()) < 2:
        return f"'{name}' is a single picture: select a CT volume with several slices."
    return ""
