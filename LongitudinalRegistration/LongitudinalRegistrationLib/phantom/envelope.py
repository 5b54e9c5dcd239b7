"""The patient's outline and cavities as smooth distance fields on a 4 mm grid in canonical space.

Channels, negative inside: 0 skin, 1 muscle (under the subcutaneous fat), 2 trunk cavity (abdomen, pelvis, thorax),
3 diaphragm (negative on the abdominal side).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from .anatomy import Patient

SKIN, MUSCLE, CAVITY, DIAPHRAGM = range(4)
STEP_MM = 4.0
LOW = np.array([-292.0, -212.0, -260.0])
HIGH = np.array([292.0, 212.0, 450.0])


@dataclass(frozen=True)
class Envelope:
    """The distance fields of a patient.

    values: [k, j, i, 4], float32, mm; origin: (3,), float64, canonical x, y, z of the first voxel, mm; step: mm.
    """

    values: np.ndarray
    origin: np.ndarray
    step: float

    def sample(self, points: np.ndarray, channel: int) -> np.ndarray:
        """Interpolate a channel linearly.

        Parameters
        ----------
        points
            (n, 3), canonical x, y, z, mm.
        channel
            SKIN, MUSCLE, CAVITY or DIAPHRAGM.

        Returns
        -------
        numpy.ndarray
            (n,), float32, mm.
        """
        index = ((np.atleast_2d(points) - self.origin) / self.step).T[::-1]
        return map_coordinates(self.values[..., channel], index, order=1, mode="nearest")


def build_envelope(patient: Patient) -> Envelope:
    """Make the distance fields of a patient's skin, muscle, cavity and diaphragm.

    Parameters
    ----------
    patient
        The patient.

    Returns
    -------
    Envelope
        On a grid of 4 mm times the patient's scale.
    """
    axes = [np.arange(LOW[a], HIGH[a] + STEP_MM / 2, STEP_MM, dtype=np.float32) for a in range(3)]
    x, y, z = axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]
    trunk = _trunk(patient, x, y, z)
    legs = _legs(patient, x, y, z)
    muscle = _smooth_min(trunk, legs, 26.0)
    skin = muscle - _fat(patient, x, y, z)
    cavity = _cavity(patient, trunk, x, y, z)
    diaphragm = _diaphragm(cavity, x, y, z)
    if patient.arms_down:
        arms = _arms(patient, x, y, z)
        skin, muscle = np.minimum(skin, arms), np.minimum(muscle, arms + 0.5 * patient.fat_mm)
    values = np.stack([np.broadcast_to(v, muscle.shape) for v in (skin, muscle, cavity, diaphragm)], axis=-1)
    s = patient.scale
    return Envelope(np.ascontiguousarray(values * np.float32(s), dtype=np.float32), LOW * s, STEP_MM * s)


def _normalised(implicit: np.ndarray) -> np.ndarray:
    """An implicit function divided by the length of its gradient: about mm near its surface."""
    dz, dy, dx = np.gradient(implicit, STEP_MM)
    return implicit / np.maximum(np.sqrt(dx * dx + dy * dy + dz * dz), 0.25)


def _smooth_min(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.minimum(a, b) - h * h * k / 4.0


def _smooth_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _trunk(patient: Patient, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    half, front, back = patient.half_width(z), patient.front(z), patient.back(z)
    cleft = 5.0 + 13.0 * _smooth_step(-z, 60.0, 130.0)
    back = back + 3.0 - cleft * np.exp(-((x / (16.0 + 6.0 * _smooth_step(-z, 60, 130))) ** 2))
    across = np.abs(x / half)
    forward = np.abs((y - 6.0) / np.where(y < 6.0, front, back))
    power = np.where(y < 6.0, 2.25, 2.7)
    ring = (across**power + forward**power + 1e-6) ** (1.0 / power)
    distance = _normalised(((ring - 1.0) * np.minimum(half, front)).astype(np.float32))
    end = -112.0 if patient.legs_apart else -150.0
    return -_smooth_min(-distance, np.broadcast_to(z - end, distance.shape), 30.0)


def _legs(patient: Patient, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    spread = 0.32 if patient.legs_apart else 0.02
    drop = np.maximum(-70.0 - z, 0.0)
    centre_x = 80.0 * patient.width_factor + spread * drop
    centre_y = 14.0 - 0.03 * drop
    radius = 84.0 - 0.07 * drop
    flat = (np.abs(x) - centre_x) / (0.93 if not patient.legs_apart else 0.85)
    distance = np.sqrt(flat**2 + (y - centre_y) ** 2 + 1e-3) - radius * (0.93 if patient.legs_apart else 0.9)
    return np.maximum(distance, z + 40.0).astype(np.float32)


def _fat(patient: Patient, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    base = patient.fat_mm
    angle = np.arctan2(y - 6.0, np.abs(x) + 1e-3)
    forward, backward = _smooth_step(-angle, 0.2, 1.3), _smooth_step(angle, 0.2, 1.2)
    low = _smooth_step(-z, -120.0, 60.0)
    chest = _smooth_step(z, 150.0, 260.0)
    fat = base * (0.75 + 0.35 * forward * low + 0.35 * backward * low + 0.2 * low) * (1.0 - 0.35 * chest)
    fat = fat * (1.0 + 0.08 * np.sin(x / 37.0 + z / 61.0) * np.cos(z / 43.0 - y / 51.0))
    if patient.thin_chest_wall:
        thin = _smooth_step(z, 130.0, 190.0)
        fat = fat * (1.0 - thin) + 3.2 * thin
    return (fat + 2.2).astype(np.float32)


def _cavity(patient: Patient, trunk: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    chest = _smooth_step(z, 120.0, 190.0)
    front = _smooth_step(-y, 30.0, 75.0) * _smooth_step(-np.abs(x), -75.0, -45.0)
    wall = (17.0 * (1.0 - 0.4 * front)) * (1.0 - chest) + 17.0 * chest
    wall = wall * patient.muscle_factor
    midline = np.exp(-((x / 9.0) ** 2)) + 0.7 * np.exp(-(((np.abs(x) - 72.0) / 10.0) ** 2))
    wall = wall - 6.0 * midline * _smooth_step(-y, 30.0, 60.0) * (1.0 - chest)
    if patient.thin_chest_wall:
        thin = _smooth_step(z, 130.0, 190.0)
        wall = wall * (1.0 - thin) + 6.5 * thin
    spine_x, spine_y = patient.spine(z)
    aside = np.abs(x - spine_x)
    flank = _smooth_step(aside, 36.0, 82.0)
    gutter = _smooth_step(aside, 14.0, 48.0)
    reach = (10.0 + 34.0 * flank) * (1.0 - chest) + (10.0 + 62.0 * gutter) * chest
    behind = (y - spine_y - reach) * (0.75 + 0.25 * (1 - flank))
    cavity = -_smooth_min(-(trunk + wall), -behind, 14.0)
    width = 132.0 - 68.0 * _smooth_step(-z, -25.0, 70.0) - 14.0 * _smooth_step(-z, 70.0, 120.0)
    pelvis = (np.abs(x) - width * patient.pelvis_factor) * 0.9
    pelvis = np.where(z < 40.0, pelvis, -80.0)
    floor = np.broadcast_to(-124.0 - z, pelvis.shape)
    cavity = -_smooth_min(-cavity, -pelvis, 16.0)
    return -_smooth_min(-cavity, -np.broadcast_to(floor, cavity.shape), 24.0)


def _diaphragm(cavity: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    depth = np.maximum(-cavity, 0.0)
    right = np.exp(-(((x + 68.0) / 62.0) ** 2))
    left = np.exp(-(((x - 72.0) / 58.0) ** 2))
    peak = 268.0 + 32.0 * right + 20.0 * left - 10.0 * _smooth_step(y, 0.0, 60.0)
    drop = 34.0 + 58.0 * _smooth_step(y, -50.0, 40.0)
    surface = peak - drop * np.exp(-depth / 17.0)
    distance = z - surface
    return _normalised(distance.astype(np.float32))


def _arms(patient: Patient, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Upper arms and forearms hanging beside the trunk, a centimetre off it."""
    radius = 40.0 - 0.035 * np.maximum(250.0 - z, 0.0)
    distance = np.sqrt((np.abs(x) - arm_axis(patient)) ** 2 + (y - 18.0) ** 2) - radius
    return np.maximum(distance, -235.0 - z).astype(np.float32)


def arm_axis(patient: Patient) -> float:
    """Distance of an arm's axis from the mid-plane, mm: clear of the hips, the widest part of the trunk."""
    return float(patient.half_width(-100.0)) + 1.2 * patient.fat_mm + 37.0
