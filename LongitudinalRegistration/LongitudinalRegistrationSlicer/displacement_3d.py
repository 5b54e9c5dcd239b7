"""The displacement as arrows in the 3-D views, by the display of the result's transform node itself.

Slicer shows the whole transform there, the affine part too.
"""

import slicer
import vtk

from LongitudinalRegistrationSlicer.displacement_colours import VIRIDIS

SPACING_MM = 30.0


class Displacement3D:
    """Arrows in 3-D over a region (a volume node), coloured from 0 to largestMm, from `show` until `remove`."""

    def __init__(self, result, region, largestMm):
        self._result, self._region, self._largestMm = result, region, largestMm
        self._before, self._coloursBefore, self._added = None, None, False

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
        if display.GetColorNode() is not None:
            self._coloursBefore = vtk.vtkColorTransferFunction()
            self._coloursBefore.DeepCopy(display.GetColorMap())
        with slicer.util.NodeModify(display):
            display.SetVisualizationMode(display.VIS_MODE_GLYPH)
            display.SetAndObserveRegionNode(self._region)
            display.SetGlyphSpacingMm(SPACING_MM)
            display.SetColorMap(_viridis(self._largestMm))
            display.SetVisibility(True)
            display.SetVisibility2D(False)
            display.SetVisibility3D(True)

    def remove(self):
        """Display the transform as before."""
        if not self.isShown:
            return
        display = self._result.GetDisplayNode()
        if display is not None and display.GetScene() is not None:
            self._putBack(display)
        self._before, self._coloursBefore, self._added = None, None, False

    def _putBack(self, display):
        colours = display.GetColorNode()
        if self._coloursBefore is not None:
            display.SetColorMap(self._coloursBefore)
        display.Copy(self._before)
        if self._coloursBefore is None and colours is not None:
            slicer.mrmlScene.RemoveNode(colours)
        if self._added:
            slicer.mrmlScene.RemoveNode(display)


def _viridis(largestMm):
    colours = vtk.vtkColorTransferFunction()
    for index, colour in enumerate(VIRIDIS):
        colours.AddRGBPoint(largestMm * index / (len(VIRIDIS) - 1), *(channel / 255 for channel in colour))
    return colours
