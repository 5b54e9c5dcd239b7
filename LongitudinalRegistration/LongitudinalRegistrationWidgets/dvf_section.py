"""The panel's section on the displacement: colours and lines in the slice views, arrows in 3-D, words."""

import slicer


class DvfSection:
    """How far every point moved; onIdle() is called when nothing is shown any more."""

    def __init__(self, resourcePath, onIdle=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/DvfSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._onIdle = onIdle
        self._result, self._overlays = None, []

    def setOverlays(self, overlays):
        """Show the displacement in these overlays (SliceOverlay)."""
        self._overlays = list(overlays)

    def setResult(self, result):
        """Show a result, or none."""
        self._result = result

    def enter(self):
        """The module is shown again."""

    def exit(self):
        """The module is left."""

    def cleanup(self):
        """Forget the result."""
        self._result = None
