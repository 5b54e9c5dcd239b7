"""Links the views of a row: same position in the patient, the unregistered follow-up at the transformed position."""

import contextlib

import numpy as np
import slicer
import vtk

from LongitudinalRegistrationSlicer.views.layout import BASELINE, FOLLOW_UP, sliceLogic, sliceNode


class ViewLink:
    """The link of one row of the comparison: scroll, pan or zoom one view, and the others follow.

    A view that was given another size zooms nobody: it takes the baseline's scale. Views have no size until the
    application has laid them out: what `fit` has shown whole is shown whole again when the baseline's view gets another
    size, until somebody zooms. columns: those of layout.COLUMNS that are shown, the baseline among them.
    """

    def __init__(self, row, result, columns):
        self._row, self._result = row, result
        self._nodes = {column: sliceNode(column, row) for column in columns}
        self._sizes = {column: node.GetDimensions() for column, node in self._nodes.items()}
        self._busy, self._fittedScale = False, None
        event = vtk.vtkCommand.ModifiedEvent
        self._observations = [(node, node.AddObserver(event, self._onModified)) for node in self._nodes.values()]

    def remove(self):
        """Leave the views where they are, each by itself."""
        for node, tag in self._observations:
            node.RemoveObserver(tag)
        self._observations = []

    def fit(self):
        """Show the whole baseline in all views of the row."""
        sliceLogic(BASELINE, self._row).FitSliceToBackground()
        self._fittedScale = _mmPerPixel(self._nodes[BASELINE])
        self.lead(BASELINE)

    def lead(self, column):
        """Move the other views of the row to where the column's view is."""
        if self._busy:
            return
        leader = self._nodes[column]
        with self._leading():
            placed = _Place(leader)
            if column == FOLLOW_UP:
                placed = placed.moved(self._toBaseline())
            for other, node in self._nodes.items():
                if other != column:
                    (placed.moved(self._toFollowUp()) if other == FOLLOW_UP else placed).applyTo(node)

    def _toBaseline(self):
        return self._result.GetTransformToParent() if self._result.GetScene() is not None else vtk.vtkTransform()

    def _toFollowUp(self):
        return self._result.GetTransformFromParent() if self._result.GetScene() is not None else vtk.vtkTransform()

    def _onModified(self, caller, event):
        column = next((name for name, node in self._nodes.items() if node is caller), None)
        if column is None:
            return
        self._updateMatrices()
        wasResized = caller.GetDimensions() != self._sizes[column]
        self._sizes[column] = caller.GetDimensions()
        if wasResized:
            self._onResized(column)
        elif not self._busy:
            if self._fittedScale is not None and not np.isclose(_mmPerPixel(caller), self._fittedScale):
                self._fittedScale = None
            self.lead(column)

    def _updateMatrices(self):
        """Bring the views' matrices up to date with their fields of view.

        A node that is changed in the event of its own matrices' update keeps the old ones; an outer event follows.
        """
        if not self._busy:
            with self._leading():
                for node in self._nodes.values():
                    node.UpdateMatrices()

    def _onResized(self, column):
        if self._busy:
            return
        if self._fittedScale is not None and column == BASELINE:
            with self._leading():
                _showWhole(sliceLogic(BASELINE, self._row))
            self._fittedScale = _mmPerPixel(self._nodes[BASELINE])
        self.lead(BASELINE)

    @contextlib.contextmanager
    def _leading(self):
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


class _Place:
    """Where a slice view is: orientation and centre (4 x 4, RAS), mm a pixel, how far it is panned (mm)."""

    def __init__(self, node):
        self.toRAS = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        self.mmPerPixel = _mmPerPixel(node)
        self.origin = node.GetXYZOrigin()

    def moved(self, through):
        """Return the place whose centre a transform has moved."""
        place = _Place.__new__(_Place)
        place.toRAS, place.mmPerPixel, place.origin = self.toRAS.copy(), self.mmPerPixel, self.origin
        place.toRAS[:3, 3] = through.TransformPoint(self.toRAS[:3, 3])
        return place

    def applyTo(self, node):
        """Bring a slice node here, where it is not here yet."""
        width, height = node.GetDimensions()[:2]
        with slicer.util.NodeModify(node):
            if not np.allclose(slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()), self.toRAS, atol=1e-6):
                node.GetSliceToRAS().DeepCopy(self.toRAS.ravel())
                node.UpdateMatrices()
            fieldOfView = (width * self.mmPerPixel, height * self.mmPerPixel, node.GetFieldOfView()[2])
            if not np.allclose(node.GetFieldOfView(), fieldOfView, rtol=1e-6):
                node.SetFieldOfView(*fieldOfView)
            if node.GetXYZOrigin() != self.origin:
                node.SetXYZOrigin(*self.origin)


def _mmPerPixel(node):
    return node.GetFieldOfView()[0] / max(node.GetDimensions()[0], 1)


def _showWhole(logic):
    """Have a view show its background as large as it fits, and stay where it is."""
    node, size, centre = logic.GetSliceNode(), np.zeros(3), np.zeros(3)
    volume = slicer.mrmlScene.GetNodeByID(logic.GetSliceCompositeNode().GetBackgroundVolumeID() or "")
    width, height = node.GetDimensions()[:2]
    if volume is None or min(width, height) < 1:
        return
    logic.GetVolumeSliceDimensions(volume, size, centre)
    mmPerPixel = max(size[0] / width, size[1] / height)
    node.SetFieldOfView(width * mmPerPixel, height * mmPerPixel, node.GetFieldOfView()[2])
