"""The table of findings: the surest first, what the reader has said of each in front, its place to be named.

It has what fits a narrow panel; whoever chooses a row is told the rest.
"""

import qt
from LongitudinalRegistrationSlicer.changes.findings import ACCEPTED, REJECTED
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.table_height import TableHeight

STATUS, PLACE = 0, 1
MARKS = {ACCEPTED: "✓", REJECTED: "✗"}
REJECTED_COLOUR = "#8c8c8c"
MOST_ROWS = 10


def _columns():
    """Return (title, text of a SceneFinding) of each column of figures."""
    return (
        (_("HU\nmean"), lambda finding: _signed(finding.meanHu)),
        (_("Volume\n(ml)"), lambda finding: f"{finding.volumeMl:.1f}"),
        (_("Sure"), lambda finding: f"{100 * finding.confidence:.0f} %"),
    )


class FindingsTable:
    """Fills a QTableWidget; `onChosen(finding)` is called with the SceneFinding whose row was chosen, `onNamed(finding,
    name)` when the reader has written a name."""

    def __init__(self, widget, onChosen, onNamed):
        self.widget, self._onChosen, self._onNamed = widget, onChosen, onNamed
        self.shown, self._filling = [], False
        self._columns = _columns()
        self._height = TableHeight(widget, MOST_ROWS)
        widget.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        widget.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        widget.setEditTriggers(qt.QAbstractItemView.DoubleClicked | qt.QAbstractItemView.EditKeyPressed)
        widget.verticalHeader().setVisible(False)
        widget.horizontalHeader().setMinimumSectionSize(20)
        widget.setColumnCount(2 + len(self._columns))
        widget.horizontalHeader().setSectionResizeMode(PLACE, qt.QHeaderView.Stretch)
        widget.setHorizontalHeaderLabels(["", _("Place"), *(title for title, _text in self._columns)])
        widget.connect("cellClicked(int,int)", lambda row, column: self._choose(row))
        widget.connect("currentCellChanged(int,int,int,int)", lambda row, *others: self._choose(row))
        # Not itemChanged: after that the table itself needs the item, which is replaced when a finding is named.
        widget.connect("cellChanged(int,int)", self._onEdited)

    @property
    def chosen(self):
        """The SceneFinding of the row that is chosen, or None."""
        row = self.widget.currentRow()
        return self.shown[row] if 0 <= row < len(self.shown) else None

    def setFindings(self, findings):
        """Show findings; the one that was chosen stays so."""
        before = self.chosen.number if self.chosen is not None else None
        self.shown, self._filling = list(findings), True
        try:
            self.widget.setRowCount(len(self.shown))
            for row, finding in enumerate(self.shown):
                self._fillRow(row, finding)
            rows = [row for row, finding in enumerate(self.shown) if finding.number == before]
            if rows:
                self.widget.setCurrentCell(rows[0], PLACE)
            else:
                self.widget.setCurrentCell(-1, -1)
        finally:
            self._filling = False
        self._fit()

    def _fillRow(self, row, finding):
        texts = [MARKS.get(finding.status, ""), finding.title, *(text(finding) for _title, text in self._columns)]
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            if column == PLACE:
                item.setToolTip(_("{place}: {kind}. Double-click to name it.").format(**_words(finding)))
            else:
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            if finding.status == REJECTED:
                item.setForeground(qt.QBrush(qt.QColor(REJECTED_COLOUR)))
            self.widget.setItem(row, column, item)

    def _fit(self):
        table = self.widget
        for column in range(table.columnCount):
            if column != PLACE:
                table.resizeColumnToContents(column)
        self._height.fit()

    def _choose(self, row):
        if not self._filling and 0 <= row < len(self.shown):
            self._onChosen(self.shown[row])

    def _onEdited(self, row, column):
        if self._filling or column != PLACE:
            return
        finding, name = self.shown[row], self.widget.item(row, column).text()
        if name != finding.title:
            self._onNamed(finding, name)


def _signed(value):
    return f"{value:+.0f}".replace("-", "\N{MINUS SIGN}")


def _words(finding):
    return {"place": finding.place, "kind": _("denser") if finding.meanHu > 0 else _("lighter")}
