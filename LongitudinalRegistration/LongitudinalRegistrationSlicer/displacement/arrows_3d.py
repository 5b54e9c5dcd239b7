"""The displacement as arrows in the 3-D views: a hidden model, from the same samples as the displays in the slices."""

import numpy as np
import slicer
import vtk
from TableRemovalSlicer.hidden_nodes import addHiddenNode, removeWithDisplays
from vtk.util.numpy_support import numpy_to_vtk

from LongitudinalRegistrationSlicer.displacement.colours import magnitudeColours
from LongitudinalRegistrationSlicer.results.nodes import fixedOf

SPACING_MM = 20.0
SHORTEST_MM = 0.5
SHAFT_RADIUS, TIP_RADIUS, TIP_LENGTH = 0.05, 0.17, 0.4
COLOURS = "Displacement colours"


class Displacement3D:
    """Arrows from baseline points to where they come, from `show` until `remove`."""

    def __init__(self, sampler):
        self._sampler, self._node, self._shown = sampler, None, None

    @property
    def node(self):
        """The model node, or None."""
        return self._node

    def show(self, largestMm, scale=1.0, withAffine=False, onlyBody=True):
        """Show the arrows, `scale` times as long as they are, coloured from 0 to largestMm; what is shown already is
        not made again."""
        wanted = self._sampler.state(), largestMm, scale, withAffine, onlyBody
        if wanted == self._shown:
            return
        self._shown = wanted
        if self._node is None:
            self._node = _addModel()
        starts, displacements = self._samples(withAffine, onlyBody)
        self._node.SetAndObservePolyData(_arrows(starts, displacements, largestMm, scale))

    def remove(self):
        """Take the arrows away."""
        removeWithDisplays(self._node)
        self._node, self._shown = None, None

    def _samples(self, withAffine, onlyBody):
        starts = _lattice(fixedOf(self._sampler.result))
        if onlyBody:
            starts = starts[self._sampler.body(starts) > 0.5]
        displacements = self._sampler.displacement(starts, withAffine)
        long = np.linalg.norm(displacements, axis=-1) >= SHORTEST_MM
        return starts[long], displacements[long]


def _lattice(volume):
    """Return points [n, 3] (RAS, mm) of a lattice that is fixed to the patient, within a volume's bounds."""
    if volume is None:
        return np.zeros((0, 3))
    bounds = np.zeros(6)
    volume.GetRASBounds(bounds)
    steps = bounds.reshape(3, 2) / SPACING_MM
    axes = [np.arange(np.ceil(low), np.floor(high) + 1) * SPACING_MM for low, high in steps]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _arrows(starts, displacements, largestMm, scale):
    """Return the arrows as poly data with their colours."""
    colours = np.uint8(np.round(magnitudeColours(np.linalg.norm(displacements, axis=-1) / largestMm)))
    points, polyData = vtk.vtkPoints(), vtk.vtkPolyData()
    arrow, glyphs = vtk.vtkArrowSource(), vtk.vtkGlyph3D()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(starts, np.float32), deep=True))
    polyData.SetPoints(points)
    vectors = numpy_to_vtk(np.ascontiguousarray(displacements, np.float32), deep=True)
    scalars = numpy_to_vtk(colours.reshape(-1, 3), deep=True)
    vectors.SetName("Displacement")
    scalars.SetName(COLOURS)
    polyData.GetPointData().SetVectors(vectors)
    polyData.GetPointData().SetScalars(scalars)
    arrow.SetShaftRadius(SHAFT_RADIUS)
    arrow.SetTipRadius(TIP_RADIUS)
    arrow.SetTipLength(TIP_LENGTH)
    glyphs.SetInputData(polyData)
    glyphs.SetSourceConnection(arrow.GetOutputPort())
    glyphs.SetVectorModeToUseVector()
    glyphs.SetScaleModeToScaleByVector()
    glyphs.SetScaleFactor(scale)
    glyphs.SetColorModeToColorByScalar()
    glyphs.Update()
    return glyphs.GetOutput()


def _addModel():
    node = addHiddenNode("vtkMRMLModelNode", "Displacement arrows")
    display = addHiddenNode("vtkMRMLModelDisplayNode", "Displacement arrows display")
    node.SetAndObserveDisplayNodeID(display.GetID())
    display.SetActiveScalarName(COLOURS)
    display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseDirectMapping)
    display.SetScalarVisibility(True)
    display.SetLighting(False)
    display.SetVisibility2D(False)
    return node
