"""Which nodes are a reader's marks, and which were carried from one; light, as the panel asks when it opens."""

import slicer

SEGMENTATION, LINE, POINTS = "vtkMRMLSegmentationNode", "vtkMRMLMarkupsLineNode", "vtkMRMLMarkupsFiducialNode"
KINDS = (SEGMENTATION, LINE, POINTS)
PROPOSAL_ATTRIBUTE = "LongitudinalRegistration.Proposal"
"""On a node that was carried and that no reader has confirmed yet."""
MARK_ROLE = "mark"
"""Of a node that was carried: the mark that it came from."""


def canBeMark(node):
    """Whether a node can be a reader's mark."""
    return node is not None and node.GetClassName() in KINDS


def counterpartOf(node):
    """Return the node that was carried last from a mark, or None."""
    found = [
        each for kind in KINDS for each in slicer.util.getNodesByClass(kind) if each.GetNodeReference(MARK_ROLE) is node
    ]
    return found[-1] if found else None


def confirm(node):
    """The reader has looked at a proposal, and corrected it where need be."""
    node.RemoveAttribute(PROPOSAL_ATTRIBUTE)


def isProposal(node):
    """Whether a node was carried and not confirmed."""
    return bool(node.GetAttribute(PROPOSAL_ATTRIBUTE))
