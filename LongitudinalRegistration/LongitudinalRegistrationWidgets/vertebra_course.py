"""The vertebrae over time, below their table of scores: one figure at a time, a row each, a column a time point."""

import math

import qt
import slicer
from LongitudinalRegistrationSlicer.changes.vertebra_course import (
    FIGURES,
    PARTS,
    figuresByVertebra,
    updateVertebraCourseChart,
    vertebraCourseOf,
    vertebraCourseText,
)
from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.table_height import TableHeight

NAME, MOST_ROWS = 0, 28


class VertebraCourse:
    """Shows the course of a result's baseline; `onChosen(value)` is called when a vertebra's row was chosen,
    `onPlot(chart)` when a chart is to be shown."""

    def __init__(self, resourcePath, onChosen, onPlot):
        self.widget = slicer.util.loadUI(resourcePath("UI/VertebraCourse.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._onChosen, self._onPlot, self._result, self._found = onChosen, onPlot, None, None
        self._labels, self._filling = [], False
        for figure in FIGURES:
            self.ui.courseFigureComboBox.addItem(figure.title)
        for part, title in PARTS.items():
            self.ui.coursePartComboBox.addItem(title, part)
        table = self.ui.courseTable
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setMinimumSectionSize(20)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        self._height = TableHeight(table, MOST_ROWS)
        for comboBox in (self.ui.courseFigureComboBox, self.ui.coursePartComboBox):
            comboBox.connect("currentIndexChanged(int)", lambda _index: self._fill())
        table.connect("cellClicked(int,int)", lambda row, column: self._choose(row))
        table.connect("currentCellChanged(int,int,int,int)", lambda row, *others: self._choose(row))
        self.ui.copyCourseButton.connect("clicked(bool)", lambda _on=False: self.copy())
        self.ui.plotCourseButton.connect("clicked(bool)", lambda _on=False: self.plot())

    def setResult(self, result):
        """Show the course of a result's baseline, or hide where there is none."""
        self._result = result
        self._found = vertebraCourseOf(result) if result is not None else None
        self.widget.setVisible(self._found is not None)
        self._fill()

    @property
    def figure(self):
        """The CourseFigure that is shown."""
        return FIGURES[self.ui.courseFigureComboBox.currentIndex]

    @property
    def part(self):
        """Of which part: a key of PARTS."""
        return self.ui.coursePartComboBox.currentData

    def copy(self):
        """Copy all figures."""
        qt.QApplication.clipboard().setText(vertebraCourseText(self._result))

    def plot(self):
        """Plot the figure that is shown."""
        self._onPlot(updateVertebraCourseChart(self._result, self.figure, self.part))

    def _fill(self):
        self.ui.coursePartComboBox.setVisible(self.figure.ofPart)
        self._filling = True
        try:
            self._fillTable()
        finally:
            self._filling = False
        self._height.fit()

    def _fillTable(self):
        table = self.ui.courseTable
        table.clear()
        rows = figuresByVertebra(self._found.course, self.figure, self.part) if self._found is not None else []
        points = self._found.course.time_points if self._found is not None else ()
        self._labels = [label for label, _name, _figures in rows]
        table.setRowCount(len(rows))
        table.setColumnCount(1 + len(points))
        for column, title in enumerate((_("Vertebra"), *points)):
            item = qt.QTableWidgetItem(_inTwoLines(title))
            item.setToolTip(title)
            table.setHorizontalHeaderItem(column, item)
        for row, (label, name, figures) in enumerate(rows):
            item = qt.QTableWidgetItem(name)
            item.setData(qt.Qt.DecorationRole, qt.QColor.fromRgbF(*baselineColour(label)))
            item.setToolTip(_("Show {name} in all views.").format(name=name))
            table.setItem(row, NAME, item)
            for column, figure in enumerate(figures, start=1):
                item = qt.QTableWidgetItem(self._text(figure, isBaseline=column == 1))
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                table.setItem(row, column, item)

    def _text(self, figure, isBaseline):
        if math.isnan(figure):
            return "" if isBaseline and self.figure.isFromBaseline else "–"
        return f"{figure:{'+' if self.figure.signed else ''}.{self.figure.decimals}f}"

    def _choose(self, row):
        if not self._filling and 0 <= row < len(self._labels):
            self._onChosen(self._labels[row])


def _inTwoLines(title):
    """Return a date as year and day below each other, a name parted at a blank, as columns are narrow."""
    year, hyphen, day = title.partition("-")
    if hyphen and year.isdigit() and len(title) == len("2025-04-10"):
        return f"{year}-\n{day}"
    return "\n".join(title.split(" ", 1))
