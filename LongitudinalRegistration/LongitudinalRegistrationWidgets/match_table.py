"""The table that shows which label of the follow-up is which of the baseline, and lets the user change it."""

import qt
from LongitudinalRegistrationSlicer.vertebrae.label_matching import (
    BY_HAND,
    BY_NAME,
    NUMBERINGS,
    matchesFromText,
    matchesToText,
    rematched,
)
from slicer.i18n import tr as _

NAME, BASELINE, FOLLOW_UP, HOW = range(4)
ALONE_COLOUR, TEXT_COLOUR = "#fff1b8", "#111111"


class MatchTable:
    """A QTableWidget (`widget`) of LabelMatches; `onChanged(text)` is called when the user has changed one, with what
    `setLabels` takes."""

    def __init__(self, onChanged=None):
        self._matches, self._onChanged = (), onChanged
        self._refill = qt.QTimer()
        self._refill.setSingleShot(True)
        self._refill.connect("timeout()", self._fill)
        self.widget = qt.QTableWidget()
        self.widget.setColumnCount(4)
        self.widget.setHorizontalHeaderLabels([_("Vertebra"), _("Baseline"), _("Follow-up"), _("By")])
        self.widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.widget.setSelectionMode(qt.QAbstractItemView.NoSelection)
        self.widget.verticalHeader().setVisible(False)
        self.widget.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        self.widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        self.widget.horizontalHeader().setMinimumSectionSize(20)
        self.widget.horizontalHeader().setSectionResizeMode(HOW, qt.QHeaderView.Stretch)

    def setLabels(self, fixedLabels, movingLabels, text=""):
        """Show the matches of two label nodes (each may be None), as a text keeps them; "": as they are found."""
        self._matches = matchesFromText(text, fixedLabels, movingLabels)
        self._fill()

    def _fill(self):
        self.widget.setRowCount(0)
        self.widget.setRowCount(len(self._matches))
        choices = [match.moving for match in self._matches if match.moving]
        for row, match in enumerate(self._matches):
            alone = match.fixed is None or match.moving is None
            self._setText(row, NAME, match.name, alone)
            self._setText(row, BASELINE, _labelText(match.fixed), match.fixed is None)
            if match.fixed is None:
                self._setText(row, FOLLOW_UP, _labelText(match.moving), False)
            else:
                self.widget.setCellWidget(row, FOLLOW_UP, self._makeChoice(row, match, choices))
            self._setText(row, HOW, _howText(match), alone)

    def _setText(self, row, column, text, marked):
        item = qt.QTableWidgetItem(text)
        item.setToolTip(text)
        if marked:
            item.setBackground(qt.QBrush(qt.QColor(ALONE_COLOUR)))
            item.setForeground(qt.QBrush(qt.QColor(TEXT_COLOUR)))
        self.widget.setItem(row, column, item)

    def _makeChoice(self, row, match, choices):
        box = qt.QComboBox()
        box.addItem(_("(none)"))
        for label in choices:
            box.addItem(_labelText(label))
        box.setCurrentIndex(choices.index(match.moving) + 1 if match.moving else 0)
        box.toolTip = _("The follow-up's label that matches {name} of the baseline.").format(name=match.name)
        box.setFocusPolicy(qt.Qt.StrongFocus)
        box.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        ids = [None, *(label.id for label in choices)]
        box.connect("activated(int)", lambda index: self._choose(row, ids[index]))
        return box

    def _choose(self, row, movingId):
        self._matches = rematched(self._matches, row, movingId)
        self._refill.start(0)
        if self._onChanged is not None:
            self._onChanged(matchesToText(self._matches))


def _labelText(label):
    """Return what a label is called in its own node."""
    if label is None:
        return _("(missing)")
    return str(label.id) if isinstance(label.id, int) else label.name


def _howText(match):
    if match.fixed is None:
        return _("follow-up only")
    if match.moving is None:
        return _("baseline only")
    texts = {BY_NAME: _("name"), BY_HAND: _("manual")}
    texts.update({scheme: _("{scheme} number").format(scheme=scheme) for scheme in NUMBERINGS})
    return ", ".join(texts.get(how, how) for how in match.how.split(", "))
