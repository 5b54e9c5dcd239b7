"""A scan made ready for registration, once, when it is chosen: its body, and the scan from 2 to 16 mm voxels.

Everything that a registration does between the click and the picture is done on these levels. Each is blurred by a
Gaussian of half its voxels (binomial steps from the first level on), which is how the network was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from ..system.parallel import over_slices
from .body import SOLID_HU, find_mask
from .decimate import decimated
from .geometry import linear_matrix, voxel_matrix
from .grid import Grid, body_bounds, grid_from
from .kernels import (
    Window,
    all_of_eight_slices,
    blur_slices,
    contrast_slices,
    halve_slices,
    nearest_slices,
    running_mean_slices,
    sample_slices,
    window_slices,
)
from .normalise import ceiling_hu, normalise

FINEST_MM = 2.0
SPACINGS_MM = (2.0, 4.0, 8.0, 16.0)
BLOCK_MM = 64.0
SPARED_MM = 4.0
WINDOW_HU = (-1000.0, -200.0, 400.0)
"""Shown as -0.5, 0 and 1, linear between: lung's texture is seen, and takes nothing from that of soft tissue."""
FLAT_DEVIATION = 0.04


@dataclass(frozen=True)
class Level:
    """A scan without table on isotropic voxels along the LPS axes.

    values: HU, float32; body: uint8, 1 where any of the patient is; seen: uint8, 1 where the scan has data; all
    [k, j, i] on the grid.
    """

    grid: Grid
    values: np.ndarray
    body: np.ndarray
    seen: np.ndarray

    @cached_property
    def active(self) -> np.ndarray:
        """1 in the body and two voxels of what is around it, where the scan has data; uint8."""
        return (binary_dilation(self.body, iterations=2) & (self.seen > 0)).astype(np.uint8)

    @cached_property
    def channels(self) -> np.ndarray:
        """[k, j, i, 2]: the windowed scan (see WINDOW_HU), and that freed of local mean and contrast."""
        shown = np.empty_like(self.values)
        window = Window(*(np.float32(value) for value in WINDOW_HU))
        over_slices(window_slices, self.values, window, shown, slices=shown.shape[0])
        mean, square = (_blurred(_blurred(halved(x))) for x in (shown, shown * shown))
        out = np.empty((*self.values.shape, 2), np.float32)
        over_slices(contrast_slices, shown, mean, square, np.float32(FLAT_DEVIATION), out, slices=out.shape[0])
        return out

    @property
    def solid(self) -> np.ndarray:
        """The windowed scan without what is in lungs, which breathing moves: 0 below -200 HU, 1 from 400 HU on."""
        return np.maximum(self.channels[..., 0], 0)


