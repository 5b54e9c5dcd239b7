"""The panel's section on what has changed: the map in the views, the findings, the value at the cursor."""

import qt
import slicer
from LongitudinalRegistrationSlicer.changes.findings import OPEN, findingsOf
from LongitudinalRegistrationSlicer.changes.painter import ChangePainter
from LongitudinalRegistrationSlicer.changes.requests import BONE, EVERYWHERE
from LongitudinalRegistrationSlicer.displacement.colours import JACOBIAN, DisplacementPainter
from LongitudinalRegistrationSlicer.displacement.sampler import DisplacementSampler
from LongitudinalRegistrationSlicer.results.nodes import changesOf
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.cursor_line import CursorLine
from LongitudinalRegistrationWidgets.findings_table import FindingsTable
from LongitudinalRegistrationWidgets.overlay_part import OverlayPart

DENSITY, VOLUME, OFF = "Density", "Volume", "Off"
SHOW_TITLES = {DENSITY: _("Density change (HU)"), VOLUME: _("Volume change (Jacobian)"), OFF: _("Off")}
REGION_TITLES = {BONE: _("Bone"), EVERYWHERE: _("Everywhere in the body")}
LEAST_TRUST = 0.995


class ChangesSection:
    """Widgets of the section; `logic` is the module's, `onIdle()` is called when nothing of it is in the overlays any
    more, `onFound()` when the scans of the result were compared."""

    def __init__(self, resourcePath, logic, onIdle=None, onFound=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/ChangesSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._logic, self._part, self._onFound = logic, OverlayPart(onIdle), onFound
        self._result, self._sampler, self._entered, self._revision = None, None, True, -1
        self.line = CursorLine(self.ui.valuesLabel)
        self.table = FindingsTable(self.ui.findingsTable, self._onChosen, self._onNamed)
        for box, titles in ((self.ui.showComboBox, SHOW_TITLES), (self.ui.regionComboBox, REGION_TITLES)):
            for choice, title in titles.items():
                box.addItem(title, choice)
        self.ui.showComboBox.connect("currentIndexChanged(int)", lambda _index: self._show())
        self.ui.regionComboBox.connect("currentIndexChanged(int)", lambda _index: self._onRegion())
        for slider in (self.ui.changeSlider, self.ui.significanceSlider, self.ui.opacitySlider):
            slider.connect("valueChanged(double)", lambda _value: self._onThreshold())
        self.ui.acceptButton.connect("clicked(bool)", lambda _on=False: self._decide(self._logic.acceptFinding))
        self.ui.rejectButton.connect("clicked(bool)", lambda _on=False: self._decide(self._logic.rejectFinding))
        self.ui.undoFindingButton.connect("clicked(bool)", lambda _on=False: self._undo())
        self.ui.findButton.connect("clicked(bool)", lambda _on=False: self.find())
        self.ui.reportButton.connect("clicked(bool)", lambda _on=False: self.saveReport())
        self.ui.findingsDicomButton.connect("clicked(bool)", lambda _on=False: self.exportFindings())
        self.ui.clicksCheckBox.connect("toggled(bool)", lambda _on: self._onClicks())
        self.ui.savedChangesLabel.setVisible(False)
        self.setResult(None)

    @property
    def region(self):
        """Where changes are looked for, "bone" or "everywhere"."""
        return self.ui.regionComboBox.currentData

    def setOverlays(self, overlays):
        """Show the changes in these overlays (SliceOverlay), and no longer in those given before; other views are there
        to be pointed at."""
        self._part.setOverlays(overlays)
        self.line.update()
        self._show()

    def setResult(self, result):
        """Show a result, or none."""
        if result is not self._result:
            self.ui.savedChangesLabel.text = ""
            self.ui.savedChangesLabel.setVisible(False)
            self._sampler = DisplacementSampler(result) if result is not None else None
        self._result = result
        self.line.setResult(result)
        self.widget.visible = result is not None
        self.update()

    def enter(self):
        """The module is shown."""
        self._entered = True
        self.line.setEntered(True)
        self.update()

    def exit(self):
        """The module is left: nothing of this section stays in the views."""
        self._entered = False
        self.line.setEntered(False)
        self._show()

    def cleanup(self):
        """Leave views and scene, for good."""
        self.exit()
        self.setResult(None)

    def goOn(self):
        """Show what has come from the process meanwhile."""
        if self._revision != self._logic.changes.revision:
            self.update()
            if self._onFound is not None and self._layers() is not None:
                self._onFound()

    def update(self):
        """Show what is known of the result."""
        self._revision = self._logic.changes.revision
        self._fillTable()
        self.ui.statusLabel.text = self._statusText()
        busy = self._logic.changes.isBusyWith(self._result)
        self.ui.findButton.enabled = self._result is not None and not busy
        for button in (self.ui.reportButton, self.ui.findingsDicomButton):
            button.enabled = self._result is not None and bool(changesOf(self._result)) and not busy
        self.ui.findButton.text = _("Compare again") if self._layers() is not None else _("Compare")
        self._show()

    def find(self):
        """Have the scans compared anew."""
        with slicer.util.tryWithErrorDisplay(_("The scans could not be compared.")):
            self._logic.findChanges(self._result, self.region)
        self.update()

    def saveReport(self, folder=""):
        """Save the report into a folder, which the user is asked for where none is given."""
        folder = folder or qt.QFileDialog.getExistingDirectory(self.widget, _("Save the report of changes"))
        if not folder:
            return
        with slicer.util.tryWithErrorDisplay(_("The report could not be saved."), waitCursor=True):
            files, missing = self._logic.saveChangesReport(self._result, folder)
            self._showSaved(folder, files, missing)

    def exportFindings(self, folder=""):
        """Export the findings as DICOM into a folder, which the user is asked for where none is given."""
        folder = folder or qt.QFileDialog.getExistingDirectory(self.widget, _("Export the findings as DICOM"))
        if not folder:
            return
        with slicer.util.tryWithErrorDisplay(_("The findings could not be exported as DICOM."), waitCursor=True):
            self._showSaved(folder, self._logic.exportFindings(self._result, folder))

    def _showSaved(self, folder, files, more=""):
        text = _("Saved to {folder}: {files}.").format(folder=folder, files=", ".join(files))
        self.ui.savedChangesLabel.text = f"{text} {more}".strip()
        self.ui.savedChangesLabel.setVisible(True)

    def _layers(self):
        return self._logic.changes.layersOf(self._result, self.region)

    def _show(self):
        painters = self._painters() if self._entered and self._result is not None else []
        self._part.show(painters)
        shown = self.ui.showComboBox.currentData
        self.ui.opacitySlider.enabled = shown != OFF

    def _painters(self):
        shown, opacity = self.ui.showComboBox.currentData, self.ui.opacitySlider.value
        if shown == VOLUME and not self._sampler.problem():
            return [DisplacementPainter(self._sampler, JACOBIAN, opacity, withAffine=True, onlyBody=True)]
        if shown == DENSITY and self._layers() is not None:
            least = self.ui.changeSlider.value, self.ui.significanceSlider.value
            return [ChangePainter(self._layers(), *least, opacity)]
        return []

    def _onThreshold(self):
        self._fillTable()
        self.ui.statusLabel.text = self._statusText()
        self._show()

    def _onRegion(self):
        if self._result is not None and self._layers() is None:
            self.find()
        self.update()

    def _onClicks(self):
        self.line.followsClicks = self.ui.clicksCheckBox.checked
        self.line.update()

    def _shownFindings(self):
        """Return the findings that are strong enough, and those that the reader has decided on."""
        if self._result is None:
            return []
        leastHu, leastSignificance = self.ui.changeSlider.value, self.ui.significanceSlider.value
        return [
            finding
            for finding in findingsOf(self._result)
            if finding.isDecided or (abs(finding.largestHu) >= leastHu and finding.significance >= leastSignificance)
        ]

    def _fillTable(self):
        self.table.setFindings(self._shownFindings())
        self._showDetail()

    def _showDetail(self):
        chosen, there = self.table.chosen, bool(self.table.shown)
        self.ui.findingsTable.setVisible(there)
        self.ui.detailLabel.setVisible(there)
        for button in (self.ui.acceptButton, self.ui.rejectButton):
            button.setVisible(there)
            button.enabled = chosen is not None
        self.ui.undoFindingButton.setVisible(there or self._logic.canUndoFinding)
        self.ui.undoFindingButton.enabled = self._logic.canUndoFinding
        self.ui.detailLabel.text = _detail(chosen) if chosen is not None else _("Choose a finding to go there.")

    def _statusText(self):
        if self._result is None:
            return ""
        changes, content = self._logic.changes, changesOf(self._result)
        if changes.isBusyWith(self._result):
            return _("Comparing the scans ...")
        if changes.message:
            return changes.message
        if not content:
            return _("Not compared yet.")
        shown, parts = self.table.shown, []
        undecided = sum(finding.status == OPEN for finding in shown)
        text = _("Findings: {count}, not judged: {undecided}.")
        parts.append(text.format(count=len(shown), undecided=undecided) if shown else _("No finding."))
        if self._layers() is None:
            parts.append(_("The map is not kept with the scene: Compare."))
        if content["trust"] < LEAST_TRUST:
            parts.append(_("Trust {percent:.0f} %.").format(percent=100 * content["trust"]))
        return " ".join([*parts, *content["warnings"]])

    def _onChosen(self, finding):
        self.line.showPlace(finding.position)
        self._showDetail()

    def _onNamed(self, finding, name):
        self._logic.nameFinding(self._result, finding.number, name)
        self.update()

    def _decide(self, decide):
        chosen = self.table.chosen
        if chosen is not None:
            decide(self._result, chosen.number)
            self.update()

    def _undo(self):
        self._logic.undoFinding()
        self.update()


def _detail(finding):
    """Return what is known of a finding, as a sentence."""
    text = _(
        "{title}: {change:+.0f} HU (largest {largest:+.0f}), {volume:.2f} ml, {before:.0f} mm before, {after:.0f} mm "
        "after, contrast to noise {cnr:.1f}, {significance:.1f} SD; volume {stretch:+.0f} %."
    )
    if finding.caution:
        text += " " + _("Caution: {caution}.").format(caution=finding.caution)
    return text.format(
        title=finding.title,
        change=finding.meanHu,
        largest=finding.largestHu,
        volume=finding.volumeMl,
        before=finding.diameterBeforeMm,
        after=finding.diameterAfterMm,
        cnr=finding.contrastToNoise,
        significance=finding.significance,
        stretch=100 * (finding.volumeChange - 1),
    )
