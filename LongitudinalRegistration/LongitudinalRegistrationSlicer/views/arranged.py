"""The views arranged for a result, what they were like before, and the way back; no widget is needed for it."""

from TableRemovalSlicer.views import DisplaySettings

from LongitudinalRegistrationSlicer.results.nodes import fixedOf
from LongitudinalRegistrationSlicer.views import layout
from LongitudinalRegistrationSlicer.views.comparison import Comparison
from LongitudinalRegistrationSlicer.views.unsaved_layout import UnsavedLayout


class ArrangedViews:
    """`comparison`: the views as they are arranged now, or None; with3D, chart: what is beside them (chart: a plot
    chart node or None).

    listeners: objects whose `takeOut()` is called before arranged views are let go, and `viewsChanged()` after they
    were let go or arranged.
    """

    def __init__(self):
        self.comparison, self.listeners = None, []
        self.with3D, self.chart = False, None
        self._before = self._unsaved = self._placedOn = None

    @property
    def canRestore(self):
        """Whether it is known what the views were like before they were arranged."""
        return self._before is not None

    def arrange(self, result, secondOrientation=layout.SECOND_ORIENTATIONS[0], window="Bone"):
        """Arrange the views for a result: baseline, follow-up, registered, overlay, as many as there is room for.

        secondOrientation: of the second row, one of layout.SECOND_ORIENTATIONS; window: a key of windows.WINDOWS.
        """
        self.release()
        isShown, fixed = layout.isShown(), fixedOf(result)
        if self._before is None or not isShown:
            self._before = DisplaySettings()
        keepPlace = isShown and self._placedOn is fixed
        arrangement = layout.arrangementFor(layout.availableWidth(), self.with3D, self.chart is not None)
        self.comparison = Comparison(result, arrangement, secondOrientation, keepPlace)
        self.comparison.setWindow(window)
        self._placedOn = fixed
        self._unsaved = self._unsaved or UnsavedLayout()
        self._tell()
        if self.with3D:
            layout.lookFromTheFront()
        if self.chart is not None:
            layout.showChart(self.chart)

    def release(self):
        """Let the views go; they stay where they are."""
        if self.comparison is None:
            return
        for listener in self.listeners:
            listener.takeOut()
        self.comparison.remove()
        self.comparison = None
        self._tell()

    def restore(self):
        """Restore layout, volumes and windows from before the views were arranged."""
        self.release()
        if self._before is not None:
            self._before.restore()
        self._forgetBefore()

    def forget(self):
        """The scene is closed: what the views were like before is of no use any more, but for the layout."""
        self.release()
        if self._before is not None and layout.isShown():
            self._before.restoreLayout()
        self._forgetBefore()

    def close(self):
        """Nobody arranges views any more: they are let go, and the scene is saved with the layout that is shown."""
        self.release()
        self._endUnsaved()

    def _forgetBefore(self):
        self._before, self.chart = None, None
        self._endUnsaved()

    def _endUnsaved(self):
        if self._unsaved is not None:
            self._unsaved.remove()
            self._unsaved = None

    def _tell(self):
        for listener in self.listeners:
            listener.viewsChanged()
