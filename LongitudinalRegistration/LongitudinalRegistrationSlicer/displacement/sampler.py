"""The displacement field of a result, read from its one transform.

A result takes a baseline point x to A(x + u(x)): linear parts A and grids of displacements u (see results.transforms).
All points and vectors are RAS in mm, arrays of vectors are [..., 3].
"""

import functools

import numpy as np
import slicer
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.displacement.body import bodyLattice
from LongitudinalRegistrationSlicer.results.nodes import fixedOf
from LongitudinalRegistrationSlicer.results.transform_parts import (
    gridDirections,
    gridVectors,
    isGrid,
    isLinear,
    transformParts,
)
from LongitudinalRegistrationSlicer.views.lattice import Lattice
from LongitudinalRegistrationSlicer.views.upsampling import coarsePointsOf

MOST_SAMPLES = 20000


class FrameSamples:
    """A slice view every STEP_PX pixels, each part read when it is first asked for."""

    def __init__(self, sampler, frame, withAffine, onlyBody):
        self._sampler, self._withAffine, self._onlyBody = sampler, withAffine, onlyBody
        self._points = coarsePointsOf(frame)

    @functools.cached_property
    def vectors(self):
        """The displacement [y, x, 3] in mm."""
        return self._sampler.displacement(self._points, self._withAffine)

    @functools.cached_property
    def magnitude(self):
        """The length of the displacement in mm [y, x]."""
        return np.sqrt(np.einsum("yxc,yxc->yx", self.vectors, self.vectors))

    @functools.cached_property
    def jacobian(self):
        """The Jacobian [y, x]."""
        return self._sampler.jacobian(self._points, self._withAffine)

    @functools.cached_property
    def body(self):
        """How far inside the body [y, x], 0..1; 1 everywhere where all is to be shown."""
        if not self._onlyBody:
            return np.ones(self._points.shape[:-1], np.float32)
        return self._sampler.body(self._points)


class DisplacementSampler:
    """The displacement of a result. What is read is kept until the transform changes."""

    def __init__(self, result):
        self.result = result
        self._key, self._parts, self._deforming = None, [], []
        self._body, self._percentiles, self._frames = None, {}, {}

    def problem(self):
        """Return why the displacement cannot be shown, or nothing."""
        try:
            self._read()
        except ValueError as error:
            return str(error)
        return ""

    def state(self):
        """Return what is another when the transform has changed."""
        self._read()
        return self._key

    def displacement(self, points, withAffine=False):
        """Return the displacement at points: the deformation without the affine, or the total displacement T(x) - x."""
        points = np.asarray(points, np.float64)
        self._read()
        if withAffine:
            return (_moved(points, self._parts) - points).astype(np.float32)
        if len(self._deforming) == 1:
            return self._deforming[0].sample(points)
        inverse = np.linalg.inv(_linearPart(self._deforming))
        moved = _moved(points, self._deforming) @ inverse[:3, :3].T + inverse[:3, 3]
        return (moved - points).astype(np.float32)

    def displacementAt(self, ras, withAffine=False):
        """Return the displacement at one point as three numbers."""
        return self.displacement(np.array([ras]), withAffine)[0].tolist()

    def jacobian(self, points, withAffine=False):
        """Return the determinant of the derivative at points [...]: above 1 the place expands, at 0 and below it
        folds."""
        self._read()
        found = _determinants(np.asarray(points, np.float64), self._deforming)
        return (found * np.linalg.det(_linearPart(self._parts)[:3, :3])).astype(np.float32) if withAffine else found

    def body(self, points):
        """Return how far points [..., 3] are inside the baseline's body, 0..1 [...]."""
        return self._bodyLattice().sample(np.asarray(points, np.float64))[..., 0]

    def onFrame(self, frame, withAffine=False, onlyBody=True):
        """Return the FrameSamples of a slice_overlay.Frame; those of each view's last frame are kept."""
        self._read()
        key = self._key, frame.xyToRAS.tobytes(), frame.width, frame.height, withAffine, onlyBody
        kept = self._frames.get(frame.viewName)
        if kept is None or kept[0] != key:
            kept = self._frames[frame.viewName] = key, FrameSamples(self, frame, withAffine, onlyBody)
        return kept[1]

    def percentile(self, percent, withAffine=False, ofJacobian=False):
        """Return the magnitude in mm, or the |ln Jacobian|, that so many per cent of the body stay below."""
        self._read()
        key = percent, withAffine, ofJacobian
        if key not in self._percentiles:
            lattice = self._bodyLattice()
            places = lattice.placesAbove(0.5)
            places = places[:: max(1, len(places) // MOST_SAMPLES)]
            if ofJacobian:
                values = np.abs(np.log(np.maximum(self.jacobian(places, withAffine), 1e-3)))
            else:
                values = np.linalg.norm(self.displacement(places, withAffine), axis=-1)
            self._percentiles[key] = float(np.percentile(values, percent)) if len(values) else 0.0
        return self._percentiles[key]

    def _read(self):
        parts = transformParts(self.result)
        key = tuple(_stamp(part) for part in parts)
        if key == self._key:
            return
        self._parts = [_read(part) for part in parts]
        count = max((n for n, part in enumerate(self._parts, start=1) if isinstance(part, Lattice)), default=0)
        self._deforming = self._parts[:count]
        self._key, self._percentiles = key, {}

    def _bodyLattice(self):
        if self._body is None:
            self._body = bodyLattice(fixedOf(self.result))
        return self._body


def _moved(points, parts):
    """Return where points come to by parts."""
    for part in parts:
        points = points + part.sample(points) if isinstance(part, Lattice) else points @ part[:3, :3].T + part[:3, 3]
    return points


def _determinants(points, parts):
    """Return the product of the grids' Jacobians at the points as they pass through parts."""
    found = np.ones(points.shape[:-1], np.float32)
    for index, part in enumerate(parts):
        if isinstance(part, Lattice):
            found = found * part.jacobian().sample(_moved(points, parts[:index]))[..., 0]
    return found


def _linearPart(parts):
    """Return the product of the matrices among parts."""
    matrix = np.eye(4)
    for part in parts:
        if not isinstance(part, Lattice):
            matrix = part @ matrix
    return matrix


def _stamp(part):
    grid = part.GetDisplacementGrid() if part.IsA("vtkOrientedGridTransform") else None
    return part.GetAddressAsString(""), part.GetMTime(), grid.GetMTime() if grid is not None else 0


def _read(part):
    """Return a part of a transform as a 4 x 4 matrix or a Lattice of displacements."""
    if isLinear(part):
        return slicer.util.arrayFromVTKMatrix(part.GetMatrix())
    if not isGrid(part):
        raise ValueError(_("The displacement of an inverse {kind} cannot be shown.").format(kind=part.GetClassName()))
    vectors, grid = gridVectors(part), part.GetDisplacementGrid()
    toRAS = np.eye(4)
    toRAS[:3, :3] = gridDirections(part) * grid.GetSpacing()
    toRAS[:3, 3] = grid.GetOrigin()
    return Lattice(np.ascontiguousarray(vectors, np.float32), toRAS)