@dataclass(frozen=True)
class ScanPyramid:
    """A scan ready for registration.

    image: as it came, HU; mask: its body, uint8, on the scan's grid; levels: by voxel size, mm; ceiling: HU that is 1
    to the network; bounds: corners of the body, LPS mm.
    """

    image: sitk.Image
    mask: sitk.Image
    table_removal: bool
    levels: dict[float, Level]
    ceiling: float
    bounds: tuple[np.ndarray, np.ndarray]

    @property
    def centre(self) -> np.ndarray:
        """Middle of the body's box, LPS mm."""
        return (self.bounds[0] + self.bounds[1]) / 2

    @cached_property
    def means(self) -> np.ndarray:
        """What voxels of 4 mm hold to the network, wherever they lie: see running_mean; HU, on the finest level."""
        return running_mean(self.levels[FINEST_MM].values)

    def without_levels(self) -> ScanPyramid:
        """The same scan with the bodies of its levels alone, which is what a registration is scored with."""
        nothing = np.empty((0, 0, 0), np.float32)
        return replace(self, levels={step: replace(each, values=nothing) for step, each in self.levels.items()})

    def normalised(self, spacing_mm: float) -> np.ndarray:
        """Give the scan on a level's grid as the network was trained to see it: voxels of 4 mm are means of eight.

        The level itself was blurred before, so that a gradient is that of its voxels.

        Parameters
        ----------
        spacing_mm
            Which level: 2 or 4 mm.

        Returns
        -------
        numpy.ndarray
            [k, j, i], float32, [0, 1], 0 where the scan has no data.
        """
        finest = self.levels[FINEST_MM].values
        values = finest if spacing_mm == FINEST_MM else halved(finest)
        return normalise(values, self.ceiling) * self.levels[spacing_mm].seen

    def normalised_through(self, grid: Grid, affine: sitk.Transform) -> np.ndarray:
        """Sample the scan, as the network sees it, on another scan's grid.

        Parameters
        ----------
        grid
            Voxels of 2 or 4 mm.
        affine
            Points of the grid to points of this scan, LPS mm.

        Returns
        -------
        numpy.ndarray
            [k, j, i], float32, [0, 1], 0 where the scan has no data.
        """
        finest = self.levels[FINEST_MM]
        matrix = index_matrix(grid, finest.grid, affine)
        out = np.empty(grid.size[::-1], np.float32)
        source, begin = (finest.values, 0.0) if grid.spacing_mm == FINEST_MM else (self.means, 0.5)
        over_slices(sample_slices, source, matrix - [0.0, 0.0, 0.0, begin], out, slices=out.shape[0])
        seen = np.empty(grid.size[::-1], np.uint8)
        over_slices(nearest_slices, finest.seen, matrix, 0.5, seen, slices=out.shape[0])
        return normalise(out, self.ceiling) * seen


def _blurred(volume: np.ndarray) -> np.ndarray:
    """Smooth a volume [k, j, i], float32, with [1 2 1] / 4 along each axis."""
    out = np.empty_like(volume)
    over_slices(blur_slices, volume, out, slices=out.shape[0])
    return out


def running_mean(volume: np.ndarray) -> np.ndarray:
    """Take means over two voxels along each axis, as halved does, from every voxel on.

    Parameters
    ----------
    volume
        [k, j, i], any type of number.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32: means of the eight voxels that begin at each voxel, half a voxel further along each axis;
        the last voxel stands for those beyond.

    Examples
    --------
    >>> running_mean(np.arange(4).reshape(1, 1, 4)).ravel().tolist()
    [0.5, 1.5, 2.5, 3.0]
    """
    source = np.ascontiguousarray(volume, np.float32)
    out = np.empty_like(source)
    over_slices(running_mean_slices, source, out, slices=out.shape[0])
    return out


