"""The section about quality: which slices to look at, what has been seen, plot, table and montage."""

import qt
from slicer.i18n import tr as _
from TableRemovalSlicer.quality_rows import leftText, qualityRows

COLUMNS = (
    (_("Seen"), ""),
    (_("Slice"), "0000"),
    (_("Finding"), "area jumps against the neighbours"),
    (_("cm\u00b2"), "0000"),
    (_("T_G"), "0.00"),
    (_("Parts"), "000"),
    (_("ms"), "0000"),
)
"""The table's columns: title, and the text that is to be read whole; what is longer is in the tooltip."""
FINDING = 2
CELL_PADDING_PX, ROW_PADDING_PX = 14, 8


class QualitySection:
    """What the panel's widgets of this section (`ui`) do.

    `edit(action)` does something and shows it, `telling()` is a context whose problems go to the status line,
    `onJumped()` is called when another slice is shown.
    """

    def __init__(self, ui, logic, edit, telling, onJumped):
        self.ui, self.logic = ui, logic
        self._telling, self._onJumped = telling, onJumped
        self._rows, self._showing = [], False
        self._setUpTable()
        ui.qualityTable.connect("cellClicked(int,int)", self.onRow)
        ui.qualityTable.connect("itemChanged(QTableWidgetItem*)", self.onTick)
        ui.onlyFlaggedCheckBox.connect("toggled(bool)", lambda on: self.show())
        ui.plotButton.connect("clicked(bool)", lambda checked=False: edit(self.logic.showAreaPlot))
        ui.csvButton.connect("clicked(bool)", lambda checked=False: self.onCsvButton())
        ui.montageButton.connect("clicked(bool)", lambda checked=False: self.onMontageButton())

    def _setUpTable(self):
        table = self.ui.qualityTable
        table.setColumnCount(len(COLUMNS))
        table.setHorizontalHeaderLabels([name for name, _widest in COLUMNS])
        _fixSizes(table)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)

    def onRow(self, row, column):
        """Go to the slice of a row, unless its tick was clicked."""
        if column > 0:
            self.logic.jumpTo(self._rows[row][0])
            self._onJumped()

    def onTick(self, item):
        if self._showing or item.column() != 0:
            return
        k, flags = self._rows[item.row()]
        self.logic.session.check(k, flags, item.checkState() == qt.Qt.Checked)
        self._showLeft()

    def onCsvButton(self):
        self._save(self.logic.saveCsv, _("Save slice table"), "table-removal.csv", _("Tables (*.csv)"))

    def onMontageButton(self):
        self._save(self.logic.saveMontage, _("Save montage"), "table-removal.png", _("Pictures (*.png)"))

    def _save(self, save, title, name, kinds):
        path = self._askForPath(title, name, kinds)
        if path:
            with self._telling():
                save(path)
                self.ui.statusLabel.text = _("Saved {path}").format(path=path)

    def _askForPath(self, title, name, kinds):
        return qt.QFileDialog.getSaveFileName(self.ui.qualityTable, title, name, kinds)

    def show(self):
        """List the slices."""
        table = self.ui.qualityTable
        session = self.logic.session
        entries = qualityRows(session, self.ui.onlyFlaggedCheckBox.checked) if session else []
        self._rows = [(entry.index, entry.flags) for entry in entries]
        self._showing = True
        try:
            table.setRowCount(len(entries))
            for row, entry in enumerate(entries):
                for column, text in enumerate(entry.texts):
                    table.setItem(row, column, _item(text, entry, column))
        finally:
            self._showing = False
        self._showLeft()

    def enableButtons(self):
        """Offer plot, table and montage where the slices have been looked at."""
        session = self.logic.session
        for button in (self.ui.plotButton, self.ui.csvButton, self.ui.montageButton):
            button.enabled = bool(session and session.records)

    def _showLeft(self):
        self.ui.leftLabel.text = leftText(self.logic.session) if self.logic.session else ""


def _fixSizes(table):
    """Give columns and rows their sizes once: headers that measure their cells freeze the window at every refill."""
    metrics = qt.QFontMetrics(table.font)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(1)
    header.setSectionResizeMode(qt.QHeaderView.Interactive)
    header.setStretchLastSection(True)
    for column, (name, widest) in enumerate(COLUMNS):
        width = max(metrics.horizontalAdvance(text) for text in (name, widest))
        table.setColumnWidth(column, width + CELL_PADDING_PX)
    rows = table.verticalHeader()
    rows.setVisible(False)
    rows.setSectionResizeMode(qt.QHeaderView.Fixed)
    rows.setDefaultSectionSize(metrics.height() + ROW_PADDING_PX)


def _item(text, entry, column):
    """Return the item of a cell; a flagged slice's first one can be ticked."""
    item = qt.QTableWidgetItem(text)
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    if column == FINDING:
        item.setToolTip(text)
    if column == 0 and entry.flags:
        item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
        item.setCheckState(qt.Qt.Checked if entry.checked else qt.Qt.Unchecked)
    return item
