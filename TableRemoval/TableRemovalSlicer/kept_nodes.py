"""Parameter nodes are kept in Python for as long as the scene may have them.

Slicer's parameterNodeWrapper observes the node with functions that refer to the wrapper. Once Python refers to the node
from nowhere else, its collector takes node and functions for garbage and empties the functions; the scene still has the
node and calls them, as when it is closed: the application crashes.
"""

_kept = {}


def keptNode(node):
    """Return a singleton node after Python was made to refer to it, until another of its tag takes its place."""
    _kept[node.GetSingletonTag() or node.GetID()] = node
    return node
