"""A text in a slice view's upper left corner, over whatever else is drawn there."""

import slicer
import vtk

MARGIN_PX = 6
DRAWN = str.maketrans({"→": "->", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})
"""What VTK's own font lacks, and what is drawn in its place."""


class CornerText:
    """The text of the view of this name, from now until `remove`; belowPx: how far below the upper edge it begins."""

    def __init__(self, viewName, fontPx, bold=False, belowPx=MARGIN_PX):
        self._view = slicer.app.layoutManager().sliceWidget(viewName).sliceView()
        self._renderer = self._view.renderWindow().GetRenderers().GetFirstRenderer()
        self._actor = vtk.vtkTextActor()
        self._actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        self._actor.SetPosition(0.0, 1.0)
        style = self._actor.GetTextProperty()
        style.SetFontFamilyToArial()
        style.SetFontSize(fontPx)
        style.SetBold(bold)
        style.SetShadow(True)
        style.SetVerticalJustificationToTop()
        style.SetLineOffset(belowPx)
        self._renderer.AddViewProp(self._actor)
        self.text = ""

    def setText(self, text):
        """Show a text of one line or several."""
        if text != self.text:
            self.text = text
            lines = text.translate(DRAWN).split("\n") if text else []
            self._actor.SetInput("\n".join(f" {line}" for line in lines))
            self._view.scheduleRender()

    def remove(self):
        """Take the text away."""
        self._renderer.RemoveViewProp(self._actor)
        self._view.scheduleRender()
