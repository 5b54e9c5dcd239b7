"""The table of lesions: one row each lesion and scan, with the change from the baseline, as narrow as the panel."""

import math

import qt
from slicer.i18n import tr as _

from LongitudinalRegistrationWidgets.table_height import TableHeight

LESION = 0
MOST_ROWS = 8


def _columns():
    return (
        (_("Long\nmm"), lambda lesion: lesion.longestMm, 1),
        (_("Short\nmm"), lambda lesion: lesion.perpendicularMm, 1),
        (_("Vol.\nml"), lambda lesion: lesion.volumeMl, 2),
        (_("Mean\nHU"), lambda lesion: lesion.meanHu, 0),
    )


class LesionTable:
    """Fills a QTableWidget with Lesions."""

    def __init__(self, widget):
        self.widget, self._columns = widget, _columns()
        self._height = TableHeight(widget, MOST_ROWS)
        widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        widget.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        widget.verticalHeader().setVisible(False)
        widget.horizontalHeader().setMinimumSectionSize(20)
        widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        widget.setColumnCount(2 + len(self._columns))
        widget.horizontalHeader().setSectionResizeMode(LESION, qt.QHeaderView.Stretch)
        titles = [title for title, _figure, _digits in self._columns]
        widget.setHorizontalHeaderLabels([_("Lesion\nscan"), *titles, _("Long\n%")])

    def setLesions(self, lesions, baselineName, timePoints):
        """Show Lesions; changes are from the baseline, the scan of this name. timePoints: what each scan is called."""
        before = {lesion.name: lesion for lesion in lesions if lesion.scan == baselineName}
        self.widget.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            figures = [_number(figure(lesion), digits) for _title, figure, digits in self._columns]
            change = _percent(before.get(lesion.name), lesion)
            name = f"{lesion.name}\n{timePoints[lesion.scan]}"
            for column, text in enumerate([name, *figures, change]):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(name)
                if column != LESION:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                self.widget.setItem(row, column, item)
        self._height.fit()


def _number(value, digits):
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(before, lesion):
    if before is None or before is lesion or math.isnan(before.longestMm) or not before.longestMm:
        return ""
    percent = 100 * (lesion.longestMm / before.longestMm - 1)
    return "–" if math.isnan(percent) else f"{percent:+.0f}"
