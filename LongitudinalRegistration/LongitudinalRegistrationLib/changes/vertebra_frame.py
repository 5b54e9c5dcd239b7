"""How a vertebra lies: its body's centre, its own axes, where its body ends, in scans that lie in any direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt, find_objects

from ..field.box_warp import sample
from ..scan.geometry import voxel_matrix

BODY, PROCESSES = 1, 2
HALF_MM, STEP_MM = (40, 45, 40), 1.0
"""Half sides (left, back, up) of the box around a body that is looked at, and its voxels."""
CORE, STRIP_MM, LEVEL_MM, ROUNDS = 0.6, 5.0, 3.0, 3
LEAST_BACK_MM = 2.0


@dataclass(frozen=True)
class Frame:
    """A vertebra's own coordinates.

    Attributes
    ----------
    centre
        (3,), LPS mm: middle of the thickest part of its body.
    axes
        (3, 3): columns are the patient's left, back and up along the vertebra, unit vectors, LPS.
    wall_mm
        Where its body ends at the canal, mm from the centre along back.
    """

    centre: np.ndarray
    axes: np.ndarray
    wall_mm: float

    def grid(self, step_mm: float = STEP_MM) -> sitk.Image:
        """Make an empty image around the body whose axes are the vertebra's: left, back, up.

        Parameters
        ----------
        step_mm
            Isotropic voxels.

        Returns
        -------
        SimpleITK.Image
            uint8, all 0.
        """
        half = np.array(HALF_MM, float)
        image = sitk.Image([int(2 * each / step_mm) + 1 for each in HALF_MM], sitk.sitkUInt8)
        image.SetSpacing([step_mm] * 3)
        image.SetDirection(self.axes.ravel().tolist())
        image.SetOrigin((self.centre - self.axes @ half).tolist())
        return image


def frames_of(labels: sitk.Image) -> dict[int, Frame]:
    """Find how the vertebrae of a label volume lie.

    Their upward axis leads along the spine at first, then is the mean normal of both endplates; back is where the
    processes are.

    Parameters
    ----------
    labels
        A number a vertebra, rising downwards as VerSe's do; any grid.

    Returns
    -------
    dict
        Label to Frame.
    """
    array, to_world = sitk.GetArrayViewFromImage(labels), voxel_matrix(labels)
    spacing = labels.GetSpacing()[::-1]
    centres, middles, masks = {}, {}, {}
    for value, box in enumerate(find_objects(array), start=1):
        if box is not None:
            start = [side.start for side in box]
            centres[value], middles[value] = _centres(array[box] == value, start, spacing, to_world)
            masks[value] = mask_of(labels, value, box)
    order = sorted(centres)
    found = {}
    for place, value in enumerate(order):
        above, below = order[max(place - 1, 0)], order[min(place + 1, len(order) - 1)]
        up = centres[above] - centres[below] if above != below else np.array([0.0, 0.0, 1.0])
        frame = Frame(centres[value], _axes(up, middles[value] - centres[value]), 0.0)
        found[value] = _refined(frame, masks[value])
    return found


def mask_of(labels: sitk.Image, value: int, box: tuple[slice, ...]) -> sitk.Image:
    """Cut one label out of a label volume.

    Parameters
    ----------
    labels
        Any grid.
    value
        The label.
    box
        Its voxels, (k, j, i), as from scipy's find_objects.

    Returns
    -------
    SimpleITK.Image
        float32: 1 in the label, 0 elsewhere in the box and one voxel around it.
    """
    (i, j, k) = (slice(max(side.start - 1, 0), side.stop + 1) for side in box[::-1])
    return sitk.Cast(labels[i, j, k] == value, sitk.sitkFloat32)


def parts_of_vertebrae(labels: sitk.Image, frames: dict[int, Frame]) -> np.ndarray:
    """Part vertebrae into bodies and processes, at the wall towards the canal.

    Parameters
    ----------
    labels
        As frames_of takes them.
    frames
        As from frames_of.

    Returns
    -------
    numpy.ndarray
        [k, j, i], uint8: 1 in bodies, 2 in processes, 0 elsewhere.
    """
    array, to_world = sitk.GetArrayViewFromImage(labels), voxel_matrix(labels)
    parts = np.zeros(array.shape, np.uint8)
    for value, frame in frames.items():
        voxels = np.nonzero(array == value)
        points = np.column_stack(voxels)[:, ::-1] @ to_world[:3, :3].T + to_world[:3, 3]
        back = (points - frame.centre) @ frame.axes[:, 1]
        parts[voxels] = np.where(back <= frame.wall_mm, BODY, PROCESSES)
    return parts


def _centres(
    mask: np.ndarray, start: list[int], spacing: tuple[float, ...], to_world: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the thickest part of a vertebra, and of all of it, LPS mm, (3,) each."""
    depth = distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    thick, all_of_it = (np.argwhere(part).mean(axis=0) + start for part in (depth >= CORE * depth.max(), mask))
    core, middle = (to_world[:3] @ [*voxel[::-1], 1.0] for voxel in (thick, all_of_it))
    return core, middle


