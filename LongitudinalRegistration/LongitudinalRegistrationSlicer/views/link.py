"""Links the views of a row: same position in the patient, the unregistered follow-up at the transformed position."""

import contextlib

import numpy as np
import slicer
import vtk

from LongitudinalRegistrationSlicer.views.layout import COLUMNS, FOLLOW_UP, sliceNode


class ViewLink:
    """The link of one row of the comparison: scroll, pan or zoom one view, and the others follow."""

    def __init__(self, row, result):
        self._result = result
        self._nodes = {column: sliceNode(column, row) for column in COLUMNS}
        self._busy = False
        event = vtk.vtkCommand.ModifiedEvent
        self._observations = [(node, node.AddObserver(event, self._onModified)) for node in self._nodes.values()]

    def remove(self):
        """Leave the views where they are, each by itself."""
        for node, tag in self._observations:
            node.RemoveObserver(tag)
        self._observations = []

    def lead(self, column):
        """Move the other views of the row to where the column's view is."""
        if self._busy or self._result.GetScene() is None:
            return
        leader = self._nodes[column]
        with self._leading():
            placed = _Place(leader).moved(self._result, column == FOLLOW_UP, False)
            for other, node in self._nodes.items():
                if other != column:
                    placed.moved(self._result, False, other == FOLLOW_UP).applyTo(node)

    def _onModified(self, caller, event):
        column = next((name for name, node in self._nodes.items() if node is caller), None)
        if column is not None:
            self.lead(column)

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
        self.mmPerPixel = node.GetFieldOfView()[0] / max(node.GetDimensions()[0], 1)
        self.origin = node.GetXYZOrigin()

    def moved(self, result, toFixed, toMoving):
        """Return the place on the other side of the transform, or itself where neither is asked for."""
        if toFixed or toMoving:
            through = result.GetTransformToParent() if toFixed else result.GetTransformFromParent()
            place = _Place.__new__(_Place)
            place.toRAS, place.mmPerPixel, place.origin = self.toRAS.copy(), self.mmPerPixel, self.origin
            place.toRAS[:3, 3] = through.TransformPoint(self.toRAS[:3, 3])
            return place
        return self

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
