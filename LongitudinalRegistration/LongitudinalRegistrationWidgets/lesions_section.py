"""The panel's section on lesions that the reader marks: carried to the other scan, confirmed, measured, over time."""

import slicer
from LongitudinalRegistrationSlicer.changes.mark_nodes import canBeMark, counterpartOf, isProposal
from LongitudinalRegistrationSlicer.changes.mark_views import MarkViews
from LongitudinalRegistrationSlicer.results.belongings import TO_BASELINE, TO_FOLLOW_UP
from LongitudinalRegistrationSlicer.results.nodes import fixedOf
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.lesion_table import LesionTable

SIDE_TITLES = {TO_FOLLOW_UP: _("Baseline"), TO_BASELINE: _("Follow-up")}
"""Where the mark was made, by where it is carried to."""


class LesionsSection:
    """Widgets of the section; `logic` is the module's, `onPlot(chart)` shows a plot and returns whether it could."""

    def __init__(self, resourcePath, logic, onPlot=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/LesionsSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.ui.markSelector.setMRMLScene(slicer.mrmlScene)
        self._logic, self._onPlot, self._result, self._views = logic, onPlot, None, None
        self.table = LesionTable(self.ui.lesionsTable)
        for towards, title in SIDE_TITLES.items():
            self.ui.sideComboBox.addItem(title, towards)
        self.ui.markSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self._enableButtons())
        self.ui.carryButton.connect("clicked(bool)", lambda _on=False: self.carry())
        self.ui.confirmButton.connect("clicked(bool)", lambda _on=False: self.confirm())
        self.ui.plotLesionsButton.connect("clicked(bool)", lambda _on=False: self.plot())
        self.setResult(None)

    @property
    def towards(self):
        """Where the mark is carried to, "follow-up" or "baseline"."""
        return self.ui.sideComboBox.currentData

    def setResult(self, result):
        """Show the lesions of a result's baseline, or none."""
        self._removeViews()
        self._result = result
        self._views = MarkViews(result) if result is not None else None
        self.viewsChanged()
        self.widget.visible = result is not None
        self._say("")
        self.update()

    def enter(self):
        """The module is shown again: nodes may have come or gone meanwhile."""
        self.update()

    def exit(self):
        """Nothing of this section is in the views."""

    def cleanup(self):
        """Forget the result."""
        self._removeViews()
        self._result = None

    def viewsChanged(self):
        """Views have come or gone: marks are shown where their scan is."""
        if self._views is not None:
            self._views.update()

    def _removeViews(self):
        if self._views is not None:
            self._views.remove()
            self._views = None

    def update(self):
        """Show what is known."""
        baseline = fixedOf(self._result) if self._result is not None else None
        lesions = self._logic.lesions(self._result) if baseline is not None else []
        name = baseline.GetName() if baseline is not None else ""
        self.table.setLesions(lesions, name, self._logic.lesionTimePoints(self._result) if lesions else {})
        for widget in (self.ui.lesionsTable, self.ui.plotLesionsButton, self.ui.recistLabel):
            widget.setVisible(bool(lesions))
        self.ui.recistLabel.text = self._logic.lesionsText(self._result) if lesions else ""
        self._enableButtons()

    def carry(self):
        """Carry the mark to the other scan."""
        with slicer.util.tryWithErrorDisplay(_("The mark could not be carried to the other scan."), waitCursor=True):
            made = self._logic.carryMark(self._result, self.ui.markSelector.currentNode(), self.towards)
            self.viewsChanged()
            text = _("Proposal: {name}. It was moved, not fitted: correct it where need be, then confirm.")
            self._say(text.format(name=made.GetName()))
        self._enableButtons()

    def confirm(self):
        """Measure mark and counterpart."""
        with slicer.util.tryWithErrorDisplay(_("The lesion could not be measured."), waitCursor=True):
            mark, isNode = self.ui.markSelector.currentNode(), self.ui.lymphCheckBox.checked
            self._logic.confirmMark(self._result, mark, self.towards, isNode)
            self._say("")
        self.update()

    def plot(self):
        """Plot the lesions over time."""
        chart = self._logic.plotLesions(self._result)
        if chart is not None and not (self._onPlot is not None and self._onPlot(chart)):
            slicer.modules.plots.logic().ShowChartInLayout(chart)

    def _say(self, text):
        self.ui.carriedLabel.text = text
        self.ui.carriedLabel.setVisible(bool(text))

    def _enableButtons(self):
        mark = self.ui.markSelector.currentNode()
        ready = self._result is not None and canBeMark(mark)
        self.ui.carryButton.enabled = ready and not isProposal(mark)
        self.ui.confirmButton.enabled = ready and counterpartOf(mark) is not None
