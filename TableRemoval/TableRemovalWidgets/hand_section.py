"""The section about editing by hand: the mask goes to the Segment Editor and comes back."""

import slicer
from slicer.i18n import tr as _


class HandSection:
    """What the panel's widgets of this section (`ui`) do.

    `telling()` is a context whose problems go to the status line, `onEdited()` is called when the mask has changed.
    """

    def __init__(self, ui, logic, telling, onEdited):
        self.ui, self.logic = ui, logic
        self._telling, self._onEdited = telling, onEdited
        ui.handOverButton.connect("clicked(bool)", lambda checked=False: self.onHandOverButton())
        ui.takeBackButton.connect("clicked(bool)", lambda checked=False: self.onTakeBackButton())

    def onHandOverButton(self):
        with self._telling():
            self.logic.handOver()
            if slicer.util.mainWindow():
                slicer.util.selectModule("SegmentEditor")

    def onTakeBackButton(self):
        with self._telling():
            count = self.logic.session.takeBack()
            self.ui.statusLabel.text = _("{count} slices were changed by hand.").format(count=count)
        self._onEdited()

    def enableButtons(self):
        """Offer to hand over what has been found, and to take back what has been handed over."""
        session = self.logic.session
        self.ui.handOverButton.enabled = bool(session and session.records)
        self.ui.takeBackButton.enabled = bool(session and session.records) and self.logic.handEdited()