def halved(volume: np.ndarray) -> np.ndarray:
    """Halve a volume.

    Parameters
    ----------
    volume
        [2 k, 2 j, 2 i], float32, or uint8 of 0 and 1.

    Returns
    -------
    numpy.ndarray
        [k, j, i], of the same type: means of cubes of eight voxels, or 1 where all eight are.

    Examples
    --------
    >>> halved(np.arange(8, dtype=np.float32).reshape(2, 2, 2)).tolist()
    [[[3.5]]]
    """
    out = np.empty(tuple(n // 2 for n in volume.shape), volume.dtype)
    kernel = all_of_eight_slices if volume.dtype == np.uint8 else halve_slices
    over_slices(kernel, volume, out, slices=out.shape[0])
    return out


def index_matrix(grid: Grid, other: Grid, affine: sitk.Transform | None = None) -> np.ndarray:
    """Find the matrix from voxels of a grid to voxels of another at the same point, or where an affine takes it.

    Parameters
    ----------
    grid, other
        Both grids.
    affine
        Points of the first to points of the other, LPS mm; None: the identity.

    Returns
    -------
    numpy.ndarray
        (3, 4), float64: (i, j, k, 1) to (i, j, k).

    Examples
    --------
    >>> fine, coarse = Grid((8, 8, 8), (1.0, 1.0, 1.0), 2.0), Grid((4, 4, 4), (2.0, 2.0, 2.0), 4.0)
    >>> index_matrix(fine, coarse)[0].tolist()
    [0.5, 0.0, 0.0, -0.25]
    """
    matrix = np.eye(4) if affine is None else linear_matrix(affine)
    ratio = grid.spacing_mm / other.spacing_mm
    offset = (matrix @ [*grid.origin, 1.0])[:3] - np.array(other.origin)
    return np.column_stack([matrix[:3, :3] * ratio, offset / other.spacing_mm])


def _box(low: np.ndarray, high: np.ndarray) -> Grid:
    """Make the finest grid around a body's box, LPS mm: its sides are multiples of 64 mm, which every level divides."""
    sides = np.maximum(np.ceil((high - low - 2 * SPARED_MM) / BLOCK_MM), 1) * BLOCK_MM
    origin = (low + high) / 2 - sides / 2 + FINEST_MM / 2
    return grid_from(sides / FINEST_MM, origin, FINEST_MM)


def _finest_level(image: sitk.Image, mask: sitk.Image, grid: Grid) -> Level:
    """Resample a scan, with air outside the mask, to the finest grid."""
    coarse, to_world = decimated(image, mask, FINEST_MM, grid.origin)
    shape = grid.size[::-1]
    from_grid = np.diag([grid.spacing_mm] * 3 + [1.0])
    from_grid[:3, 3] = grid.origin
    values = np.empty(shape, np.float32)
    over_slices(sample_slices, coarse, (np.linalg.inv(to_world) @ from_grid)[:3], values, slices=shape[0])
    to_image = (np.linalg.inv(voxel_matrix(image)) @ from_grid)[:3]
    flags = [np.empty(shape, np.uint8) for _ in range(2)]
    whole = np.ones((1, 1, 1), np.uint8)
    over_slices(nearest_slices, sitk.GetArrayViewFromImage(mask), to_image, 0.5, flags[0], slices=shape[0])
    size = np.array(image.GetSize())
    unit = np.diag(1.0 / size) @ (to_image + np.column_stack([np.zeros((3, 3)), 0.5 - size / 2]))
    over_slices(nearest_slices, whole, unit, 0.5, flags[1], slices=shape[0])
    return Level(grid, values, *flags)


def _next_level(level: Level, smooth: np.ndarray) -> Level:
    """Make the level with voxels twice as large from a level and its blurred values [k, j, i]."""
    body = 1 - halved(1 - level.body)
    return Level(level.grid.coarser(2), halved(smooth), body, halved(level.seen))


def make_pyramid(
    image: sitk.Image, table_removal: bool = True, progress: Callable[[float], None] | None = None
) -> ScanPyramid:
    """Find the body of a scan and make its levels.

    Parameters
    ----------
    image
        CT in HU, any grid.
    table_removal
        Whether what is outside the body becomes air; else all that is denser than air counts as body.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    ScanPyramid
        With all levels and their channels.

    Raises
    ------
    InputError
        If the image is no CT, or holds no body.
    """
    mask = find_mask(image, table_removal, progress)
    low, high = body_bounds(mask)
    keep = mask if table_removal else sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    level = _finest_level(image, keep, _box(low, high))
    if not table_removal:
        level = Level(level.grid, level.values, (level.values > SOLID_HU).astype(np.uint8), level.seen)
    levels = {FINEST_MM: level}
    blurred = _blurred(level.values)
    for spacing in SPACINGS_MM[1:]:
        level = levels[spacing] = _next_level(level, blurred)
        if spacing < SPACINGS_MM[-1]:
            blurred = _blurred(level.values)
    finest = levels[FINEST_MM]
    pyramid = ScanPyramid(image, mask, table_removal, levels, ceiling_hu(finest.values, finest.body), (low, high))
    _ = pyramid.means
    for each in levels.values():
        _ = each.channels, each.active
    return pyramid
