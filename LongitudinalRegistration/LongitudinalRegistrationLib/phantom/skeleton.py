"""Bones of the scene: vertebrae with discs and canal, ribs, sacrum, pelvis, femurs, sternum, arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .anatomy import L5, T10, Patient, Vertebra, spine_frame
from .envelope import CAVITY, Envelope, arm_axis
from .options import PhantomOptions
from .shapes import CLIP_LABEL, Scene, frame_from, smooth_curve

CORTEX_HU = 760.0
HEALED_HU = 780.0
SCLEROTIC, LYTIC = 1, 2


@dataclass(frozen=True)
class Lesion:
    """A bone metastasis on one day.

    Attributes
    ----------
    vertebra
        Where it is.
    kind
        SCLEROTIC or LYTIC.
    offset
        (3,), float64, from the vertebral body's centre in its frame, mm.
    radius_mm
        Its size.
    sclerosis
        The part of the radius, from the outside, in which a lytic lesion has become dense, 0 to 1.
    contrast_hu
        Of a ball of bone that is denser (lighter) by this much; None: as dense as its kind is.
    """

    vertebra: Vertebra
    kind: int
    offset: np.ndarray
    radius_mm: float
    sclerosis: float = 0.0
    contrast_hu: float | None = None

    def grown(self, factor: float, sclerosis: float = 0.0) -> Lesion:
        """Make the lesion of another day.

        Parameters
        ----------
        factor
            Its radius over this one's.
        sclerosis
            Of the other day.

        Returns
        -------
        Lesion
            In the same place.
        """
        return replace(self, radius_mm=self.radius_mm * factor, sclerosis=sclerosis)


def add_skeleton(
    scene: Scene,
    patient: Patient,
    envelope: Envelope,
    lesions: Sequence[Lesion],
    rng: np.random.Generator,
) -> None:
    """Paint all bones.

    Parameters
    ----------
    scene
        What they are added to.
    patient
        The patient.
    envelope
        Its distance fields: ribs follow the cavity.
    lesions
        As they are on this scan.
    rng
        Draws the shapes and must be alike for all scans of the patient.
    """
    _add_ribs(scene, patient, envelope, rng)
    _add_pelvis(scene, patient)
    _add_femurs(scene, patient)
    _add_sacrum(scene, patient)
    if patient.arms_down:
        _add_arm_bones(scene, patient)
    _add_discs(scene, patient)
    for vertebra in reversed(patient.vertebrae):
        _add_vertebra(scene, patient, vertebra)
    _add_canal(scene, patient)
    for lesion in lesions:
        if lesion.contrast_hu is None:
            _add_lesion(scene, lesion)
        else:
            _add_ball(scene, patient, lesion, lesion.contrast_hu)


def draw_lesions(patient: Patient, rng: np.random.Generator) -> Iterator[Lesion]:
    """Draw one sclerotic and one lytic lesion in two labelled vertebrae.

    Parameters
    ----------
    patient
        The patient.
    rng
        What is drawn from.

    Yields
    ------
    Lesion
        See there.
    """
    labelled = [v for v in patient.vertebrae if T10 <= v.number <= L5]
    first, second = rng.permutation(len(labelled))[:2]
    for index, kind in ((first, SCLEROTIC), (second, LYTIC)):
        vertebra = labelled[index]
        half = np.array([vertebra.width, vertebra.depth, vertebra.height]) / 2.0
        yield Lesion(vertebra, kind, rng.uniform(-0.35, 0.35, 3) * half, rng.uniform(5.5, 7.5))


def draw_new_lesions(
    patient: Patient, options: PhantomOptions, others: Sequence[Lesion], rng: np.random.Generator
) -> tuple[Lesion, ...]:
    """Draw lesions of a known size and contrast, in labelled vertebrae that have no other.

    Parameters
    ----------
    patient
        The patient.
    options
        Of which the new lesions count.
    others
        The lesions that are there already.
    rng
        What is drawn from.

    Returns
    -------
    tuple of Lesion
        Denser and lighter in turn.
    """
    taken = {lesion.vertebra.number for lesion in others}
    free = [v for v in patient.vertebrae if T10 <= v.number <= L5 and v.number not in taken]
    found = []
    for count, index in enumerate(rng.permutation(len(free))[: options.new_lesions]):
        vertebra, sign = free[index], -1.0 if count % 2 else 1.0
        half = np.array([vertebra.width, vertebra.depth, vertebra.height]) / 2.0
        room = np.maximum(half - options.new_lesion_radius_mm / patient.scale - 2.0, 0.0)
        offset, kind = rng.uniform(-1.0, 1.0, 3) * room, SCLEROTIC if sign > 0 else LYTIC
        radius = options.new_lesion_radius_mm / patient.scale
        found.append(Lesion(vertebra, kind, offset, radius, contrast_hu=sign * options.new_lesion_hu))
    return tuple(found)


def _bone(
    scene: Scene,
    patient: Patient,
    *,
    rim_mm: float = 1.5,
    blend_mm: float = 4.0,
    rough_mm: float = 0.35,
    label: int = 0,
    rim_hu: float = CORTEX_HU,
    hu: float | None = None,
) -> None:
    scene.structure(
        patient.bone_hu if hu is None else hu,
        rim_hu=rim_hu,
        rim_mm=rim_mm,
        texture=34.0,
        rough_mm=rough_mm,
        blend_mm=blend_mm,
        label=label,
    )


def _add_discs(scene: Scene, patient: Patient) -> None:
    scene.structure(88.0, rim_hu=110.0, rim_mm=3.0, texture=4.0)
    for vertebra in patient.vertebrae:
        below = vertebra.centre - vertebra.frame[:, 2] * (vertebra.height + vertebra.disc_below) / 2.0
        half = (0.485 * vertebra.width, 0.485 * vertebra.depth, 0.5 * vertebra.disc_below + 2.5)
        scene.body(below, half, vertebra.frame)


def _add_vertebra(scene: Scene, patient: Patient, vertebra: Vertebra) -> None:
    """Body and processes of one vertebra, in one structure; lumbar and thoracic processes differ."""
    label = vertebra.number if T10 <= vertebra.number <= L5 else 0
    _bone(scene, patient, rim_mm=1.25, blend_mm=5.0, rough_mm=0.3, label=label, rim_hu=620.0)
    frame, centre = vertebra.frame, vertebra.centre
    w, d, h = vertebra.width / 2.0, vertebra.depth / 2.0, vertebra.height / 2.0
    lumbar = vertebra.number >= 20

    def at(left: float, back: float, up: float) -> np.ndarray:
        return centre + frame @ np.array([left, back, up], dtype=float)

    scene.body(centre, (w, d, h), frame)
    spread = 0.66 * w if lumbar else 0.58 * w
    arch = d + (13.0 if lumbar else 11.0)
    for side in (-1.0, 1.0):
        root = 0.6 * h if not lumbar else 0.32 * h
        for up in (root - 2.5, root + 2.5):
            scene.cone(at(side * spread, d - 5.0, up), at(side * (spread + 1.5), arch, up), 4.6, 4.4)
        lamina = frame_from(frame @ np.array([side * 14.0, -10.5, 0.0]), frame[:, 2])
        scene.plate(at(side * 0.5 * spread, arch + 6.5, -0.35 * h), (13.0, 0.78 * h, 3.2), lamina)
        facet = spread + (1.0 if lumbar else -1.0)
        scene.ellipsoid(at(side * facet, arch + 1.0, h + 1.0), (4.6, 4.4, 8.5), frame, part=2)
        scene.ellipsoid(at(side * (facet - 3.5), arch + 7.5, -h - 4.0), (4.6, 3.9, 8.5), frame, part=2)
        if lumbar:
            reach = spread + (24.0 if vertebra.number in (22, 21) else 20.0)
            tip = at(side * reach, arch + 3.0, root + 3.0)
            scene.tube([at(side * spread, arch - 1.0, root), tip], [5.2, 3.3], z_scale=0.75)
        else:
            tip = at(side * (spread + 15.0), arch + 11.0, root + 3.0)
            scene.tube([at(side * spread, arch, root), tip], [5.4, 4.6], z_scale=0.85)
    drop = 0.35 if lumbar else 0.85
    length = 15.5 if lumbar else 16.5
    along = frame @ np.array([0.0, 1.0, -drop])
    spinous = frame_from(along, frame[:, 2])
    middle = at(0.0, arch + 10.0 + length * 0.8, -0.45 * h - length * 0.8 * drop)
    tall = 9.5 if lumbar else 5.5
    scene.plate(middle, (length, tall, 2.4), spinous, edge_mm=1.6)


def _add_canal(scene: Scene, patient: Patient) -> None:
    """Dural sac with a rim of epidural fat, behind the vertebral bodies from the sacrum up."""
    scene.structure(28.0, rim_hu=-70.0, rim_mm=1.8, texture=3.0)
    rows = []
    for z in np.arange(-45.0, 440.0, 6.0):
        frame = spine_frame(patient, z)
        depth = np.interp(z, [-45.0, 30.0, 230.0, 430.0], [12.0, 17.0, 15.0, 12.5])
        centre = np.array([*patient.spine(z), z]) + frame[:, 1] * (depth + 7.8)
        size = np.interp(z, [-45.0, 0.0, 120.0, 430.0], [4.5, 8.2, 8.0, 7.0])
        rows.append((z, centre[0], centre[1], 1.22 * size, size))
    scene.sweep(rows)


def _add_lesion(scene: Scene, lesion: Lesion) -> None:
    """Rough ball of dense or of destroyed bone, kept within its vertebra; a healing lytic one is dense from outside."""
    vertebra, radius = lesion.vertebra, lesion.radius_mm
    if lesion.kind == SCLEROTIC:
        scene.structure(
            900.0,
            texture=70.0,
            rough_mm=1.2,
            rim_hu=620.0,
            rim_mm=1.5,
            clip=CLIP_LABEL,
            label=vertebra.number,
            lesion=lesion.kind,
        )
    else:
        scene.structure(
            58.0,
            texture=9.0,
            rough_mm=1.2,
            rim_hu=HEALED_HU,
            rim_mm=lesion.sclerosis * radius,
            clip=CLIP_LABEL,
            label=vertebra.number,
            lesion=lesion.kind,
        )
    scene.ellipsoid(vertebra.centre + vertebra.frame @ lesion.offset, (radius, radius, 0.9 * radius), vertebra.frame)


def _add_ball(scene: Scene, patient: Patient, lesion: Lesion, contrast_hu: float) -> None:
    """Ball of marrow that is denser or lighter, kept within its vertebra."""
    vertebra = lesion.vertebra
    hu = patient.bone_hu + contrast_hu
    scene.structure(hu, texture=34.0, clip=CLIP_LABEL, label=vertebra.number, lesion=lesion.kind)
    scene.ellipsoid(vertebra.centre + vertebra.frame @ lesion.offset, (lesion.radius_mm,) * 3, vertebra.frame)


def _wall_point(
    envelope: Envelope, patient: Patient, centre: Sequence[float], angle: float, z: float, outward_mm: float
) -> np.ndarray:
    """Point at height z where a ray from centre (xy) at angle leaves the cavity by outward_mm, average-size mm."""
    s = patient.scale
    steps = np.arange(20.0, 220.0, 2.0)
    rays = np.column_stack(
        [centre[0] + steps * np.sin(angle), centre[1] + steps * np.cos(angle), np.full(len(steps), z)]
    )
    distance = envelope.sample(rays * s, CAVITY) / s
    inside = np.nonzero(distance < outward_mm)[0]
    last = inside[-1] if len(inside) else 0
    following = min(last + 1, len(steps) - 1)
    gain = distance[following] - distance[last]
    share = np.clip((outward_mm - distance[last]) / gain, 0.0, 1.0) if gain > 1e-6 else 0.0
    return rays[last] + share * (rays[following] - rays[last])


# VerSe number: end angle (degrees from the back), drop along the rib (mm), whether cartilage reaches the front
_RIBS = {
    19: (62, 46, False),
    18: (98, 72, False),
    17: (132, 92, True),
    16: (140, 95, True),
    15: (146, 94, True),
    14: (150, 92, True),
    13: (152, 88, True),
    12: (154, 84, True),
    11: (155, 78, True),
    10: (156, 72, True),
    9: (156, 66, True),
}


def _add_ribs(scene: Scene, patient: Patient, envelope: Envelope, rng: np.random.Generator) -> None:
    outward = 4.0 if patient.thin_chest_wall else 6.0
    cartilage = []
    for vertebra in patient.vertebrae:
        if vertebra.number not in _RIBS:
            continue
        end, drop, reaches = _RIBS[vertebra.number]
        for side in (-1.0, 1.0):
            path = _rib_path(patient, envelope, vertebra, side, end * rng.uniform(0.97, 1.03), drop, outward)
            radius = np.interp(np.arange(len(path)), [0, 3, len(path) - 1], [4.6, 3.9, 3.6])
            _bone(scene, patient, rim_mm=1.6, blend_mm=2.0, rough_mm=0.2, rim_hu=640.0)
            scene.tube(path, radius, z_scale=0.56)
            if reaches:
                cartilage.append(_cartilage_path(patient, envelope, path[-1], side, vertebra.number, outward))
    scene.structure(118.0, rim_hu=150.0, rim_mm=1.2, texture=12.0)
    for path in cartilage:
        scene.tube(path, 4.4, z_scale=0.7)
    sternum = _wall_point(envelope, patient, (0.0, 0.0), np.pi, 345.0, outward)
    _bone(scene, patient, rim_mm=1.4, rim_hu=480.0, hu=120.0)
    scene.plate((0.0, sternum[1], 355.0), (17.0, 75.0, 4.6), frame_from((1, 0, 0), (0, 0.12, 1)))


def _rib_path(
    patient: Patient, envelope: Envelope, vertebra: Vertebra, side: float, end: float, drop: float, outward: float
) -> np.ndarray:
    """From the costovertebral joint along the chest wall, falling towards the front."""
    frame = vertebra.frame
    head = vertebra.centre + frame @ np.array(
        [side * 0.46 * vertebra.width, 0.42 * vertebra.depth, 0.35 * vertebra.height]
    )
    neck = vertebra.centre + frame @ np.array([side * (0.5 * vertebra.width + 17.0), 0.5 * vertebra.depth + 15.0, 4.0])
    centre = (vertebra.centre[0] * 0.5, 5.0)
    points = [head, neck]
    for angle in np.radians(np.arange(38.0, max(end, 50.0) + 1e-6, 6.0)):
        share = (np.degrees(angle) - 20.0) / (end - 20.0)
        height = vertebra.centre[2] + 3.0 - drop * share**1.15
        points.append(_wall_point(envelope, patient, centre, side * angle, height, outward))
    return smooth_curve(points, 9.0)


def _cartilage_path(
    patient: Patient, envelope: Envelope, start: np.ndarray, side: float, number: int, outward: float
) -> np.ndarray:
    """From a rib's end up and inwards to the costal arch."""
    rise = 24.0 + 5.0 * (number - 9)
    points = [start]
    first = np.degrees(np.arctan2(abs(start[0]), start[1] - 5.0))
    for share in (0.33, 0.66, 1.0):
        angle = np.radians(first + (172.0 - first) * share)
        points.append(_wall_point(envelope, patient, (0.0, 5.0), side * angle, start[2] + rise * share**1.3, outward))
    return smooth_curve(points, 9.0)


