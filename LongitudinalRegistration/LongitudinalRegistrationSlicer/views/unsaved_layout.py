"""Our layout is kept out of saved scenes: it needs the module to fill it.

Slicer tells nobody that it is going to write a scene, so the layout node says at all times whether it may be written.
"""

import vtk

from LongitudinalRegistrationSlicer.views import layout


class UnsavedLayout:
    """From now until `remove` the layout node is saved with the scene exactly while another layout is shown."""

    def __init__(self):
        self._node = layout.layoutNode()
        self._tag = self._node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._onModified())
        self._onModified()

    def remove(self):
        """Change nothing any more."""
        if self._tag is not None:
            self._node.RemoveObserver(self._tag)
            self._tag = None

    def _onModified(self):
        if self._node.GetScene() is not None and self._node.GetSaveWithScene() == layout.isShown():
            self._node.SetSaveWithScene(not layout.isShown())
