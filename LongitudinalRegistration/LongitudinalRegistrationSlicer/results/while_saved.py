"""What is in the scene for this module's displays only, taken back while the scene is written."""

import slicer


class WhileSaved:
    """Changes to a node that a saved scene is to have, undone when it is written; the node tells nobody.

    `takeBack(node)` and `again(node)` are called for each of `nodes()` when the scene begins to be written, and when it
    is, until `remove`.
    """

    def __init__(self, nodes, takeBack, again):
        self._nodes, self._takeBack, self._again, self._held = nodes, takeBack, again, []
        scene = slicer.mrmlScene
        self._tags = [
            scene.AddObserver(scene.StartSaveEvent, lambda caller, event: self._onStart()),
            scene.AddObserver(scene.EndSaveEvent, lambda caller, event: self._onEnd()),
        ]

    def remove(self):
        """Change nothing any more."""
        for tag in self._tags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._tags = []
        self._onEnd()

    def _onStart(self):
        self._onEnd()
        for node in self._nodes():
            self._held.append((node, node.StartModify()))
            self._takeBack(node)

    def _onEnd(self):
        for node, wasModifying in self._held:
            self._again(node)
            node.EndModify(wasModifying)
        self._held = []