def _add_sacrum(scene: Scene, patient: Patient) -> None:
    x0, y0 = (float(v) for v in patient.spine(0.0))
    curve = smooth_curve(
        [(x0, y0, 0), (x0, y0 + 16, -28), (x0, y0 + 38, -62), (x0, y0 + 45, -95), (x0, y0 + 34, -122)], 12.0
    )
    _bone(scene, patient, rim_mm=1.5, blend_mm=14.0, rim_hu=480.0, hu=0.8 * patient.bone_hu)
    frame = spine_frame(patient, -8.0)
    scene.body(np.array([x0, y0 + 3.0, -15.0]), (25.0, 16.5, 15.5), frame)
    count = len(curve)
    for n in range(1, count - 1):
        share = n / (count - 1)
        width = 40.0 * (1.0 - share) ** 0.9 + 9.0
        scene.ellipsoid(curve[n] + np.array([0, 4, 0]), (width, 12.5 - 6.5 * share, 11.0), part=2)
    for side in (-1.0, 1.0):
        scene.ellipsoid((x0 + side * 33, y0 + 12, -17), (23.0, 15.0, 17.0), part=2)
        scene.ellipsoid((x0 + side * 47, y0 + 24, -33), (15.5, 17.0, 25.0), part=2)
        for z, back, out in ((-24.0, 15.0, 21.0), (-46.0, 28.0, 17.0), (-66.0, 40.0, 13.0)):
            hole = np.array([x0 + side * out, y0 + back, z])
            scene.cone(hole - [side * 2, 15, 2], hole + [side * 2, 15, -2], 3.6, cut=True)
    ridge = smooth_curve(curve[1:-1] + np.array([0, 18, 0]), 10.0)
    scene.tube(ridge, 4.0)


