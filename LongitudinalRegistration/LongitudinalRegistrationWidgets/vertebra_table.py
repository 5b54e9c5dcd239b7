"""The table of the vertebrae's figures: coloured by quality, sorted on a click on a title, mean and worst below."""

import math

import qt
from LongitudinalRegistrationSlicer.vertebrae.colours import baselineColour
from LongitudinalRegistrationSlicer.vertebrae.rows import (
    BASELINE_ONLY,
    BOTH,
    FAIR,
    FOLLOW_UP_ONLY,
    GOOD,
    POOR,
    sortedRows,
    summaryRows,
)
from slicer.i18n import tr as _

QUALITY_COLOURS = {GOOD: "#cfe2f7", FAIR: "#fff1b8", POOR: "#f7b78f"}
TEXT_COLOUR = "#111111"
TITLES = {
    "dsc before": _("DSC before"),
    "dsc after": _("DSC after"),
    "change": _("DSC change"),
    "volume before": _("Vol. before (ml)"),
    "volume after": _("Vol. after (ml)"),
    "hd95 before": _("HD95 before (mm)"),
    "hd95 after": _("HD95 after (mm)"),
    "centroid before": _("Centre before (mm)"),
    "centroid after": _("Centre after (mm)"),
    "hu before": _("Mean HU before"),
    "hu change": _("HU change"),
    "body hu change": _("HU change (body)"),
    "volume change": _("Volume change (%)"),
    "height before": _("Height before (mm)"),
    "height after": _("Height after (mm)"),
    "compression": _("Compression (%)"),
}
"""How the table calls a measure; the columns of the table node, and of files, keep their English titles."""
ALONE = {BASELINE_ONLY: _("in the baseline only"), FOLLOW_UP_ONLY: _("in the follow-up only")}
MOST_ROWS = 28
TITLE_LINES, TITLE_MARGIN_PX, FRAME_PX = 3, 8, 4


