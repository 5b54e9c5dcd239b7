"""Shapes of the scene: signed distances in numbers that the renderer reads.

A structure is a tissue region made of shapes (union, smooth where asked; a shape may also cut). Structures are painted
in the order in which they are added. All lengths are mm of an average patient; ``Scene`` multiplies by the scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

ELLIPSOID, CONE, SWEEP, BODY, PLATE = range(5)
CLIP_CAVITY, CLIP_DIAPHRAGM, CLIP_LABEL = 1, 2, 4
NO_GAS = -1e4

# Columns of a row of the table of shapes
SHAPE_COLUMNS = 24
KIND, STRUCTURE, CUT, PART = range(4)

# Columns of a row of the table of structures
STRUCTURE_COLUMNS = 11
HU, RIM_HU, RIM_MM, TEXTURE, ROUGH_MM, BLEND_MM, CLIP, LABEL, GAS_Y, STOOL, LESION = range(STRUCTURE_COLUMNS)


class Scene:
    """Collects structures and shapes; ``tables()`` gives the arrays for the renderer."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._structures: list[np.ndarray] = []
        self._shapes: list[np.ndarray] = []
        self._boxes: list[np.ndarray] = []

    def structure(
        self,
        hu: float,
        *,
        rim_hu: float = 0.0,
        rim_mm: float = 0.0,
        texture: float = 0.0,
        rough_mm: float = 0.0,
        blend_mm: float = 0.0,
        clip: int = 0,
        label: int = 0,
        gas_y: float = NO_GAS,
        stool: float = 0.0,
        lesion: int = 0,
    ) -> None:
        """Open a structure; shapes added from now on belong to it.

        Parameters
        ----------
        hu
            Inside.
        rim_hu, rim_mm
            HU and thickness of an outer layer; 0 mm: none.
        texture
            Standard deviation of the fine texture, HU.
        rough_mm
            How far the surface leaves its shape, standard deviation.
        blend_mm
            Within which shapes of the structure melt into each other.
        clip
            Sum of CLIP_CAVITY, CLIP_DIAPHRAGM and CLIP_LABEL: what the structure does not leave.
        label
            VerSe number of the vertebra; 0 none.
        gas_y
            y, mm, above which (against gravity) the inside is gas.
        stool
            HU that bubbles take away, for each standard deviation of the textures.
        lesion
            1 sclerotic, 2 lytic, 0 none.
        """
        s = self._scale
        row = [hu, rim_hu, rim_mm, texture, rough_mm, blend_mm * s, clip, label, gas_y * s, stool, lesion]
        self._structures.append(np.array(row, dtype=float))

    def ellipsoid(
        self,
        centre: ArrayLike,
        radii: Sequence[float] | np.ndarray,
        frame: np.ndarray | None = None,
        cut: bool = False,
        part: int = 0,
    ) -> None:
        """Add an ellipsoid.

        Parameters
        ----------
        centre
            (3,), x, y, z, mm.
        radii
            (3,), semi-axes along the columns of the frame, mm.
        frame
            (3, 3), unit vectors as columns; None: x, y, z.
        cut
            Whether the shape is taken away from its structure.
        part
            Part of a vertebra: 1 body, 2 processes, 0 neither.
        """
        self._framed(ELLIPSOID, centre, radii, frame, radii, cut, part)

    def body(self, centre: ArrayLike, half_sizes: Sequence[float], frame: np.ndarray | None) -> None:
        """Add a vertebral body: a waisted cylinder of kidney-shaped section.

        Parameters
        ----------
        centre
            (3,), x, y, z, mm.
        half_sizes
            Towards left, back and up, mm.
        frame
            (3, 3), unit vectors to left, back and up as columns; None: x, y, z.
        """
        self._framed(BODY, centre, half_sizes, frame, half_sizes, False, 1)

    def plate(
        self,
        centre: ArrayLike,
        half_sizes: Sequence[float],
        frame: np.ndarray | None,
        bend: tuple[float, float] = (0.0, 0.0),
        taper: float = 0.0,
        edge_mm: float = 0.0,
    ) -> None:
        """Add a bent plate of elliptical outline.

        Parameters
        ----------
        centre
            (3,), x, y, z, mm.
        half_sizes
            (u, v, thickness) along the frame's columns, mm.
        frame
            (3, 3), unit vectors u, v, n as columns; None: x, y, z.
        bend
            The plate's middle is n = bend[0] u^2 + bend[1] v^2, 1/mm.
        taper
            Narrows u towards negative v, as a share.
        edge_mm
            Thickens the outline's edge.
        """
        u, v, thickness = half_sizes
        deep = abs(bend[0]) * u * u + abs(bend[1]) * v * v + thickness + edge_mm
        wide = u * (1.0 + abs(taper))
        values = (u, v, thickness, bend[0] / self._scale**2, bend[1] / self._scale**2, 0.0, edge_mm)
        self._framed(PLATE, centre, values, frame, (wide, v, deep), False, 2)
        self._shapes[-1][16 + 5] = taper

    def cone(
        self,
        start: ArrayLike,
        end: ArrayLike,
        radius: float,
        end_radius: float | None = None,
        z_scale: float = 1.0,
        cut: bool = False,
        part: int = 2,
    ) -> None:
        """Add a rounded cone.

        Parameters
        ----------
        start, end
            (3,), x, y, z of the middles of its ends, mm.
        radius, end_radius
            mm; None: the same at both ends.
        z_scale
            Less than 1 makes its section taller than wide.
        cut
            Whether the shape is taken away from its structure.
        part
            Part of a vertebra: 1 body, 2 processes, 0 neither.
        """
        s = self._scale
        end_radius = radius if end_radius is None else end_radius
        a, b = np.asarray(start, dtype=float) * s, np.asarray(end, dtype=float) * s
        row = self._row(CONE, cut, part)
        row[4:7], row[7:10] = a, b
        row[10:13] = radius * s, end_radius * s, z_scale
        reach = max(radius, end_radius) * s * np.array([1.0, 1.0, 1.0 / z_scale])
        self._push(row, np.minimum(a, b) - reach, np.maximum(a, b) + reach)

    def tube(
        self, points: Sequence[ArrayLike] | np.ndarray, radii: ArrayLike, z_scale: float = 1.0, part: int = 2
    ) -> None:
        """Add a chain of rounded cones.

        Parameters
        ----------
        points
            (n, 3), x, y, z, mm.
        radii
            (n,), or one for all, mm.
        z_scale
            Less than 1 makes the section taller than wide.
        part
            As in ellipsoid.
        """
        radii = np.broadcast_to(radii, len(points))
        for n in range(len(points) - 1):
            self.cone(points[n], points[n + 1], radii[n], radii[n + 1], z_scale, part=part)

    def sweep(self, rows: ArrayLike) -> None:
        """Upright column with elliptical axial sections: rows of (z, x, y, radius x, radius y), z increasing."""
        s = self._scale
        rows = np.asarray(rows, dtype=float) * s
        for (z0, x0, y0, rx0, ry0), (z1, x1, y1, rx1, ry1) in zip(rows[:-1], rows[1:], strict=True):
            row = self._row(SWEEP, False, 2)
            row[4:14] = z0, z1, x0, y0, x1, y1, rx0, ry0, rx1, ry1
            low = np.array([min(x0 - rx0, x1 - rx1), min(y0 - ry0, y1 - ry1), z0])
            high = np.array([max(x0 + rx0, x1 + rx1), max(y0 + ry0, y1 + ry1), z1])
            self._push(row, low, high)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give what was collected, as the renderer reads it.

        Returns
        -------
        shapes
            (n, 24), float64.
        boxes
            (n, 6), float64, around the shapes: lowest and highest x, y, z, mm.
        structures
            (m, 11), float64.
        """
        return np.array(self._shapes), np.array(self._boxes), np.array(self._structures)

    def _row(self, kind: int, cut: bool, part: int) -> np.ndarray:
        row = np.zeros(SHAPE_COLUMNS)
        row[KIND], row[STRUCTURE], row[CUT], row[PART] = kind, len(self._structures) - 1, float(cut), part
        return row

    def _framed(
        self,
        kind: int,
        centre: ArrayLike,
        values: Sequence[float] | np.ndarray,
        frame: np.ndarray | None,
        half_sizes: Sequence[float] | np.ndarray,
        cut: bool,
        part: int,
    ) -> None:
        frame = np.eye(3) if frame is None else np.asarray(frame, dtype=float)
        row = self._row(kind, cut, part)
        centre = np.asarray(centre, dtype=float) * self._scale
        row[4:7], row[7:16] = centre, frame.T.ravel()
        row[16 : 16 + len(values)] = np.asarray(values, dtype=float) * self._scale
        reach = np.abs(frame) @ (np.asarray(half_sizes, dtype=float) * self._scale)
        self._push(row, centre - reach, centre + reach)

    def _push(self, row: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        grow = 2.0 + self._structures[-1][ROUGH_MM] * 3.0 + 0.3 * self._structures[-1][BLEND_MM]
        self._shapes.append(row)
        self._boxes.append(np.concatenate([low - grow, high + grow]))


def frame_from(u: ArrayLike, v: ArrayLike) -> np.ndarray:
    """Make a right-handed frame of unit vectors.

    Parameters
    ----------
    u
        (3,), direction of the first column.
    v
        (3,), of which the part at right angles to u is the second column's direction.

    Returns
    -------
    numpy.ndarray
        (3, 3), float64.

    Examples
    --------
    >>> frame_from((2, 0, 0), (1, 3, 0)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    first, second = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    first = first / np.linalg.norm(first)
    second = second - np.dot(second, first) * first
    second = second / np.linalg.norm(second)
    return np.column_stack([first, second, np.cross(first, second)])


def smooth_curve(points: ArrayLike, step_mm: float) -> np.ndarray:
    """Follow a smooth curve through points at even steps.

    Parameters
    ----------
    points
        (n, 3), mm; a repeated point counts once.
    step_mm
        Along the curve, at most.

    Returns
    -------
    numpy.ndarray
        (m, 3), float64, mm, with both ends.
    """
    points = np.asarray(points, dtype=float)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    moves = steps > 1e-6
    points = points[np.concatenate([[True], moves])]
    length = np.concatenate([[0.0], np.cumsum(steps[moves])])
    count = max(2, int(np.ceil(length[-1] / step_mm)) + 1)
    return CubicSpline(length, points)(np.linspace(0.0, length[-1], count))