def hip_centre(patient: Patient, side: float) -> np.ndarray:
    """Find the centre of the femoral head.

    Parameters
    ----------
    patient
        The patient.
    side
        1 left, -1 right.

    Returns
    -------
    numpy.ndarray
        (3,), x, y, z, mm of an average patient.
    """
    return np.array([side * 88.0 * patient.pelvis_factor, float(patient.spine(0.0)[1]) - 24.0, -96.0])


def _add_pelvis(scene: Scene, patient: Patient) -> None:
    y0 = float(patient.spine(0.0)[1])
    f = patient.pelvis_factor
    for side in (-1.0, 1.0):
        hip = hip_centre(patient, side)
        _bone(scene, patient, rim_mm=1.8, blend_mm=10.0, rough_mm=0.5, rim_hu=700.0)
        wing = frame_from((side * 0.60, -0.80, 0.0), (side * 0.34, 0.10, 1.0))
        scene.plate(
            (side * 90.0 * f, y0 - 2.0, -27.0),
            (66.0, 53.0, 3.6),
            wing,
            bend=(-side * 0.0035, -side * 0.0018),
            taper=0.3,
            edge_mm=3.6,
        )
        scene.ellipsoid(
            (side * 60.0 * f, y0 + 33.0, -28.0),
            (9.0, 17.0, 26.0),
            frame_from((0.86, side * -0.5, 0), (0, 1, 0)),
        )
        scene.cone((side * 91 * f, y0 - 4, -55), hip + [side * 2, 2, 8], 12.0, 26.0)
        scene.ellipsoid(hip + [side * -3, 0, 0], (33.0, 33.0, 33.0))
        scene.tube([hip + [0, 22, -6], hip + [side * -12, 33, -32], hip + [side * -22, 30, -58]], [17.0, 15.0, 15.0])
        scene.tube(
            [hip + [side * -22, 30, -58], hip + [side * -45, 6, -55], hip + [side * -66, -18, -42]],
            [10.0, 6.5, 7.5],
        )
        scene.tube(
            [hip + [side * -14, -16, 4], hip + [side * -45, -30, -10], (side * 12 * f, hip[1] - 34, -122)],
            [12.0, 7.5, 8.5],
        )
        scene.ellipsoid((side * 10.5 * f, hip[1] - 32, -128), (7.5, 10.0, 20.0))
        scene.ellipsoid(hip + [side * 5, -1, -3], (27.5, 27.5, 27.5), cut=True)
        scene.cone(hip + [side * 10, -2, -4], hip + [side * 45, -4, -24], 27.0, 34.0, cut=True)
        scene.ellipsoid(hip + [side * -38, 2, -36], (17.0, 30.0, 15.0), cut=True)


