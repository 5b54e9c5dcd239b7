"""The displacement as arrows in the 3-D views, by the display of the result's transform node itself."""

import slicer

SPACING_MM = 20.0


class Displacement3D:
    """Arrows in 3-D over the baseline of one result, from `show` until `remove`."""

    def __init__(self, result, region):
        self._result, self._region = result, region
        self._before, self._added = None, False

    @property
    def isShown(self):
        return self._before is not None

    def show(self):
        """Show the arrows; how the transform was displayed before is kept."""
        if self.isShown:
            return
        self._added = self._result.GetDisplayNode() is None
        self._result.CreateDefaultDisplayNodes()
        display = self._result.GetDisplayNode()
        self._before = display.CreateNodeInstance()
        self._before.UnRegister(None)
        self._before.Copy(display)
        wasModifying = display.StartModify()
        display.SetVisibilityMode(display.VIS_MODE_GLYPH)
        display.SetAndObserveRegionNode(self._region)
        display.SetGlyphSpacingMm(SPACING_MM)
        display.SetVisibility(True)
        display.SetVisibility2D(False)
        display.SetVisibility3D(True)
        display.EndModify(wasModifying)

    def remove(self):
        """Display the transform as before."""
        if not self.isShown:
            return
        display = self._result.GetDisplayNode()
        if display is not None and display.GetScene() is not None:
            display.Copy(self._before)
            if self._added:
                slicer.mrmlScene.RemoveNode(display)
        self._before, self._added = None, False
