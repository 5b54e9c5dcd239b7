"""The part of the panel that registers: the button, why it cannot be pressed, progress, status and log."""

import slicer
from slicer.i18n import tr as _


class RegistrationSection:
    """What the main panel's widgets about running registrations (`ui`) do, for the module's logic."""

    def __init__(self, ui, logic):
        self.ui, self.logic = ui, logic
        self._shownLogLines = 0

    def start(self, requests):
        """Have pairs registered, one after the other; the log begins anew."""
        self._shownLogLines = 0
        self.ui.logTextEdit.clear()
        with slicer.util.tryWithErrorDisplay(_("The registration could not be started."), waitCursor=True):
            self.logic.startRegistrations(requests)

    def enableButton(self, reason=""):
        """Enable the button, or say why it is not: a sentence with what to do. While it runs, it cancels."""
        if self.logic.busy:
            reason, toolTip = "", _("Stop the registration.")
        else:
            toolTip = reason or _("Register the follow-up scan to the baseline scan.")
        self.ui.registerButton.enabled = not reason
        self.ui.registerButton.toolTip = toolTip
        self.ui.reasonLabel.text = reason
        self.ui.reasonLabel.visible = bool(reason)

    def show(self, result=None):
        """Show how far the registration is; where none runs, what is known of the result that is shown."""
        busy, ui = self.logic.busy, self.ui
        ui.registerButton.text = _("Cancel") if busy else _("Register")
        ui.progressBar.visible = busy
        ui.progressBar.value = round(100 * self.logic.progress.fraction)
        ui.statusLabel.text = self.logic.statusText(result)
        for line in self.logic.log[self._shownLogLines :]:
            ui.logTextEdit.appendPlainText(line)
        self._shownLogLines = len(self.logic.log)
