"""What a view shows, as text in its upper left corner: its label in the bar has room for two letters only."""

from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.views.corner_text import CornerText
from LongitudinalRegistrationSlicer.views.layout import BASELINE, FOLLOW_UP, REGISTERED, ROWS, viewName

FONT_PX = 15


class ViewTitles:
    """The titles of the views of some columns, from now until `remove`."""

    def __init__(self, columns):
        self._titles = {
            column: [CornerText(viewName(column, row), FONT_PX, bold=True) for row in ROWS] for column in columns
        }
        self.setRegistered(True)

    def setRegistered(self, on):
        """Say in the views of the registered scan whether it is registered."""
        for column, titles in self._titles.items():
            for title in titles:
                title.setText(_text(column, on))

    def texts(self):
        """Return what stands in the views of each column."""
        return {column: titles[0].text for column, titles in self._titles.items()}

    def remove(self):
        """Take the titles away."""
        for titles in self._titles.values():
            for title in titles:
                title.remove()
        self._titles = {}


def _text(column, registered):
    if column == BASELINE:
        return _("Baseline")
    if column == FOLLOW_UP:
        return _("Follow-up as scanned")
    if column == REGISTERED:
        return _("Follow-up registered") if registered else _("Follow-up unregistered")
    return _("Overlay") if registered else _("Overlay, unregistered")
