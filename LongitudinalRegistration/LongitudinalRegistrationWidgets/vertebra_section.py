"""The panel's section on the vertebrae: outlines in the views, the table of scores, copy, CSV and plot."""

import qt
import slicer
from LongitudinalRegistrationSlicer.results.nodes import labelsOf, reportOf, scoresOf
from LongitudinalRegistrationSlicer.vertebrae.centres import centreOf, jumpTo
from LongitudinalRegistrationSlicer.vertebrae.label_matching import matchesOf, valuesByName
from LongitudinalRegistrationSlicer.vertebrae.outlines import VertebraOutlines
from LongitudinalRegistrationSlicer.vertebrae.plot import updateVertebraChart
from LongitudinalRegistrationSlicer.vertebrae.rows import (
    rowsAsText,
    rowsWithMethods,
    saveCsv,
    similarityText,
    summaryText,
)
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.vertebra_course import VertebraCourse
from LongitudinalRegistrationWidgets.vertebra_table import VertebraTable


class VertebraSection:
    """The overlap of each vertebra, and its density and height over time.

    `onJump(value, ras)` shows one (None: all slice views are centred on it); `onPlot(chart)` shows the plot and returns
    whether it could: else, and without it, it is shown in one of the application's layouts.
    """

    def __init__(self, resourcePath, onJump=None, onPlot=None):
        self.widget = slicer.util.loadUI(resourcePath("UI/VertebraSection.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._onJump, self._onPlot = onJump, onPlot
        self._result, self._outlines, self._outlinesOf = None, None, None
        self._matches, self._entered = (), True
        self.table = VertebraTable(self.ui.scoresTable, self.onChosen)
        self.course = VertebraCourse(resourcePath, self.onChosen, self._showChart)
        self.widget.layout().addWidget(self.course.widget)
        self.ui.outlinesCheckBox.connect("toggled(bool)", lambda on: self.showOutlines())
        self.ui.copyButton.connect("clicked(bool)", lambda: self.onCopy())
        self.ui.csvButton.connect("clicked(bool)", lambda: self.onSaveCsv())
        self.ui.plotButton.connect("clicked(bool)", lambda: self.onPlot())
        self.setResult(None)

    def setResult(self, result, withOutlines=True):
        """Show a result, or none; without outlines, which take longest, `showOutlines` shows them later."""
        self._result = result
        rows, measures = [], []
        self._matches = matchesOf(result) if result is not None else ()
        if result is not None:
            rows, measures = rowsWithMethods(result, valuesByName(self._matches))
        self.ui.summaryLabel.text = self._summary(rows)
        for widget in (self.ui.scoresTable, self.ui.legendLabel, self.ui.buttonsWidget):
            widget.setVisible(bool(rows))
        self.ui.outlinesCheckBox.setVisible(bool(self._matches))
        self.ui.plotButton.enabled = result is not None and scoresOf(result) is not None
        self.table.setRows(rows, measures)
        self.course.setResult(result)
        if withOutlines:
            self.showOutlines()

    def enter(self):
        self._entered = True
        self.showOutlines()

    def exit(self):
        self._entered = False
        self.showOutlines()

    def cleanup(self):
        self.exit()

    def viewsChanged(self):
        """Take in slice views that were made or turned since."""
        if self._outlines is not None:
            self._outlines.updateViews()

    def onChosen(self, value):
        """Bring a vertebra into the views and brighten it."""
        match = next((match for match in self._matches if match.value == value), None)
        ras = centreOf(self._result, match) if match is not None else None
        with slicer.util.RenderBlocker():
            if ras is not None:
                self._onJump(value, ras) if self._onJump is not None else jumpTo(ras)
            if self._outlines is not None and self._outlines.highlighted != value:
                self._outlines.highlight(value)

    def onCopy(self):
        qt.QApplication.clipboard().setText(self._asText())

    def onSaveCsv(self):
        title, name = _("Save the vertebrae's scores"), f"{self._result.GetName()} vertebrae.csv"
        path = qt.QFileDialog.getSaveFileName(self.widget, title, name, _("CSV file (*.csv)"))
        if path:
            with slicer.util.tryWithErrorDisplay(_("The scores could not be saved.")):
                saveCsv(path, *self._shown())

    def onPlot(self):
        self._showChart(updateVertebraChart(self._result))

    def _showChart(self, chart):
        if chart is not None and not (self._onPlot is not None and self._onPlot(chart)):
            slicer.modules.plots.logic().ShowChartInLayout(chart)

    def _summary(self, rows):
        if self._result is None:
            return _("Register two scans to see the overlap of each vertebra.")
        if rows:
            return summaryText(rows) or _("No vertebra is in both scans. ") + similarityText(reportOf(self._result))
        hasLabels = None not in labelsOf(self._result)
        start = _("The scores of the vertebrae are being computed. ") if hasLabels else _("Without vertebra labels: ")
        return start + similarityText(reportOf(self._result))

    def _shown(self):
        return self.table.shownRows(), self.table.measures

    def _asText(self):
        return rowsAsText(*self._shown(), "\t")

    def showOutlines(self):
        """Show in the views what is to be outlined now."""
        wanted = self._entered and self.ui.outlinesCheckBox.checked and bool(self._matches)
        shown = (self._result, labelsOf(self._result), self._matches) if wanted else None
        if shown == self._outlinesOf:
            self.viewsChanged()
            return
        if self._outlines is not None:
            self._outlines.remove()
        self._outlines, self._outlinesOf = None, shown
        if wanted:
            self._outlines = VertebraOutlines(self._result)
            self._outlines.show()
