"""Clicks into slice views, as places of the baseline."""

import slicer

from LongitudinalRegistrationSlicer.views.cursor import placeOnBaseline

FARTHEST_PX = 3
"""How far the mouse may move between press and release: farther, it was a drag."""


class ClickObserver:
    """While it is enabled, `onClicked(ras, viewName)` is called with each place (RAS, mm, of the baseline) that is
    clicked in the slice views on screen: with the left button alone, no key, and no tool of the application in hand.

    `result`, a transform node, takes places of views that show the follow-up as it was scanned to the baseline.
    """

    def __init__(self, onClicked, result=None):
        self._onClicked, self.result = onClicked, result
        self._observations, self._pressed = [], None

    def setEnabled(self, enabled):
        """Observe all slice views there are now, or none any more."""
        for interactor, tag in self._observations:
            interactor.RemoveObserver(tag)
        self._observations = []
        if not enabled:
            return
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            interactor = manager.sliceWidget(name).sliceView().renderWindow().GetInteractor()
            if interactor is None:
                continue
            for event, call in (("LeftButtonPressEvent", self._onPress), ("LeftButtonReleaseEvent", self._onRelease)):
                observer = self._observer(call, name)
                self._observations.append((interactor, interactor.AddObserver(event, observer)))

    def _observer(self, call, name):
        return lambda interactor, event: call(interactor, name)

    def _onPress(self, interactor, name):
        withKey = interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey()
        self._pressed = None if withKey or not _handsAreFree() else (name, interactor.GetEventPosition())

    def _onRelease(self, interactor, name):
        pressed, self._pressed = self._pressed, None
        x, y = interactor.GetEventPosition()
        if pressed is None or pressed[0] != name:
            return
        if max(abs(x - pressed[1][0]), abs(y - pressed[1][1])) > FARTHEST_PX:
            return
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        ras = node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3]
        place = placeOnBaseline(ras, name, self.result)
        if place is not None:
            self._onClicked(list(place), name)


def _handsAreFree():
    """Whether the mouse only looks: it places no markups and adjusts no window."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    return node is None or node.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform
