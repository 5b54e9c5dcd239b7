"""The random patient: sizes, curves and proportions, all in the patient's canonical space.

Canonical space is LPS in mm: x to the left, y to the back, z to the head. Its origin is the mid-plane, the top of
the sacrum (z = 0) and the middle of the trunk (y = 0). Lengths here are those of a patient of average size; ``scale``
is applied once, where shapes become numbers for the renderer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline, PchipInterpolator

from .options import PhantomOptions

L5, T10 = 24, 17

# From L5 upwards: VerSe number, width, depth, height of the vertebral body and the disc below it, in mm.
VERTEBRA_SIZES = (
    (24, 51.0, 35.0, 27.0, 9.5),
    (23, 49.5, 35.0, 27.5, 11.0),
    (22, 47.5, 34.5, 27.5, 10.5),
    (21, 45.5, 33.5, 27.0, 9.5),
    (20, 43.5, 32.5, 26.0, 8.5),
    (19, 42.0, 31.5, 25.0, 7.0),
    (18, 39.0, 30.5, 23.5, 6.0),
    (17, 36.5, 30.0, 22.5, 5.0),
    (16, 34.5, 29.0, 21.5, 4.5),
    (15, 33.0, 28.0, 21.0, 4.5),
    (14, 32.0, 27.0, 20.0, 4.5),
    (13, 31.0, 26.0, 19.5, 4.5),
    (12, 30.0, 25.0, 19.0, 4.5),
    (11, 29.0, 24.0, 18.5, 4.5),
    (10, 28.5, 23.0, 18.0, 4.5),
    (9, 28.0, 22.0, 17.5, 4.5),
)


@dataclass(frozen=True)
class Vertebra:
    """One vertebra: VerSe number, centre of its body (mm), size of the body (mm), frame (columns: left, back, up)."""

    number: int
    centre: np.ndarray
    width: float
    depth: float
    height: float
    disc_below: float
    frame: np.ndarray


@dataclass(frozen=True)
class Patient:
    """Everything about the patient that does not change between two scans."""

    scale: float
    width_factor: float
    belly_mm: float
    fat_mm: float
    muscle_factor: float
    pelvis_factor: float
    liver_factor: float
    kidney_factor: float
    spleen_factor: float
    lordosis_mm: float
    scoliosis_mm: float
    scoliosis_phase: float
    bone_hu: float
    thin_chest_wall: bool
    legs_apart: bool
    arms_down: bool
    vertebrae: tuple[Vertebra, ...] = ()

    def spine(self, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Follow the centre line of the vertebral bodies.

        Parameters
        ----------
        z
            Heights, mm of an average patient, any shape.

        Returns
        -------
        x, y
            Of z's shape, float64, mm.
        """
        phase = 2.0 * np.pi * (np.asarray(z) / 330.0 + self.scoliosis_phase)
        along = np.exp(-(((np.asarray(z) - 140.0) / 150.0) ** 2))
        return self.scoliosis_mm * along * np.sin(phase), _spine_back(self.lordosis_mm)(z)

    def half_width(self, z: ArrayLike) -> np.ndarray:
        """Half the width of the trunk under the fat, mm.

        Parameters
        ----------
        z
            Heights, mm of an average patient, any shape.

        Returns
        -------
        numpy.ndarray
            Of z's shape, float64.
        """
        heights = [-460, -120, -70, 0, 50, 110, 190, 270, 360, 460]
        lean = [156, 158, 157, 146, 133, 128, 136, 143, 146, 140]
        return PchipInterpolator(heights, lean)(z) * self.width_factor + 0.5 * self.belly_mm * _bump(z, 80, 110)

    def front(self, z: ArrayLike) -> np.ndarray:
        """Depth of the trunk under the fat from its middle forwards, mm.

        Parameters
        ----------
        z
            Heights, mm of an average patient, any shape.

        Returns
        -------
        numpy.ndarray
            Of z's shape, float64.
        """
        heights = [-460, -150, -110, -50, 20, 90, 170, 260, 350, 460]
        lean = [70, 74, 82, 92, 96, 97, 101, 104, 98, 85]
        return np.asarray(PchipInterpolator(heights, lean)(z)) + self.belly_mm * _bump(z, 60, 90)

    def back(self, z: ArrayLike) -> np.ndarray:
        """Depth of the trunk under the fat from its middle backwards, mm.

        Parameters
        ----------
        z
            Heights, mm of an average patient, any shape.

        Returns
        -------
        numpy.ndarray
            Of z's shape, float64.
        """
        heights = [-460, -140, -90, -40, 30, 100, 180, 270, 360, 460]
        lean = [105, 112, 108, 99, 90, 87, 95, 104, 108, 100]
        return np.asarray(PchipInterpolator(heights, lean)(z)) - 0.4 * self.lordosis_mm


@lru_cache(maxsize=8)
def _spine_back(lordosis_mm: float) -> CubicSpline:
    """Position along the back axis (mm) of the vertebral bodies' centre line as a function of height (mm)."""
    heights = np.array([-60.0, 0.0, 45.0, 95.0, 150.0, 205.0, 265.0, 340.0, 430.0])
    back = np.array([58.0, 29.0, 18.0, 14.0, 19.0, 29.0, 39.0, 45.0, 40.0])
    return CubicSpline(heights, back - lordosis_mm * np.exp(-(((heights - 90.0) / 60.0) ** 2)))


def _bump(z: ArrayLike, centre: float, sigma: float) -> np.ndarray:
    return np.exp(-(((np.asarray(z, dtype=float) - centre) / sigma) ** 2))


def make_patient(rng: np.random.Generator, options: PhantomOptions) -> Patient:
    """Draw a patient.

    Parameters
    ----------
    rng
        What is drawn from.
    options
        Of which the switches of scenarios change the anatomy.

    Returns
    -------
    Patient
        All lengths in mm of an average patient; its scale multiplies them.
    """
    patient = Patient(
        scale=rng.uniform(0.94, 1.06),
        width_factor=rng.uniform(0.95, 1.08),
        belly_mm=rng.uniform(-4.0, 24.0),
        fat_mm=rng.uniform(7.0, 24.0),
        muscle_factor=rng.uniform(0.85, 1.15),
        pelvis_factor=rng.uniform(0.96, 1.05),
        liver_factor=rng.uniform(0.9, 1.1),
        kidney_factor=rng.uniform(0.9, 1.12),
        spleen_factor=rng.uniform(0.85, 1.2),
        lordosis_mm=rng.uniform(-4.0, 5.0),
        scoliosis_mm=rng.uniform(-9.0, 9.0),
        scoliosis_phase=rng.uniform(0.0, 1.0),
        bone_hu=rng.uniform(120.0, 210.0),
        thin_chest_wall=options.thin_chest_wall,
        legs_apart=options.legs_apart,
        arms_down=options.arms == "down",
    )
    return replace(patient, vertebrae=tuple(_stack_vertebrae(patient, rng)))


def _stack_vertebrae(patient: Patient, rng: np.random.Generator) -> Iterator[Vertebra]:
    """Vertebrae from L5 upwards, each in the frame of the spine's curve."""
    length, height_factor = 0.0, rng.uniform(0.96, 1.03)
    for number, width, depth, height, disc in VERTEBRA_SIZES:
        height, disc = height * height_factor, disc * rng.uniform(0.85, 1.1)
        middle = length + disc + height / 2.0
        length += disc + height
        yield Vertebra(
            number=number,
            centre=np.array([*patient.spine(middle), middle], dtype=float),
            width=width * rng.uniform(0.96, 1.05),
            depth=depth * rng.uniform(0.96, 1.05),
            height=height,
            disc_below=disc,
            frame=spine_frame(patient, middle),
        )


def spine_frame(patient: Patient, z: float) -> np.ndarray:
    """Find the axes of the spine at a height.

    Parameters
    ----------
    patient
        The patient.
    z
        Height, mm of an average patient.

    Returns
    -------
    numpy.ndarray
        (3, 3), float64: columns are unit vectors to the patient's left, back and up along the spine.
    """
    above, below = patient.spine(z + 4.0), patient.spine(z - 4.0)
    up = np.array([(above[0] - below[0]) / 8.0, (above[1] - below[1]) / 8.0, 1.0])
    up /= np.linalg.norm(up)
    left = np.array([1.0, 0.0, 0.0]) - up[0] * up
    left /= np.linalg.norm(left)
    return np.column_stack([left, np.cross(up, left), up])
