"""The drawer that draws the displacement over a slice view as lines: arrows, a deformed grid, or iso-contours.

Arrows and grid start from a lattice that is fixed to the patient, and show the part of the displacement that lies in
the slice.
"""

import dataclasses

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LongitudinalRegistrationSlicer.displacement.colours import magnitudeColours, niceAbove
from LongitudinalRegistrationSlicer.displacement.display import DisplacementDisplay
from LongitudinalRegistrationSlicer.views.legend import Legend
from LongitudinalRegistrationSlicer.views.slice_overlay import Lines
from LongitudinalRegistrationSlicer.views.upsampling import STEP_PX, pointsOf

ARROWS, GRID, CONTOURS = "Arrows", "Grid", "Iso-contours"
MODES = (ARROWS, GRID, CONTOURS)
ARROW_SPACING_PX, GRID_SPACING_PX = 22, 20
SHORTEST_PX, HEAD_SHARE, LONGEST_HEAD_PX, HEAD_ANGLE = 1.0, 0.4, 7.0, np.deg2rad(28)
INK, HALO = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
INK_PX, HALO_PX = 1.5, 3.5
LEVELS = 5


@dataclasses.dataclass
class DisplacementDrawer(DisplacementDisplay):
    """mode: one of MODES; scale: how many times as long as they are arrows and the grid's bending are drawn."""

    mode: str = ARROWS
    scale: float = 1.0

    def __call__(self, frame):
        """Return the Lines over a slice_overlay.Frame."""
        if frame.background is None:
            return []
        if self.mode == CONTOURS:
            return self._contours(frame)
        points = self._arrows(frame) if self.mode == ARROWS else self._grid(frame)
        return [Lines(points, HALO, HALO_PX), Lines(points, INK, INK_PX)]

    def legend(self):
        """Return the Legend: the levels of iso-contours, or how much longer than they are the lines are; or None."""
        if self.mode != CONTOURS:
            return Legend((f"{self.mode} x {self.scale:g}",), top=True) if self.scale != 1 else None
        levels = self.levels()
        names = tuple(
            (tuple(map(int, colour)), f"{level:g} mm")
            for level, colour in zip(levels, self._levelColours(levels), strict=True)
        )
        return Legend(("Contours",), patches=names, top=True)

    def levels(self):
        """Return the levels of the iso-contours in mm: a nice step, its double, and so on."""
        step = niceAbove(self.highest() / LEVELS)
        return [step * n for n in range(1, LEVELS + 1)]

    def _arrows(self, frame):
        xs, ys = (latticePx(frame, axis, ARROW_SPACING_PX) for axis in (0, 1))
        start = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        vector = self._inPlane(frame, start)
        length = np.linalg.norm(vector, axis=-1)
        shown = self._inBody(frame, start) & (length > SHORTEST_PX)
        start, vector, length = start[shown], vector[shown], length[shown, None]
        tip = start + vector
        back = -vector * np.minimum(HEAD_SHARE, LONGEST_HEAD_PX / length)
        wings = [tip + back @ _rotation(sign * HEAD_ANGLE) for sign in (1, -1)]
        return np.concatenate([np.stack([start, tip], axis=1), *(np.stack([tip, wing], axis=1) for wing in wings)])

    def _grid(self, frame):
        places = [latticePx(frame, axis, GRID_SPACING_PX) for axis in (0, 1)]
        across = np.arange(0, frame.width + STEP_PX, STEP_PX), np.arange(0, frame.height + STEP_PX, STEP_PX)
        rows = np.stack(np.meshgrid(across[0], places[1]), axis=-1)
        columns = np.stack(np.meshgrid(across[1], places[0])[::-1], axis=-1)
        return np.concatenate([self._bent(frame, line) for line in (rows, columns)])

    def _bent(self, frame, lines):
        """Return the segments of lines [n, m, 2], displaced."""
        bent = lines + self._inPlane(frame, lines)
        body = self._inBody(frame, lines)
        shown = body[:, 1:] & body[:, :-1]
        return np.stack([bent[:, :-1], bent[:, 1:]], axis=2)[shown]

    def _contours(self, frame):
        samples = self.samples(frame)
        image, filtered = vtk.vtkImageData(), vtk.vtkFlyingEdges2D()
        rows, columns = samples.magnitude.shape
        image.SetDimensions(columns, rows, 1)
        image.SetSpacing(STEP_PX, STEP_PX, 1)
        values = np.ascontiguousarray(samples.magnitude)
        image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
        filtered.SetInputData(image)
        levels = self.levels()
        drawn = []
        for level, colour in zip(levels, self._levelColours(levels), strict=True):
            filtered.SetValue(0, level)
            filtered.Update()
            points = _segments(filtered.GetOutput())
            x, y = (points.mean(axis=1) / STEP_PX).round().astype(np.intp).T
            points = points[samples.body[y, x] > 0.5]
            drawn += [Lines(points, HALO, HALO_PX), Lines(points, tuple(colour / 255), INK_PX)]
        return drawn

    def _levelColours(self, levels):
        return magnitudeColours(np.linspace(0.4, 1, len(levels), dtype=np.float32))

    def _inPlane(self, frame, pixels):
        """Return the displacement [..., 2] in pixels of the view, times the scale."""
        vectors = self.sampler.displacement(pointsOf(frame, pixels[..., 0], pixels[..., 1]), self.withAffine)
        axes = frame.xyToRAS[:3, :2]
        return vectors @ (axes / np.sum(axes**2, axis=0)) * self.scale

    def _inBody(self, frame, pixels):
        if not self.onlyBody:
            return np.ones(pixels.shape[:-1], bool)
        return self.sampler.body(pointsOf(frame, pixels[..., 0], pixels[..., 1])) > 0.5


def latticePx(frame, axis, leastPx):
    """Return the pixels along an axis (0: x, 1: y) of a lattice that is fixed to the patient, at least so far apart."""
    pixelMm = np.linalg.norm(frame.xyToRAS[:3, axis])
    spacingMm = niceAbove(leastPx * pixelMm)
    first = frame.xyToRAS[:3, axis] / pixelMm @ frame.xyToRAS[:3, 3]
    last = first + (frame.width, frame.height)[axis] * pixelMm
    along = np.arange(np.ceil(first / spacingMm), np.floor(last / spacingMm) + 1) * spacingMm
    return (along - first) / pixelMm


def _rotation(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _segments(polyData):
    if polyData.GetNumberOfLines() == 0:
        return np.zeros((0, 2, 2), np.float32)
    places = vtk_to_numpy(polyData.GetPoints().GetData())[:, :2]
    return places[vtk_to_numpy(polyData.GetLines().GetConnectivityArray()).reshape(-1, 2)]
