"""A result in the views: which volume in which column, at which place, in which window; the transform on or off."""

from TableRemovalSlicer.hidden_nodes import addHiddenNode, removeNode

from LongitudinalRegistrationSlicer.results.nodes import fixedOf, isResult, movingOf
from LongitudinalRegistrationSlicer.views import layout
from LongitudinalRegistrationSlicer.views.link import ViewLink
from LongitudinalRegistrationSlicer.views.windows import setWindow

UNREGISTERED_ATTRIBUTE = "LongitudinalRegistration.Unregistered"


class Comparison:
    """The views of a result as long as it is shown; `remove` leaves nothing in the scene."""

    def __init__(self, result, secondOrientation=layout.SECOND_ORIENTATIONS[0], with3D=False, keepPlace=False):
        """keepPlace: the views stay where they are; else they show the whole baseline."""
        self.result = result
        self._unregistered = _addUnregistered(movingOf(result))
        layout.showLayout(secondOrientation, with3D)
        self._showVolumes()
        self.setWindow("Bone")
        if not keepPlace:
            self.fit()
        self._links = [ViewLink(row, result) for row in layout.ROWS]
        for link in self._links:
            link.lead(layout.BASELINE)

    @property
    def unregistered(self):
        """The volume node that shows the follow-up unregistered."""
        return self._unregistered

    def remove(self):
        """Take away what only the views need."""
        for link in self._links:
            link.remove()
        self._links = []
        removeNode(self._unregistered)
        self._unregistered = None

    def fit(self):
        """Show the whole baseline in all views."""
        for row in layout.ROWS:
            layout.sliceLogic(layout.BASELINE, row).FitSliceToBackground()

    def setWindow(self, name):
        """Set the window, a key of WINDOWS, of both scans."""
        for volume in (fixedOf(self.result), movingOf(self.result)):
            if volume is not None:
                setWindow(volume, name)

    def jumpTo(self, ras):
        """Move all views to a point of the baseline (RAS, mm)."""
        for row in layout.ROWS:
            layout.sliceNode(layout.BASELINE, row).JumpSliceByCentering(*ras)

    def setSecondOrientation(self, orientation):
        """Show the second row in one of layout.SECOND_ORIENTATIONS."""
        for column in layout.COLUMNS:
            layout.sliceNode(column, 2).SetOrientation(orientation)
        layout.sliceLogic(layout.BASELINE, 2).FitSliceToBackground()

    def _showVolumes(self):
        fixed, moving = fixedOf(self.result), movingOf(self.result)
        shown = {
            layout.BASELINE: (fixed, None),
            layout.FOLLOW_UP: (self._unregistered, None),
            layout.REGISTERED: (moving, None),
            layout.OVERLAY: (fixed, moving),
        }
        for row in layout.ROWS:
            for column, (background, foreground) in shown.items():
                composite = layout.sliceLogic(column, row).GetSliceCompositeNode()
                composite.SetBackgroundVolumeID(background.GetID())
                composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
                composite.SetForegroundOpacity(0.5)
                composite.SetLabelVolumeID(None)


def canBeCompared(result):
    """Whether both scans of the result are there."""
    return isResult(result) and fixedOf(result) is not None and movingOf(result) is not None


def _addUnregistered(moving):
    """Add a hidden node, never saved, that shows the follow-up's voxels without a transform; they are not copied."""
    node = addHiddenNode("vtkMRMLScalarVolumeNode", f"{moving.GetName()} unregistered")
    node.SetAttribute(UNREGISTERED_ATTRIBUTE, moving.GetID())
    node.CopyOrientation(moving)
    node.SetAndObserveImageData(moving.GetImageData())
    node.SetAndObserveDisplayNodeID(moving.GetDisplayNodeID())
    return node
