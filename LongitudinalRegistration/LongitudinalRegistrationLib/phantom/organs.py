"""Soft organs of the scene: muscles, bowel, liver, spleen, kidneys, vessels, bladder, heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from .anatomy import Patient
from .shapes import CLIP_CAVITY, CLIP_DIAPHRAGM, NO_GAS, Scene, smooth_curve

CLIP_BELOW = CLIP_CAVITY | CLIP_DIAPHRAGM


@dataclass(frozen=True)
class ScanState:
    """What differs between two scans besides motion: contrast phase (HU added at full effect) and bowel gas."""

    arterial_hu: float
    venous_hu: float
    cortex_hu: float
    parenchyma_hu: float
    gas_seed: int
    gravity: float


def add_organs(scene: Scene, patient: Patient, state: ScanState, rng: np.random.Generator) -> None:
    """Paint all soft organs.

    Parameters
    ----------
    scene
        What they are added to.
    patient
        The patient.
    state
        Contrast phase and bowel gas on this scan.
    rng
        Draws the shapes and must start alike for both scans; gas has a seed of its own.
    """
    gas = np.random.default_rng(state.gas_seed)
    _add_mediastinum(scene, patient, state)
    _add_muscles(scene, patient)
    _add_small_bowel(scene, patient, state, rng, gas)
    _add_colon(scene, patient, state, rng, gas)
    _add_stomach(scene, patient, state, gas)
    _add_liver(scene, patient, state, rng)
    _add_spleen_pancreas(scene, patient, state)
    _add_kidneys(scene, patient, state)
    _add_pelvic_organs(scene, patient, state)
    _add_vessels(scene, patient, state)


def _spine_xy(patient: Patient, z: float) -> tuple[float, float]:
    x, y = patient.spine(z)
    return float(x), float(y)


def _add_mediastinum(scene: Scene, patient: Patient, state: ScanState) -> None:
    scene.structure(-70.0, texture=22.0, rough_mm=2.0, clip=CLIP_CAVITY)
    rows = [(z, *(np.array(_spine_xy(patient, z)) + [4, -42]), 42.0, 62.0) for z in np.arange(215.0, 440.0, 15.0)]
    scene.sweep(rows)
    blood = 45.0 + state.arterial_hu * 0.8
    scene.structure(75.0, texture=5.0, rough_mm=0.8, clip=CLIP_CAVITY, blend_mm=8.0)
    scene.ellipsoid((26.0, -38.0, 312.0), (58.0, 44.0, 42.0))
    scene.structure(blood, texture=4.0, clip=CLIP_CAVITY)
    scene.ellipsoid((44.0, -38.0, 314.0), (26.0, 24.0, 22.0))
    scene.ellipsoid((-2.0, -50.0, 316.0), (24.0, 26.0, 24.0))
    scene.structure(48.0, rim_hu=55.0, rim_mm=3.0, texture=5.0)
    scene.tube([(18, _spine_xy(patient, z)[1] - 42 + (z < 290) * -6, z) for z in (270, 290, 360, 440)], 8.0)


def _add_muscles(scene: Scene, patient: Patient) -> None:
    """Psoas, erector spinae, quadratus lumborum and iliacus; each with a thin rim of fat."""
    m = patient.muscle_factor
    for side in (-1.0, 1.0):
        rows = []
        for z, out, back, rx, ry in (
            (-140, 88, -14, 10, 9),
            (-110, 92, -26, 14, 13),
            (-70, 82, -36, 17, 16),
            (-30, 62, -28, 20, 21),
            (10, 50, -8, 22, 25),
            (50, 43, 2, 18, 22),
            (100, 35, 8, 13, 17),
            (150, 29, 10, 8, 11),
            (178, 27, 8, 3, 4),
        ):
            x, y = _spine_xy(patient, max(z, -20))
            rows.append((z, x + side * out, y + back, rx * m, ry * m))
        _muscle(scene, patient, smooth_rows(rows, 12.0))
        rows = []
        for z, out, back, rx, ry in (
            (-60, 20, 36, 10, 7),
            (-10, 31, 50, 22, 17),
            (60, 36, 47, 29, 22),
            (150, 35, 44, 29, 19),
            (260, 30, 42, 25, 14),
            (430, 26, 38, 22, 12),
        ):
            x, y = _spine_xy(patient, max(z, -60))
            rows.append((z, x + side * out, y + back, rx, ry * m))
        _muscle(scene, patient, smooth_rows(rows, 14.0))
        rows = []
        for z, out, back, rx, ry in ((10, 74, 26, 17, 9), (70, 66, 26, 16, 8), (150, 48, 24, 9, 5)):
            x, y = _spine_xy(patient, z)
            rows.append((z, x + side * out, y + back, rx, ry * m))
        _muscle(scene, patient, smooth_rows(rows, 14.0))


def smooth_rows(rows: ArrayLike, step: float) -> np.ndarray:
    """Interpolate the rows of a sweep smoothly along z.

    Parameters
    ----------
    rows
        (n, 5): z, x, y, radius x, radius y, mm, z increasing.
    step
        mm, about.

    Returns
    -------
    numpy.ndarray
        (m, 5), float64, like the rows.
    """
    rows = np.asarray(rows, dtype=float)
    count = int(np.ceil((rows[-1, 0] - rows[0, 0]) / step)) + 1
    z = np.linspace(rows[0, 0], rows[-1, 0], count)
    return np.column_stack([z, PchipInterpolator(rows[:, 0], rows[:, 1:])(z)])


def _muscle(scene: Scene, patient: Patient, rows: ArrayLike) -> None:
    scene.structure(60.0, rim_hu=-55.0, rim_mm=1.0, texture=8.0, rough_mm=0.9)
    scene.sweep(rows)


def _add_small_bowel(
    scene: Scene, patient: Patient, state: ScanState, rng: np.random.Generator, gas: np.random.Generator
) -> None:
    front = -float(patient.front(20.0)) + 6.0
    for _ in range(34):
        start = rng.uniform((-92, front + 24, -74), (92, 2, 118))
        path = [start]
        heading = rng.normal(size=3)
        for _ in range(5):
            heading = 0.55 * heading / np.linalg.norm(heading) + rng.normal(size=3) * 0.6
            step = path[-1] + 26.0 * heading / np.linalg.norm(heading)
            path.append(np.clip(step, (-106, front + 16, -92), (106, 8, 138)))
        radius = rng.uniform(9.0, 13.5)
        content = gas.choice([18.0, 28.0, 40.0])
        level = path[0][1] + gas.uniform(-2.0, 6.0) if gas.uniform() < 0.2 else NO_GAS
        scene.structure(
            content,
            rim_hu=48.0 + 0.45 * state.parenchyma_hu,
            rim_mm=2.3,
            texture=7.0,
            rough_mm=0.9,
            clip=CLIP_BELOW,
            gas_y=level,
        )
        scene.tube(smooth_curve(path, 9.0), radius)


def _add_colon(
    scene: Scene, patient: Patient, state: ScanState, rng: np.random.Generator, gas: np.random.Generator
) -> None:
    side = float(patient.half_width(70.0)) - 47.0
    front = -float(patient.front(100.0)) + 34.0
    y0 = _spine_xy(patient, 0.0)[1]
    pieces = (
        ([(-side, 22, -30), (-side - 4, 26, 30), (-side - 2, 28, 90), (-side + 8, 16, 140)], 23.0, 240.0),
        (
            [
                (-side + 8, 0, 142),
                (-60, front, 128),
                (0, front - 4, 102),
                (60, front, 132),
                (side - 12, -10, 182),
            ],
            20.0,
            120.0,
        ),
        ([(side - 8, 8, 184), (side, 28, 140), (side + 2, 30, 70), (side - 2, 22, 5)], 14.5, 200.0),
        ([(side - 4, 20, 0), (80, 0, -30), (48, -8, -52), (18, 10, -46), (0, y0 - 2, -62)], 13.5, 160.0),
        ([(0, y0 - 2, -62), (0, y0 + 8, -85), (0, y0 + 10, -108), (0, y0 + 6, -128)], 16.0, 180.0),
    )
    for points, radius, stool in pieces:
        path = smooth_curve(points, 8.0)
        path[1:-1] += rng.normal(0.0, 2.0, path[1:-1].shape)
        phase = np.arange(len(path)) * 2.0 * np.pi / 3.6 + rng.uniform(0, 6)
        radii = radius * rng.uniform(0.9, 1.12) * (1.0 + 0.11 * np.sin(phase))
        gassy = gas.uniform() < 0.7
        lift = gas.uniform(-0.5, 0.35) * radius
        level = np.mean(path[:, 1]) + state.gravity * lift * -1.0 if gassy else NO_GAS
        scene.structure(
            34.0,
            rim_hu=48.0 + 0.35 * state.parenchyma_hu,
            rim_mm=2.2,
            texture=22.0,
            rough_mm=1.0,
            blend_mm=6.0,
            clip=CLIP_BELOW,
            gas_y=level,
            stool=stool,
        )
        scene.tube(path, radii)


def _add_stomach(scene: Scene, patient: Patient, state: ScanState, gas: np.random.Generator) -> None:
    front = -float(patient.front(200.0)) + 30.0
    level = front + 40.0 + gas.uniform(-14.0, 10.0)
    scene.structure(
        22.0,
        rim_hu=50.0 + 0.4 * state.parenchyma_hu,
        rim_mm=4.0,
        texture=8.0,
        rough_mm=1.6,
        blend_mm=18.0,
        clip=CLIP_BELOW,
        gas_y=level,
    )
    scene.ellipsoid((62.0, 0.0, 250.0), (36.0, 40.0, 34.0))
    scene.tube(
        [(66, -8, 245), (62, front + 34, 205), (38, front + 26, 172), (4, front + 32, 164), (-28, -30, 172)],
        [34.0, 30.0, 24.0, 19.0, 13.0],
    )


def _add_liver(scene: Scene, patient: Patient, state: ScanState, rng: np.random.Generator) -> None:
    f = patient.liver_factor
    base = 56.0 + 0.5 * state.parenchyma_hu
    scene.structure(base, texture=6.0, rough_mm=1.4, blend_mm=30.0, clip=CLIP_BELOW)
    scene.ellipsoid((-78.0, 0.0, 222.0), (78.0 * f, 92.0 * f, 78.0 * f))
    scene.ellipsoid((-98.0, 22.0, 168.0), (40.0, 54.0 * f, 54.0 * f))
    scene.ellipsoid((-4.0, -52.0, 244.0), (66.0 * f, 42.0, 40.0))
    scene.ellipsoid((-46.0, 22.0, 150.0), (26.0, 60.0, 32.0), cut=True)
    vessel = 58.0 + state.venous_hu * 0.85
    for paths, radius in (
        ([(-24, -4, 196), (-52, -6, 206), (-82, 6, 214), (-116, 14, 208)], 6.5),
        ([(-52, -6, 206), (-72, -34, 214), (-100, -48, 206)], 4.5),
        ([(-24, -4, 196), (-18, -32, 220), (8, -54, 238)], 4.8),
        ([(-20, 10, 262), (-56, 2, 250), (-98, 6, 238), (-120, 20, 222)], 5.0),
        ([(-20, 8, 264), (-48, -32, 250), (-74, -56, 228)], 4.4),
        ([(-18, 6, 264), (0, -30, 258), (26, -52, 246)], 4.2),
    ):
        scene.structure(vessel, texture=3.0)
        curve = smooth_curve(np.asarray(paths) + rng.normal(0, 2.0, (len(paths), 3)), 10.0)
        scene.tube(curve, np.linspace(radius, 0.4 * radius, len(curve)))
    scene.structure(8.0, rim_hu=58.0, rim_mm=1.6, texture=3.0, clip=CLIP_BELOW)
    scene.ellipsoid((-62.0, -52.0, 160.0), (15.0, 28.0, 18.0), None)


def _add_spleen_pancreas(scene: Scene, patient: Patient, state: ScanState) -> None:
    f = patient.spleen_factor
    scene.structure(54.0 + 0.65 * state.parenchyma_hu, texture=5.0, rough_mm=1.6, blend_mm=10.0, clip=CLIP_BELOW)
    scene.ellipsoid((106.0, 44.0, 226.0), (34.0 * f, 48.0, 46.0 * f))
    scene.ellipsoid((72.0, 34.0, 226.0), (24.0, 30.0, 60.0), cut=True)
    y = _spine_xy(patient, 160.0)[1]
    scene.structure(46.0 + 0.55 * state.parenchyma_hu, texture=14.0, rough_mm=1.8, blend_mm=6.0, clip=CLIP_BELOW)
    scene.tube(
        [(-36, y - 48, 142), (-22, y - 54, 158), (4, y - 62, 166), (40, y - 42, 178), (76, y - 8, 194)],
        [13.0, 11.0, 9.0, 9.5, 8.0],
    )


def _add_kidneys(scene: Scene, patient: Patient, state: ScanState) -> None:
    f = patient.kidney_factor
    for side, z in ((-1.0, 132.0), (1.0, 146.0)):
        x, y = _spine_xy(patient, z)
        centre = np.array([x + side * 66.0, y + 15.0, z])
        frame = np.array([[0.88, side * 0.45, side * 0.12], [-side * 0.45, 0.89, -0.10], [-side * 0.14, 0.05, 0.98]]).T
        frame = np.linalg.qr(frame)[0] * np.sign(np.diag(np.linalg.qr(frame)[1]))
        radii = np.array([27.0, 24.0, 54.0]) * f
        hilum = centre + np.array([-side * 25.0, -9.0, 0.0]) * f
        scene.structure(
            34.0 + 0.8 * state.cortex_hu, rim_hu=36.0 + state.cortex_hu, rim_mm=7.0, texture=7.0, rough_mm=0.8
        )
        scene.ellipsoid(centre, radii, frame)
        scene.ellipsoid(hilum, (17.0, 11.0, 19.0), cut=True)
        scene.structure(33.0 + 0.5 * state.cortex_hu, texture=6.0, rough_mm=0.5)
        for level in (-0.62, -0.32, 0.0, 0.32, 0.62):
            for turn in (-0.9, 0.1, 1.0):
                out = np.array([side * np.cos(turn), np.sin(turn), 0.0]) * (0.62 - 0.35 * level**2)
                scene.ellipsoid(centre + frame @ (out * radii + [0, 0, level * radii[2]]), (6.5, 6.5, 7.5))
        scene.structure(-85.0, texture=8.0, rough_mm=1.5)
        scene.ellipsoid(centre + np.array([-side * 9.0, -3.0, 0.0]) * f, (11.0, 8.0, 25.0), frame)
        scene.structure(12.0 + 0.1 * state.cortex_hu, texture=3.0)
        scene.tube(
            [centre + [-side * 8, -2, 0], hilum + [-side * 4, -2, -8], hilum + [-side * 8, 0, -60]],
            [7.0, 5.0, 2.5],
        )


def _add_pelvic_organs(scene: Scene, patient: Patient, state: ScanState) -> None:
    y0 = _spine_xy(patient, 0.0)[1]
    scene.structure(64.0 + 0.3 * state.parenchyma_hu, texture=7.0, rough_mm=1.0, blend_mm=6.0)
    scene.ellipsoid((4.0, y0 - 26.0, -76.0), (25.0, 19.0, 24.0))
    scene.ellipsoid((0.0, y0 - 18.0, -108.0), (15.0, 11.0, 16.0))
    scene.structure(6.0, rim_hu=46.0, rim_mm=3.2, texture=3.0)
    scene.ellipsoid((0.0, -25.0, -98.0), (37.0, 27.0, 28.0))
    for side in (-1.0, 1.0):
        scene.structure(62.0, rim_hu=-40.0, rim_mm=1.0, texture=8.0)
        scene.ellipsoid((side * 58.0, y0 - 26.0, -104.0), (9.0, 26.0, 24.0), None)


def _add_vessels(scene: Scene, patient: Patient, state: ScanState) -> None:
    arterial, venous = 45.0 + state.arterial_hu, 45.0 + state.venous_hu
    aorta = []
    for z in (36.0, 80.0, 140.0, 200.0, 260.0, 340.0, 440.0):
        x, y = _spine_xy(patient, z)
        aside = np.interp(z, [36, 200, 260, 440], [3, 7, 14, 24])
        back = np.interp(z, [36, 200, 260, 440], [-28, -29, -24, -16])
        radius = np.interp(z, [36, 440], [8.3, 12.5])
        aorta.append((z, x + aside, y + back, radius, radius))
    scene.structure(venous, texture=3.0, rough_mm=0.5)
    cava = []
    for z, out, behind, rx, ry in (
        (30, -16, -27, 10, 8),
        (90, -20, -28, 12, 9),
        (160, -24, -32, 12, 10),
        (220, -24, -42, 13, 11),
        (275, -20, -48, 13, 13),
    ):
        x, y = _spine_xy(patient, z)
        cava.append((z, x + out, y + behind, rx, ry))
    scene.sweep(smooth_rows(cava, 12.0))
    for side in (-1.0, 1.0):
        x, y = _spine_xy(patient, 130.0)
        scene.tube(
            smooth_curve(
                [(x + side * 46, y + 2, 134 + side * 6), (x + side * 20, y - 24, 140), (x - 18, y - 28, 142)],
                8.0,
            ),
            4.6,
        )
    scene.structure(arterial, rim_hu=arterial * 0.9, rim_mm=1.0, texture=3.0)
    scene.sweep(smooth_rows(aorta, 12.0))
    x, y = _spine_xy(patient, 182.0)
    scene.tube(
        [(x + 5, y - 30, 186), (x + 3, y - 50, 182), (x + 2, y - 54, 150), (x, y - 58, 90)],
        [4.5, 4.0, 3.8, 2.5],
    )
    _add_iliac_vessels(scene, patient, arterial, venous)


def _add_iliac_vessels(scene: Scene, patient: Patient, arterial: float, venous: float) -> None:
    x, y = _spine_xy(patient, 34.0)
    y0 = _spine_xy(patient, 0.0)[1]
    f = patient.pelvis_factor
    for side in (-1.0, 1.0):
        course = [
            (side * 30 * f, y0 - 30, 0),
            (side * 48 * f, y0 - 32, -35),
            (side * 66 * f, y0 - 62, -80),
            (side * 76 * f, y0 - 82, -112),
            (side * 82 * f, y0 - 80, -150),
            (side * 84 * f, y0 - 70, -230),
        ]
        scene.structure(venous, texture=3.0)
        start = [(x - 12, y - 26, 34)]
        scene.tube(smooth_curve(start + [(a - side * 3 - 2, b + 11, c) for a, b, c in course], 10.0), 6.2)
        scene.structure(arterial, texture=3.0)
        scene.tube(smooth_curve([(x + 3, y - 29, 38), *course], 10.0), 5.2)
