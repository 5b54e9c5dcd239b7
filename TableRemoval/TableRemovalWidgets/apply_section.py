"""The section about the result: which other scans are to have one too, and making it."""

import time

import qt
import slicer
from slicer.i18n import tr as _
from TableRemovalSlicer.scan_choice import otherVolumes

STEP_S = 0.01


class ApplySection:
    """What the panel's list of other scans and its button (`ui`) do; `onEnded()` is called when all is made."""

    def __init__(self, ui, logic, onEnded):
        self.ui, self.logic = ui, logic
        self._onEnded = onEnded
        self._parameters = None
        ui.progressBar.visible = False
        ui.applyButton.connect("clicked(bool)", lambda checked=False: self.onApplyButton())

    def setParameterNode(self, parameters):
        """Work on a parameter node, or on none."""
        self._parameters = parameters

    def onApplyButton(self):
        volumes = [self._parameters.inputVolume, *self._othersChosen()]
        self.ui.applyButton.enabled = False
        dialog = slicer.util.createProgressDialog(
            windowTitle=_("Table Removal"), labelText="...", maximum=100, autoClose=False
        )
        try:
            with slicer.util.tryWithErrorDisplay(_("The table could not be removed.")):
                batch = self.logic.startBatch(volumes)
                self._finish(batch, dialog)
                self.ui.statusLabel.text = self.logic.endBatch(batch)
        finally:
            dialog.close()
            self._onEnded()
            self.showOthers()

    def _finish(self, batch, dialog):
        while not batch.done:
            batch.poll()
            fraction, name = batch.progress()
            dialog.labelText = _("Removing the table from {name}").format(name=name)
            dialog.value = round(100 * fraction)
            slicer.app.processEvents()
            if dialog.wasCanceled:
                batch.cancel()
            elif not batch.done:
                time.sleep(STEP_S)

    def _othersChosen(self):
        nodes = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in self._othersTicked()]
        return [node for node in nodes if node is not None]

    def _othersTicked(self):
        items = [self.ui.othersList.item(row) for row in range(self.ui.othersList.count)]
        return [item.data(qt.Qt.UserRole) for item in items if item.checkState() == qt.Qt.Checked]

    def showOthers(self):
        """List the other scans in the scene; those that are ticked stay ticked."""
        ticked = self._othersTicked()
        others = otherVolumes(self._parameters.inputVolume) if self._parameters else []
        self.ui.othersList.clear()
        for node in others:
            item = qt.QListWidgetItem(node.GetName())
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if node.GetID() in ticked else qt.Qt.Unchecked)
            item.setData(qt.Qt.UserRole, node.GetID())
            self.ui.othersList.addItem(item)
