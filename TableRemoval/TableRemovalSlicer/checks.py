"""What a panel checks before it offers to start; imports nothing that takes time."""


def transformProblem(node):
    """Return why the node's place in the world is not its own geometry, or an empty string."""
    if node.GetParentTransformNode() is None:
        return ""
    return f"'{node.GetName()}' is under a transform: harden the transform or move the volume out of it."
