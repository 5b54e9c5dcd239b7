"""A result in the views: which volume in which column, at which place, in which window, under which title."""

from TableRemovalSlicer.hidden_nodes import addHiddenNode, removeNode

from LongitudinalRegistrationSlicer.results.nodes import fixedOf, isResult, movingOf
from LongitudinalRegistrationSlicer.views import layout
from LongitudinalRegistrationSlicer.views.link import ViewLink
from LongitudinalRegistrationSlicer.views.view_titles import ViewTitles
from LongitudinalRegistrationSlicer.views.windows import setWindow

UNREGISTERED_ATTRIBUTE = "LongitudinalRegistration.Unregistered"


class Comparison:
    """The views of a result, or of its scans after it was removed; `remove` leaves nothing in the scene.

    arrangement: the layout.Arrangement of the views.
    """

    def __init__(self, result, arrangement, secondOrientation=layout.SECOND_ORIENTATIONS[0], keepPlace=False):
        """keepPlace: the views stay where they are; else they show the whole baseline."""
        self.result, self.arrangement = result, arrangement
        self._fixed, self._moving = fixedOf(result), movingOf(result)
        self._unregistered = _addUnregistered(self._moving)
        layout.showLayout(arrangement, secondOrientation)
        self._titles = ViewTitles(arrangement.columns)
        self._showVolumes()
        self.setWindow("Bone")
        self._links = [ViewLink(row, result, arrangement.columns) for row in layout.ROWS]
        for link in self._links:
            link.lead(layout.BASELINE) if keepPlace else link.fit()

    @property
    def unregistered(self):
        """The volume node that shows the follow-up unregistered."""
        return self._unregistered

    @property
    def hasScans(self):
        """Whether both scans are still in the scene."""
        return None not in (self._fixed.GetScene(), self._moving.GetScene())

    @property
    def titles(self):
        """What stands in the views of each column."""
        return self._titles.texts()

    def setRegistered(self, on):
        """Say in the views of the registered scan whether it is registered."""
        self._titles.setRegistered(on)

    def remove(self):
        """Take away what only the views need."""
        for link in self._links:
            link.remove()
        self._links = []
        self._titles.remove()
        removeNode(self._unregistered)
        self._unregistered = None

    def fit(self):
        """Show the whole baseline in all views."""
        for link in self._links:
            link.fit()

    def setWindow(self, name):
        """Set the window, a key of WINDOWS, of both scans."""
        for volume in (self._fixed, self._moving):
            if volume.GetScene() is not None:
                setWindow(volume, name)

    def jumpTo(self, ras):
        """Move all views to a point of the baseline (RAS, mm)."""
        for row in layout.ROWS:
            layout.sliceNode(layout.BASELINE, row).JumpSliceByCentering(*ras)

    def setSecondOrientation(self, orientation):
        """Show the second row in one of layout.SECOND_ORIENTATIONS."""
        for column in self.arrangement.columns:
            layout.sliceNode(column, 2).SetOrientation(orientation)
        self._links[-1].fit()

    def _showVolumes(self):
        shown = {
            layout.BASELINE: (self._fixed, None),
            layout.FOLLOW_UP: (self._unregistered, None),
            layout.REGISTERED: (self._moving, None),
            layout.OVERLAY: (self._fixed, self._moving),
        }
        for row in layout.ROWS:
            for column in self.arrangement.columns:
                background, foreground = shown[column]
                composite = layout.sliceLogic(column, row).GetSliceCompositeNode()
                composite.SetBackgroundVolumeID(background.GetID())
                composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
                composite.SetForegroundOpacity(0.5)
                composite.SetLabelVolumeID(None)


def canBeCompared(result):
    """Whether both scans of the result are there."""
    return isResult(result) and fixedOf(result) is not None and movingOf(result) is not None


def _addUnregistered(moving):
    """Add a hidden node, never saved, that shows the follow-up's voxels without a transform; they are not copied.

    Its name begins with what it is: the views' corners shorten names in the middle.
    """
    node = addHiddenNode("vtkMRMLScalarVolumeNode", f"Unregistered {moving.GetName()}")
    node.SetAttribute(UNREGISTERED_ATTRIBUTE, moving.GetID())
    node.CopyOrientation(moving)
    node.SetAndObserveImageData(moving.GetImageData())
    node.SetAndObserveDisplayNodeID(moving.GetDisplayNodeID())
    return node
