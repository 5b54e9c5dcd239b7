"""A patient on what radiotherapy lies on: flat carbon couch, wing board with clamps, vacuum cushion, mattress.

Drawn in mm and averaged over the voxels, so that a skin of 1 mm is as faint at 3 mm as a scanner makes it. x runs to
the patient's left, y to the back; the couch's top is at y = 0, the middle of the patient at x = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

AIR, FOAM, BEADS, CARBON, RESIN, PLASTIC, ALUMINIUM, STEEL = -1000, -930, -950, 350, 120, 60, 2200, 3071
FAT, MUSCLE, BONE, LUNG = -100, 50, 500, -850
FINE_MM = 0.4
BLUR_MM = 0.5
LAYING = ("couch", "wing board", "vacuum cushion", "mattress")

Section = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class CouchScene:
    """What lies under the patient, and how it is scanned.

    voxel_mm: pixel size. slice_mm: slice spacing, mm. length_mm: of the scan. laying: one of LAYING, what is between
    couch and patient. view_mm: diameter of the circle of reconstruction. grid_mm: side of the picture. skin_mm:
    thickness of the carbon skins. noise_hu: standard deviation of the noise at 1 mm pixels.
    """

    voxel_mm: float = 1.5
    slice_mm: float = 3.0
    length_mm: float = 180.0
    laying: str = "couch"
    view_mm: float = 550.0
    grid_mm: float = 550.0
    skin_mm: float = 1.2
    noise_hu: float = 20.0


def make_scene(scene: CouchScene, rng: np.random.Generator) -> tuple[sitk.Image, np.ndarray]:
    """Scan a patient on a couch.

    Parameters
    ----------
    scene
        See CouchScene.
    rng
        Source of the noise.

    Returns
    -------
    tuple
        CT in HU, int16; the patient, bool [k, j, i].
    """
    axis = np.arange(round(scene.grid_mm / scene.voxel_mm))
    x = (axis - (axis.size - 1) / 2) * scene.voxel_mm
    y = x - 70.0
    slices = round(scene.length_mm / scene.slice_mm)
    sections = {on: _section(scene, on) for on in (False, True)}
    hu = np.empty((slices, x.size, x.size), np.float32)
    body = np.empty(hu.shape, bool)
    for k in range(slices):
        z = k / (slices - 1)
        hu[k] = sections[scene.laying == "wing board" and z > 0.3]
        body[k] = _lay_patient(hu[k], x[None, :], y[:, None], z, scene)
    hu += rng.normal(0, scene.noise_hu * min(2.0, 1.0 / scene.voxel_mm), hu.shape)
    outside = np.hypot(x[None, :], x[:, None]) > scene.view_mm / 2
    hu[:, outside] = -1024
    body[:, outside] = False
    image = sitk.GetImageFromArray(np.clip(np.round(hu), -1024, 3071).astype(np.int16))
    image.SetSpacing((scene.voxel_mm, scene.voxel_mm, scene.slice_mm))
    return image, body


def _section(scene: CouchScene, board: bool) -> np.ndarray:
    """HU of everything but the patient in one slice [j, i], averaged over the voxels."""
    count = round(scene.grid_mm / scene.voxel_mm)
    times = max(1, round(scene.voxel_mm / FINE_MM))
    fine = (np.arange(count * times) - (count * times - 1) / 2) * scene.voxel_mm / times
    x, y = fine[None, :], fine[:, None] - 70.0
    hu = np.full((fine.size, fine.size), float(AIR), np.float32)
    _couch(hu, x, y, scene.skin_mm)
    if board:
        _wing_board(hu, x, y, scene.skin_mm)
    if scene.laying == "vacuum cushion":
        _cushion(hu, x, y)
    if scene.laying == "mattress":
        _shell(
            hu, (np.abs(x) < 230) & (y > -20) & (y < 0), (np.abs(x) < 229.5) & (y > -19.5) & (y < -0.5), PLASTIC, FOAM
        )
    hu = ndimage.gaussian_filter(hu, BLUR_MM / (scene.voxel_mm / times))
    return hu.reshape(count, times, count, times).mean(axis=(1, 3))


def _shell(hu: np.ndarray, outer: np.ndarray, inner: np.ndarray, skin: float, core: float) -> None:
    hu[outer] = skin
    hu[inner] = core


def _couch(hu: np.ndarray, x: np.ndarray, y: np.ndarray, skin: float) -> None:
    """A sandwich of 20 mm with rails at its sides, and the trough that carries it."""
    _shell(hu, (np.abs(x) < 265) & (y >= 0) & (y < 20), (np.abs(x) < 264) & (y >= skin) & (y < 20 - skin), CARBON, FOAM)
    for side in (-1, 1):
        hu[(np.abs(x - side * 250) < 9) & (y > 3) & (y < 17)] = RESIN
    trough = 22 + 60 * (1 - (np.abs(x) / 180) ** 4)
    hu[(np.abs(x) < 180) & (np.abs(y - trough) < 1.5) & (y > 20)] = CARBON
    hu[(np.abs(x) < 180) & (np.abs(y - 0.5 * (trough + 20)) < 1.5) & (y > 20)] = CARBON


def _wing_board(hu: np.ndarray, x: np.ndarray, y: np.ndarray, skin: float) -> None:
    """A framed board of 12 mm on the couch, solid at one side, with clamps of metal and a knob beside the arms."""
    board = (np.abs(x) < 240) & (y > -12) & (y < 0)
    _shell(hu, board, (np.abs(x) < 234) & (y > -12 + skin) & (y < -skin), CARBON, FOAM)
    hu[board & (x > 120)] = -220
    for side in (-1, 1):
        hu[np.hypot(x - side * 253, y + 50) < 12] = ALUMINIUM
        hu[(np.abs(x - side * 253) < 4) & (y > -60) & (y < 0)] = STEEL
        hu[np.hypot(x - side * 250, y + 24) < 11] = PLASTIC


def _cushion(hu: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Beads in a cover of vinyl that rise at both sides of the patient."""
    top = -15 - 60 * np.exp(-(((np.abs(x) - 215) / 25) ** 2))
    _shell(
        hu, (np.abs(x) < 240) & (y > top) & (y < 0), (np.abs(x) < 239) & (y > top + 0.8) & (y < -0.8), PLASTIC, BEADS
    )


