"""The words in the views of the registered scan that tell when its transform is off."""

from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.displacement_legend import Legend, drawLegend
from LongitudinalRegistrationSlicer.results import transformIsOn


class TransformNote:
    """A painter (see SliceOverlay) that writes into the upper left corner while the follow-up lies where it was
    scanned."""

    def __init__(self, result):
        self._result = result

    @property
    def isShown(self):
        """Whether there is something to tell."""
        return not transformIsOn(self._result)

    def __call__(self, frame, picture):
        return drawLegend(picture, Legend((_("Transform off"),)), left=True, top=True) if self.isShown else picture