def _axes(up: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Orthonormal axes (left, back, up) as columns, from directions up and, roughly, back."""
    up = up / np.linalg.norm(up)
    back = back - up * (up @ back)
    if np.linalg.norm(back) < LEAST_BACK_MM:
        back = np.array([0.0, 1.0, 0.0]) - up * up[1]
    back = back / np.linalg.norm(back)
    return np.column_stack([np.cross(back, up), back, up])


def _refined(frame: Frame, mask: sitk.Image) -> Frame:
    """Turn a frame until up is the mean normal of the endplates, and find the wall."""
    for _ in range(ROUNDS):
        values = sample(mask, frame.grid(), outside=0.0) > 0.5
        wall = _wall(values)
        frame = Frame(frame.centre, frame.axes, wall)
        tilt = _endplates_tilt(values, wall)
        if tilt is None:
            return frame
        up = frame.axes @ np.array([-tilt[0], -tilt[1], 1.0])
        frame = Frame(frame.centre, _axes(up, 10.0 * frame.axes[:, 1]), wall)
    return frame


def _wall(values: np.ndarray) -> float:
    """Where the body ends towards the canal, mm from the centre: median over columns near the middle."""
    k, j, i = (n // 2 for n in values.shape)
    level, strip = int(LEVEL_MM / STEP_MM), int(STRIP_MM / STEP_MM)
    behind = values[k - level : k + level + 1, j:, i - strip : i + strip + 1]
    ends = np.where(behind.all(axis=1), behind.shape[1], np.argmin(behind, axis=1))
    return float(np.median(ends[ends > 0]) - 0.5) * STEP_MM if (ends > 0).any() else 0.0


def _endplates_tilt(values: np.ndarray, wall: float) -> np.ndarray | None:
    """Mean slope of both endplates along left and back; None where there are too few columns."""
    k, j, i = (n // 2 for n in values.shape)
    body = values[:, : j + int(wall) + 1]
    columns = body[k]
    inside = np.argwhere(columns)
    if len(inside) < 50:
        return None
    low, high = np.quantile(inside, [0.1, 0.9], axis=0)
    used = inside[((inside >= low) & (inside <= high)).all(axis=1)]
    stack = body[:, used[:, 0], used[:, 1]]
    top = np.array([_end(column[k:]) for column in stack.T])
    bottom = -np.array([_end(column[k::-1]) for column in stack.T])
    design = np.column_stack([used[:, 1] - i, used[:, 0] - j, np.ones(len(used))])
    return np.mean([np.linalg.lstsq(design, plate, rcond=None)[0][:2] for plate in (top, bottom)], axis=0)


def _end(column: np.ndarray) -> int:
    """How many voxels of a column, from its first on, belong to the body without a gap."""
    return len(column) if column.all() else int(np.argmin(column))