def _lay_patient(hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: float, scene: CouchScene) -> np.ndarray:
    """Draw the patient into a slice at z, 0 (abdomen) to 1 (chest); return where the patient is."""
    back = {"couch": 0.0, "wing board": -12.0 if z > 0.3 else 0.0, "vacuum cushion": -15.0, "mattress": -20.0}[
        scene.laying
    ]
    wide, thick = 165 + 15 * np.sin(5 * z), 105 + 10 * np.cos(4 * z)
    middle = back - thick + 12
    pixel = scene.voxel_mm
    trunk = np.minimum(_ellipse(x, y, 4 * np.sin(7 * z), middle, wide, thick), back - y)
    inner = np.minimum(_ellipse(x, y, 4 * np.sin(7 * z), middle, wide - 18, thick - 15), back - 12 - y)
    shapes = [(trunk, FAT), (inner, MUSCLE), (_ellipse(x, y, 0, middle + thick - 45, 22, 20), BONE)]
    if z > 0.45:
        lung = 45 * min(1.0, 3 * (z - 0.45)) + 1
        for side in (-1, 1):
            shapes.append((_ellipse(x, y, side * 75, middle - 5, lung, 1.4 * lung), LUNG))
    body = trunk > 0
    if z > 0.6:
        for side in (-1, 1):
            place = side * (205 - 6 * z), back - 52
            for radius, tissue in ((32, FAT), (26, MUSCLE), (9, BONE)):
                shapes.append((_ellipse(x, y, *place, radius, radius + 4), tissue))
            body = body | (_ellipse(x, y, *place, 32, 36) > 0)
    for distance, tissue in shapes:
        share = np.clip(distance / pixel + 0.5, 0, 1)
        hu += share * (tissue - hu)
    return body


def _ellipse(x: np.ndarray, y: np.ndarray, x0: float, y0: float, rx: float, ry: float) -> np.ndarray:
    """Nearly the depth below an ellipse's surface in mm, negative outside."""
    radius = np.sqrt(((x - x0) / rx) ** 2 + ((y - y0) / ry) ** 2)
    return (1 - radius) * min(rx, ry)
