"""Where a finding is, in words: vertebra, part and side, or bone and side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample
from ..scan.geometry import voxel_matrix
from ..scan.labels import VERSE_NAMES, label_name
from .vertebra_frame import BODY, Frame, frames_of, parts_of_vertebrae

LEFT, RIGHT, MIDDLE = "left", "right", "middle"
MIDDLE_MM = 4.0
PARTS = {1: "body", 2: "processes"}


@dataclass(frozen=True)
class Where:
    """Place of a finding: in words, the patient's side, and the vertebra's label or None."""

    text: str
    side: str
    vertebra: int | None


class Anatomy:
    """Names places on the grid of a change map.

    Parameters
    ----------
    bone
        Bone on the map's grid, uint8.
    labels
        Vertebrae (VerSe numbers), or other labels, any grid; None: none.
    parts
        1 is the body of a vertebra, 2 its processes, any grid; None: by the vertebra's shape.
    are_vertebrae
        Whether numbers that a vertebra has mean one.
    """

    def __init__(
        self,
        bone: sitk.Image,
        labels: sitk.Image | None = None,
        parts: sitk.Image | None = None,
        are_vertebrae: bool = True,
    ):
        self._bone = sitk.GetArrayViewFromImage(bone)
        self._to_world = voxel_matrix(bone)
        self._labels = None if labels is None else sample(labels, bone, labels=True)
        self._frames: dict[int, Frame] = {}
        self._parts: np.ndarray | None = None
        self._are_vertebrae = are_vertebrae
        if self._labels is not None and are_vertebrae:
            image = sitk.GetImageFromArray(self._labels)
            image.CopyInformation(bone)
            self._frames = frames_of(image)
            self._parts = sample(parts, bone, labels=True) if parts is not None else None
            if parts is None:
                self._parts = parts_of_vertebrae(image, self._frames)
        used = np.argwhere(self._bone.any(axis=0)) if self._bone.any() else np.array([[0, 0]])
        middle = [*used.mean(axis=0)[::-1], self._bone.shape[0] / 2, 1.0]
        self._middle_x = float((self._to_world @ middle)[0])

    def where(self, voxels: np.ndarray) -> Where:
        """Name the place of some voxels.

        Parameters
        ----------
        voxels
            [n, 3], (k, j, i), of the map's grid.

        Returns
        -------
        Where
            By the labels where a third of the voxels has one, else bone or soft tissue and the side.
        """
        index = tuple(voxels.T)
        x = float((self._to_world @ [*voxels.mean(axis=0)[::-1], 1.0])[0])
        value = 0 if self._labels is None else _most(self._labels[index])
        if value:
            frame = self._frames.get(value)
            side = _side(x - (frame.centre[0] if frame is not None else self._middle_x))
            if value not in VERSE_NAMES or not self._are_vertebrae:
                return Where(f"label {value}, {side}", side, None)
            part = PARTS.get(_most(self._parts[index]) or BODY) if self._parts is not None else "vertebra"
            return Where(f"{label_name(value)}, {part}, {side}", side, value)
        side = _side(x - self._middle_x)
        tissue = "bone" if np.mean(self._bone[index] > 0) >= 0.5 else "soft tissue"
        return Where(f"{tissue}, {side}", side, None)


def _most(values: np.ndarray) -> int:
    """The label that most of the labelled values have; 0 where fewer than a third are labelled."""
    labelled = values[values > 0]
    if len(labelled) * 3 < len(values) or not len(labelled):
        return 0
    return int(np.bincount(labelled).argmax())


def _side(x_mm: float) -> str:
    """The patient's side of an offset to the left, mm."""
    return MIDDLE if abs(x_mm) <= MIDDLE_MM else LEFT if x_mm > 0 else RIGHT
