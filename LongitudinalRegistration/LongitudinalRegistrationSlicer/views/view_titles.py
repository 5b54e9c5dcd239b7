"""What a view shows, as text in its upper left corner: its label in the bar has room for two letters only."""

import slicer
import vtk
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.views.layout import BASELINE, FOLLOW_UP, REGISTERED, ROWS, viewName

FONT_PX, MARGIN_PX = 15, 6


class ViewTitles:
    """The titles of the views of some columns, from now until `remove`."""

    def __init__(self, columns):
        self._titles = {
            column: [_Title(viewName(column, row), _text(column, True)) for row in ROWS] for column in columns
        }

    def setRegistered(self, on):
        """Say in the views of the registered scan whether it is registered."""
        for column, titles in self._titles.items():
            for title in titles:
                title.setText(_text(column, on))

    def texts(self):
        """Return what stands in the views of each column."""
        return {column: titles[0].text for column, titles in self._titles.items()}

    def remove(self):
        """Take the titles away."""
        for titles in self._titles.values():
            for title in titles:
                title.remove()
        self._titles = {}


class _Title:
    """A text in one view's upper left corner, over whatever else is drawn there."""

    def __init__(self, name, text):
        self._view = slicer.app.layoutManager().sliceWidget(name).sliceView()
        self._renderer = self._view.renderWindow().GetRenderers().GetFirstRenderer()
        self._actor = vtk.vtkTextActor()
        self._actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        self._actor.SetPosition(0.0, 1.0)
        style = self._actor.GetTextProperty()
        style.SetFontFamilyToArial()
        style.SetFontSize(FONT_PX)
        style.SetBold(True)
        style.SetShadow(True)
        style.SetVerticalJustificationToTop()
        style.SetLineOffset(MARGIN_PX)
        self._renderer.AddViewProp(self._actor)
        self.text = ""
        self.setText(text)

    def setText(self, text):
        if text != self.text:
            self.text = text
            self._actor.SetInput(f" {text}")
            self._view.scheduleRender()

    def remove(self):
        self._renderer.RemoveViewProp(self._actor)
        self._view.scheduleRender()


def _text(column, registered):
    if column == BASELINE:
        return _("Baseline")
    if column == FOLLOW_UP:
        return _("Follow-up as scanned")
    if column == REGISTERED:
        return _("Follow-up registered") if registered else _("Follow-up unregistered")
    return _("Overlay") if registered else _("Overlay, unregistered")
