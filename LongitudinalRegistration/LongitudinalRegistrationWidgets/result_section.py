"""The section about the result: which one, whether to trust it, what else to try, saving."""

import qt
import slicer
import vtk
from LongitudinalRegistrationSlicer.results.nodes import isResult, reportOf, resultNodes, setTransformOn
from slicer.i18n import tr as _

COLOURS = {"good": "#1b6e9c", "check": "#b35c00", "poor": "#a8174b"}
WORDS = {"good": _("Good"), "check": _("Check"), "poor": _("Poor")}


class ResultSection:
    """Widgets of the section.

    `onChosen(result)` is called when the user chooses another result, `onAgain(result, method, effort)` when the pair
    is to be registered another way.
    """

    def __init__(self, resourcePath, onChosen, onAgain):
        self.widget = slicer.util.loadUI(resourcePath("UI/ResultSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._onChosen, self._onAgain = onChosen, onAgain
        self._result, self._ids, self._tag = None, [], None
        self._busy, self._unfinished = False, False
        self.ui.resultComboBox.connect("activated(int)", self._onActivated)
        self.ui.niftyRegButton.connect("clicked(bool)", lambda _on=False: self._onAgain(self._result, "NiftyReg", None))
        self.ui.refineButton.connect("clicked(bool)", lambda _on=False: self._onAgain(self._result, None, "Thorough"))
        self.ui.saveButton.connect("clicked(bool)", lambda _on=False: self.save())
        self.ui.dicomButton.connect("clicked(bool)", lambda _on=False: self.exportDicom())
        self.setResult(None)

    def setResult(self, result):
        """Show what is known of a result, or of none."""
        self._observe(result if isResult(result) else None)
        self._listResults()
        self._enableWidgets()
        self.ui.verdictLabel.text = self._verdictText()
        self._showSaved("")
        self.widget.visible = bool(self._ids)

    def setBusy(self, busy, unfinished):
        """While a registration runs, no other can be asked for; while its volume and scores are to come (`unfinished`),
        none can be saved."""
        self._busy, self._unfinished = busy, unfinished
        self._enableWidgets()

    def enter(self):
        """The module is shown again: results may have been removed meanwhile."""
        self.setResult(self._result if self._result in resultNodes() else None)

    def exit(self):
        """Nothing of this section is in the views."""

    def cleanup(self):
        """Forget the result."""
        self._observe(None)

    def save(self, folder=""):
        """Save the result into a folder, which the user is asked for where none is given."""
        from LongitudinalRegistrationSlicer.results.saving import saveResult

        self._write(folder, _("Save the registration"), saveResult, _("The result could not be saved."))

    def exportDicom(self, folder=""):
        """Export the result as DICOM into a folder, which the user is asked for where none is given."""
        from LongitudinalRegistrationSlicer.results.saving import exportDicom

        self._write(
            folder, _("Export the registration as DICOM"), exportDicom, _("The result could not be exported as DICOM.")
        )

    def _write(self, folder, title, write, failure):
        folder = folder or qt.QFileDialog.getExistingDirectory(self.widget, title)
        if not folder:
            return
        self._showSaved("")
        with slicer.util.tryWithErrorDisplay(failure, waitCursor=True):
            files = write(self._result, folder)
            self._showSaved(_("Saved to {folder}: {files}.").format(folder=folder, files=", ".join(files)))

    def _showSaved(self, text):
        self.ui.savedLabel.text = text
        self.ui.savedLabel.visible = bool(text)

    def _observe(self, result):
        if self._tag is not None:
            self._result.RemoveObserver(self._tag)
        self._result, self._tag = result, None
        if result is not None:
            self._tag = result.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._showName())

    def _showName(self):
        if self._result.GetID() in self._ids:
            self.ui.resultComboBox.setItemText(self._ids.index(self._result.GetID()), self._result.GetName())

    def _enableWidgets(self):
        there = self._result is not None
        self.ui.resultComboBox.enabled = bool(self._ids) and not self._busy
        for button in (self.ui.niftyRegButton, self.ui.refineButton):
            button.enabled = there and not self._busy
        for button in (self.ui.saveButton, self.ui.dicomButton):
            button.enabled = there and not self._busy and not self._unfinished

    def _listResults(self):
        nodes = resultNodes()
        self._ids = [node.GetID() for node in nodes]
        box = self.ui.resultComboBox
        box.blockSignals(True)
        box.clear()
        for node in nodes:
            box.addItem(node.GetName())
        box.setCurrentIndex(self._ids.index(self._result.GetID()) if self._result is not None else -1)
        box.blockSignals(False)

    def _onActivated(self, index):
        result = slicer.mrmlScene.GetNodeByID(self._ids[index])
        if isResult(result):
            setTransformOn(result, True)
            self._onChosen(result)

    def _verdictText(self):
        report = reportOf(self._result) if self._result is not None else {}
        if not report.get("verdict"):
            return ""
        level, reasons = report["verdict"]["level"], report["verdict"]["reasons"]
        style = f"background-color: {COLOURS[level]}; color: white; font-weight: bold;"
        word = f'<span style="{style}">&nbsp;{WORDS[level]}&nbsp;</span>'
        return f"{word} {' '.join(_escaped(reason) for reason in reasons)}"


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
