"""The section about manual editing: the body mask goes to the Segment Editor and comes back."""

import slicer
from TableRemovalSlicer.wording import editedText


class ManualSection:
    """What the panel's widgets of this section (`ui`) do.

    `telling()` is a context whose problems go to the status line, `onEdited()` is called when the mask has changed.
    """

    def __init__(self, ui, logic, telling, onEdited):
        self.ui, self.logic = ui, logic
        self._telling, self._onEdited = telling, onEdited
        ui.toEditorButton.connect("clicked(bool)", lambda checked=False: self.onToEditorButton())
        ui.fromEditorButton.connect("clicked(bool)", lambda checked=False: self.onFromEditorButton())

    def onToEditorButton(self):
        with self._telling():
            self.logic.toSegmentEditor()
            if slicer.util.mainWindow():
                slicer.util.selectModule("SegmentEditor")

    def onFromEditorButton(self):
        with self._telling():
            self.ui.statusLabel.text = editedText(self.logic.fromSegmentEditor())
        self._onEdited()

    def enableButtons(self):
        """Enable the buttons where there is a mask to edit, and an edited one to import."""
        session = self.logic.session
        self.ui.toEditorButton.enabled = bool(session and session.records)
        self.ui.fromEditorButton.enabled = bool(session and session.records) and self.logic.hasEdited()
