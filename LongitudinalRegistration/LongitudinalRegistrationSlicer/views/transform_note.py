"""The note in the views of the registered scan that its transform is off."""

from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.views.legend import Legend, drawLegend


class TransformNote:
    """A painter (see SliceOverlay) that writes into the upper left corner while `shown`."""

    def __init__(self):
        self.shown = False

    def __call__(self, frame, picture):
        return drawLegend(picture, Legend((_("Transform off"),)), left=True, top=True) if self.shown else picture
