"""Which nodes are a reader's marks, and which were carried from one; light, as the panel asks when it opens."""

import slicer

from LongitudinalRegistrationSlicer.results.belongings import TO_FOLLOW_UP

SEGMENTATION, LINE, POINTS = "vtkMRMLSegmentationNode", "vtkMRMLMarkupsLineNode", "vtkMRMLMarkupsFiducialNode"
KINDS = (SEGMENTATION, LINE, POINTS)
PROPOSAL_ATTRIBUTE = "LongitudinalRegistration.Proposal"
"""On a node that was carried and that no reader has confirmed yet."""
MARK_ROLE = "mark"
"""Of a node that was carried: the mark that it came from."""
CARRIED_TO_ATTRIBUTE, RESULT_ROLE = "LongitudinalRegistration.CarriedTo", "registration"
"""On a node that was carried: to which scan (one of results.belongings.DIRECTIONS), and along which result."""
CARRIED_COLOUR = (0.4, 1.0, 1.0)


def canBeMark(node):
    """Whether a node can be a reader's mark."""
    return node is not None and node.GetClassName() in KINDS


def noteCarried(node, mark, result, towards):
    """Say on a node that it was carried from a mark along a result, and that no reader has confirmed it yet."""
    node.SetAttribute(PROPOSAL_ATTRIBUTE, "1")
    node.SetAttribute(CARRIED_TO_ATTRIBUTE, towards)
    node.SetNodeReferenceID(MARK_ROLE, mark.GetID())
    node.SetNodeReferenceID(RESULT_ROLE, result.GetID())


def sidesOf(result):
    """Return the nodes on the baseline and those on the follow-up: what was carried along a result, and its marks."""
    baselines, followUps = [], []
    for node in (each for kind in KINDS for each in slicer.util.getNodesByClass(kind)):
        mark, towards = node.GetNodeReference(MARK_ROLE), node.GetAttribute(CARRIED_TO_ATTRIBUTE)
        if mark is not None and towards and node.GetNodeReference(RESULT_ROLE) is result:
            pair = (mark, node) if towards == TO_FOLLOW_UP else (node, mark)
            baselines.append(pair[0])
            followUps.append(pair[1])
    return list(dict.fromkeys(baselines)), list(dict.fromkeys(followUps))


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
