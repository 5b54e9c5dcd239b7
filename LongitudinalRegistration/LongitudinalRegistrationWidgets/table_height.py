"""Keeps a table as high as its rows, whose texts wrap, at every width that the panel has."""

import qt

TITLE_LINES, TITLE_MARGIN_PX, FRAME_PX = 2, 8, 4


class TableHeight:
    """A QTableWidget with titles of TITLE_LINES is as high as its first rows, mostRows of them; further ones scroll.

    `fit()` is for whoever has changed the content; a change of the columns' widths is noticed.
    """

    def __init__(self, table, mostRows):
        self._table, self._mostRows = table, mostRows
        # Later: while the header tells of a column, others have their earlier widths.
        self._later = qt.QTimer(table)
        self._later.setSingleShot(True)
        self._later.connect("timeout()", self.fit)
        table.horizontalHeader().connect(
            "sectionResized(int,int,int)", lambda column, before, now: self._later.start(0)
        )

    def fit(self):
        """Give rows and table the heights that the texts need."""
        table = self._table
        table.resizeRowsToContents()
        rows = sum(table.rowHeight(row) for row in range(min(table.rowCount, self._mostRows)))
        titles = TITLE_LINES * qt.QFontMetrics(table.font).lineSpacing() + TITLE_MARGIN_PX
        table.horizontalHeader().setFixedHeight(titles)
        table.setMinimumHeight(titles + rows + FRAME_PX)
        table.setMaximumHeight(titles + rows + FRAME_PX)
