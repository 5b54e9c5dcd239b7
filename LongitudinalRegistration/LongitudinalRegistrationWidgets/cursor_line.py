"""What both scans say at the cursor, live: in the panel and in the view's corner; and a click that shows its place
everywhere."""

from LongitudinalRegistrationSlicer.changes.cursor_values import CursorReader
from LongitudinalRegistrationSlicer.displacement.sampler import DisplacementSampler
from LongitudinalRegistrationSlicer.views.clicks import ClickObserver
from LongitudinalRegistrationSlicer.views.corner_text import CornerText
from LongitudinalRegistrationSlicer.views.cursor import CursorObserver
from LongitudinalRegistrationSlicer.views.jump import showPlace
from LongitudinalRegistrationSlicer.views.marked_place import MarkedPlace
from slicer.i18n import tr as _

FONT_PX, BELOW_TITLE_PX = 13, 26


class CursorLine:
    """Fills a label while a result is shown and the module entered; `followsClicks`: whether a click shows its place in
    all views."""

    def __init__(self, label):
        self._label, self._result, self._sampler, self._reader = label, None, None, None
        self._cursor, self._clicks = CursorObserver(self._onCursor), ClickObserver(self.showPlace)
        self._corner, self._cornerView, self._mark = None, "", None
        self._entered, self.followsClicks = False, True
        self._clear()

    def setResult(self, result):
        """Read another result, or none."""
        if result is not self._result:
            self._leaveViews()
            self._result = result
            self._sampler = DisplacementSampler(result) if result is not None else None
        self._reader = CursorReader(result, self._sampler) if result is not None else None
        self._cursor.result = self._clicks.result = result
        self._mark = self._mark or (MarkedPlace(result) if result is not None else None)
        self.update()

    def setEntered(self, entered):
        """The module is shown, or left: then nothing stays in the views."""
        self._entered = entered
        self.update()

    def update(self):
        """Observe the slice views there are now, where there is something to say."""
        on = self._entered and self._reader is not None and not self._sampler.problem()
        self._cursor.setEnabled(on)
        self._clicks.setEnabled(on and self.followsClicks)
        if not on:
            self._leaveViews()
        self._clear()

    def showPlace(self, ras, clickedView=""):
        """Show a place of the baseline (RAS, mm) in all views, and mark it."""
        showPlace(ras, clickedView)
        if self._mark is not None:
            self._mark.show(ras)

    def _onCursor(self, ras):
        if ras is None or self._result.GetScene() is None:
            self._clear()
            return
        values = self._reader.at(ras)
        self._label.text = values.line()
        self._showInCorner("\n".join(values.texts()))

    def _clear(self):
        self._label.text = _("Point at a scan to read both scans there.")
        self._removeCorner()

    def _showInCorner(self, text):
        if self._cornerView != self._cursor.viewName:
            self._removeCorner()
            self._cornerView = self._cursor.viewName
        if self._corner is None and self._cornerView:
            self._corner = CornerText(self._cornerView, FONT_PX, belowPx=BELOW_TITLE_PX)
        if self._corner is not None:
            self._corner.setText(text)

    def _removeCorner(self):
        if self._corner is not None:
            self._corner.remove()
        self._corner, self._cornerView = None, ""

    def _leaveViews(self):
        self._removeCorner()
        if self._mark is not None:
            self._mark.remove()
        self._mark = MarkedPlace(self._result) if self._result is not None and self._reader is not None else None