def _add_femurs(scene: Scene, patient: Patient) -> None:
    for side in (-1.0, 1.0):
        hip = hip_centre(patient, side)
        lean = 0.26 if patient.legs_apart else 0.02
        trochanter = hip + [side * 48, 10, -14]
        shaft = [hip + [side * (40 + lean * max(-40 - z, 0)), 6, z] for z in (-42, -75, -120, -180)]
        _bone(scene, patient, rim_mm=1.8, blend_mm=8.0, rim_hu=820.0, hu=1.15 * patient.bone_hu)
        scene.ellipsoid(hip, (23.5, 23.5, 23.5), part=2)
        scene.cone(hip, hip + [side * 40, 4, -26], 15.5, 17.0)
        scene.ellipsoid(trochanter, (13.0, 17.0, 22.0), part=2)
        scene.ellipsoid(hip + [side * 27, 18, -56], (9.0, 9.0, 13.0), part=2)
        scene.cone(hip + [side * 42, 5, -26], shaft[0], 19.0, 16.5)
        _bone(scene, patient, rim_mm=5.5, blend_mm=4.0, rim_hu=1150.0, hu=-50.0)
        scene.tube(shaft, [15.5, 14.5, 14.0, 14.0])


def _add_arm_bones(scene: Scene, patient: Patient) -> None:
    for side in (-1.0, 1.0):
        axis = side * arm_axis(patient)
        _bone(scene, patient, rim_mm=4.0, rim_hu=1100.0, hu=-40.0)
        scene.tube([(axis, 18, 450), (axis, 18, 60)], [12.0, 12.0])
        _bone(scene, patient, rim_mm=3.0, rim_hu=1100.0, hu=-20.0)
        scene.tube([(axis - 11, 20, 60), (axis - 11, 18, -180)], [8.0, 6.5])
        scene.tube([(axis + 11, 16, 60), (axis + 11, 18, -180)], [7.0, 7.5])
