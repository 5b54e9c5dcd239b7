"""Volumes, labels, segmentations, markups and models of one scan brought to the other, an action at a time, and undone.

How a node is brought stands in `brought`, which is imported when something is: it takes SimpleITK.
"""

import slicer
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.hidden_nodes import removeNode

from LongitudinalRegistrationSlicer.results.belongings import targetOf


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
        from LongitudinalRegistrationSlicer.results.brought import Through, brought

        target = targetOf(result, towards)
        if target is None:
            raise InputError(_("The scan to bring things to is not in the scene (any more)."))
        through, made = Through(result, target, towards), []
        try:
            for node in nodes:
                made.append(brought(node, through))
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


def _remove(node):
    """Remove a node with what was made for it."""
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    for each in (*displays, node.GetStorageNode(), node):
        removeNode(each)