class VertebraTable:
    """Fills a QTableWidget; `onChosen(value)` is called when a vertebra's row was chosen."""

    def __init__(self, widget, onChosen):
        self.widget, self._onChosen = widget, onChosen
        self._rows, self.measures, self._shown = [], [], []
        self._sortColumn, self._descending = 0, False
        self._filling = False
        widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        widget.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        widget.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        widget.verticalHeader().setVisible(False)
        widget.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        widget.horizontalHeader().setMinimumSectionSize(20)
        widget.horizontalHeader().setSectionsClickable(True)
        smaller = widget.font
        smaller.setPointSizeF(0.9 * smaller.pointSizeF())
        widget.horizontalHeader().setFont(smaller)
        widget.horizontalHeader().connect("sectionClicked(int)", self.onTitle)
        widget.connect("cellClicked(int,int)", lambda row, column: self._choose(row))
        widget.connect("currentCellChanged(int,int,int,int)", lambda row, *others: self._choose(row))

    def setRows(self, rows, measures):
        """Show rows in the order that was chosen last."""
        self._rows, self.measures = rows, measures
        if self._sortColumn > len(measures):
            self._sortColumn, self._descending = 0, False
        self._fill()

    def shownRows(self):
        """Return the rows as they stand, mean and worst last."""
        return list(self._shown)

    def onTitle(self, column):
        """Sort by a column; again: the other way round."""
        self._descending = not self._descending if column == self._sortColumn else False
        self._sortColumn = column
        self._fill()

    def _fill(self):
        column = self._sortColumn
        key = self.measures[column - 1].key if column else None
        self._shown = sortedRows(self._rows, key, self._descending) + summaryRows(self._rows, self.measures)
        self._filling = True
        try:
            self._makeTitles()
            for row, entry in enumerate(self._shown):
                self._fillRow(row, entry)
            self.widget.clearSelection()
        finally:
            self._filling = False
        self._fitHeight()

    def _makeTitles(self):
        table = self.widget
        table.clear()
        table.clearSpans()
        table.setColumnCount(1 + len(self.measures))
        table.setRowCount(len(self._shown))
        for column, title in enumerate([_("Label"), *(_titleOf(measure) for measure in self.measures)]):
            lines = [*title.split(" ", 2), "", ""][:TITLE_LINES]
            if column == self._sortColumn:
                lines[-1] = f"{lines[-1]} {'▼' if self._descending else '▲'}".strip()
            item = qt.QTableWidgetItem("\n".join(lines))
            item.setToolTip(_titleHelp(self.measures[column - 1].key if column else ""))
            table.setHorizontalHeaderItem(column, item)

    def _fillRow(self, row, entry):
        self.widget.setItem(row, 0, self._nameItem(entry))
        if entry.status != BOTH:
            item = qt.QTableWidgetItem(_aloneText(entry))
            self.widget.setItem(row, 1, item)
            self.widget.setSpan(row, 1, 1, len(self.measures))
            return
        for column, measure in enumerate(self.measures, start=1):
            figure = entry.figures[measure.key]
            item = qt.QTableWidgetItem(measure.text(figure))
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            colour = QUALITY_COLOURS.get(measure.quality(figure))
            if colour:
                item.setBackground(qt.QBrush(qt.QColor(colour)))
                item.setForeground(qt.QBrush(qt.QColor(TEXT_COLOUR)))
            self._markSummary(entry, item)
            self.widget.setItem(row, column, item)

    def _nameItem(self, entry):
        item = qt.QTableWidgetItem(entry.name)
        if entry.value is not None:
            item.setData(qt.Qt.DecorationRole, qt.QColor.fromRgbF(*baselineColour(entry.value)))
            item.setToolTip(_("Show {name} in all views.").format(name=entry.name))
        self._markSummary(entry, item)
        return item

    def _markSummary(self, entry, item):
        if entry.value is None:
            font = self.widget.font
            font.setBold(True)
            item.setFont(font)
            item.setFlags(qt.Qt.ItemIsEnabled)

    def _fitHeight(self):
        table = self.widget
        table.resizeRowsToContents()
        rows = sum(table.rowHeight(row) for row in range(min(len(self._shown), MOST_ROWS)))
        titles = TITLE_LINES * qt.QFontMetrics(table.font).lineSpacing() + TITLE_MARGIN_PX
        table.horizontalHeader().setFixedHeight(titles)
        bar = table.style().pixelMetric(qt.QStyle.PM_ScrollBarExtent)
        height = titles + rows + bar + FRAME_PX
        table.setMinimumHeight(height)
        table.setMaximumHeight(height)

    def _choose(self, row):
        if not self._filling and 0 <= row < len(self._shown) and self._shown[row].value is not None:
            self._onChosen(self._shown[row].value)


def _aloneText(entry):
    """Say which scan alone has a label, and its volume, as it came and registered, where that is known."""
    before, after = (entry.figures[f"volume {when}"] for when in ("before", "after"))
    if math.isnan(before + after):
        return ALONE[entry.status]
    return _("follow-up only: {before:.1f} → {after:.1f} ml").format(before=before, after=after)


def _titleOf(measure):
    return TITLES.get(measure.key, measure.title)


def _titleHelp(key):
    if key.startswith("dsc") or key == "change":
        return _("Dice score: overlap of the two labels, 0 to 1. Good from 0.85, poor below 0.70.")
    if key.startswith("hd95"):
        return _("95 % Hausdorff distance of the two surfaces in mm. Good up to 3 mm, poor above 6 mm.")
    if key.startswith("centroid"):
        return _("Distance of the two centroids in mm. Good up to 2 mm, poor above 5 mm.")
    if key in ("volume before", "volume after"):
        return _(
            "Volume of the follow-up's label as it came and registered: the registration changes it as they differ."
        )
    if "hu" in key.split() or key == "volume change":
        return _("Mean density by the labels of each scan, and what has changed from baseline to follow-up.")
    if key.startswith("height") or key == "compression":
        return _(
            "Least height of the vertebral body at its front, middle and back, and the largest loss of one of them."
        )
    return _("Click to sort from neck to pelvis.")
