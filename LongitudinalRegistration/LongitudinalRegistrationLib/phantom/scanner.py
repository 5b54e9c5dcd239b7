"""One scan of a subject: how the patient lies in it, what the scanner sees, the voxels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike

from ..system.parallel import over_slices
from .anatomy import Patient
from .deformation import ScanMap, draw_field
from .envelope import Envelope, arm_axis, build_envelope
from .options import PhantomOptions
from .organs import ScanState, add_organs
from .render import Content, Distances, Placement, Volumes, render_slices
from .shapes import Scene
from .skeleton import Lesion, add_skeleton
from .surroundings import Noise, add_table_and_noise, fit_table, make_noise, make_texture

_TOP_MM, _BOTTOM_MM, _CHEST_TOP_MM = 292.0, -158.0, 408.0
_KNOT_MM = 3.3


@dataclass(frozen=True)
class PhantomScan:
    """One scan, all images on one grid.

    image: int16 HU; body: uint8 0/1, solid, without prosthesis, blanket, table and cable; vertebrae: uint8 VerSe
    numbers (T10 = 17 ... L5 = 24); vertebra_parts: uint8 1 = body, 2 = processes; lesion: uint8 1 = sclerotic,
    2 = lytic. Body and labels are 0 where the image is padding.
    """

    image: sitk.Image
    body: sitk.Image
    vertebrae: sitk.Image
    vertebra_parts: sitk.Image
    lesion: sitk.Image


@dataclass(frozen=True)
class ScanGrid:
    """Voxels of a scan: origin and spacing (3,), float64, x, y, z, mm; pixels a side; slices."""

    origin: np.ndarray
    spacing: np.ndarray
    size: int
    slices: int


@dataclass(frozen=True)
class Subject:
    """What all scans of a patient show; texture: periodic [k, j, i], float32, unit variance."""

    patient: Patient
    envelope: Envelope
    texture: np.ndarray


@dataclass(frozen=True)
class ScanPlan:
    """Everything that tells one scan of a patient from another.

    Attributes
    ----------
    grid
        Its voxels.
    map
        Its points to canonical points.
    state
        Contrast phase and bowel gas.
    lesions
        As they are on that day.
    boxy_table
        Whether the underside of the table is a box; else an arc.
    noise_hu
        Standard deviation of the noise in the middle of the patient, HU.
    softness
        Multiplies the width of the soft edges: a softer kernel has a larger one.
    organ_seed
        Draws the shapes of the organs and bones; alike for all scans of a patient.
    """

    grid: ScanGrid
    map: ScanMap
    state: ScanState
    lesions: tuple[Lesion, ...]
    boxy_table: bool
    noise_hu: float
    organ_seed: tuple[int, ...]
    softness: float = 1.0


def make_subject(patient: Patient, rng: np.random.Generator) -> Subject:
    """Build what all scans of a patient share.

    Parameters
    ----------
    patient
        The patient.
    rng
        Draws the texture.

    Returns
    -------
    Subject
        Patient, envelope, texture.
    """
    return Subject(patient, build_envelope(patient), make_texture(rng))


def part_of(report: Callable[[float], None], start: float, share: float) -> Callable[[float], None]:
    """Make what to call with the fraction done of a part that begins at `start` and makes up `share` of the whole."""
    return lambda fraction: report(start + share * fraction)


def rotation(degrees_xyz: ArrayLike, flipped: bool) -> np.ndarray:
    """Make the rotation about x, then y, then z.

    Parameters
    ----------
    degrees_xyz
        (3,), degrees.
    flipped
        Whether the patient is turned face down first.

    Returns
    -------
    numpy.ndarray
        (3, 3), float64.
    """
    a, b, c = np.radians(degrees_xyz)
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turn = np.diag([-1.0, -1.0, 1.0]) if flipped else np.eye(3)
    return turn @ rz @ ry @ rx


def draw_position(patient: Patient, options: PhantomOptions, rng: np.random.Generator) -> tuple[ScanMap, np.ndarray]:
    """Draw how a patient lies at a follow-up: tilted, shifted, and deformed.

    Parameters
    ----------
    patient
        The patient.
    options
        Of which position, table and deformation count.
    rng
        What is drawn from.

    Returns
    -------
    map, shift
        Scan points to canonical points; (3,), float64, mm, how far the patient's centre is off.
    """
    steady = 0.0 if options.table_contact else 1.0
    tilt = rng.uniform(2.0, 4.0, 3) * rng.choice([-1.0, 1.0], 3) * [0.7 * steady, 0.7, 0.9]
    centre = np.array([0.0, 0.0, 80.0]) * patient.scale
    shift = rng.uniform([6, 4, 6], [14, 10, 12]) * rng.choice([-1.0, 1.0], 3)
    matrix = rotation(tilt, options.position == "prone")
    offset = centre - matrix @ (centre * [1, 1, 1] + shift)
    return ScanMap(matrix, offset, draw_field(rng, patient, options.deformation_mm)), shift


def straight_position(options: PhantomOptions) -> ScanMap:
    """Lay a patient as at a baseline: straight, not deformed.

    Parameters
    ----------
    options
        Of which the position counts.

    Returns
    -------
    ScanMap
        Affine.
    """
    return ScanMap(rotation((0, 0, 0), options.position == "prone"), np.zeros(3), np.zeros((0, 10)))


def field_of_view_mm(patient: Patient, options: PhantomOptions) -> float:
    """Choose the side of the picture for a patient, mm.

    Parameters
    ----------
    patient
        The patient.
    options
        Of which what makes a patient wide counts.

    Returns
    -------
    float
        mm.
    """
    trunk = 2.0 * patient.scale * (float(patient.half_width(-80.0)) + 1.3 * patient.fat_mm)
    if options.truncated_fov:
        return trunk * 0.9
    margin = 2.0 * float(np.max(np.abs(options.off_centre_mm)))
    if options.arms == "down":
        trunk = 2.0 * patient.scale * (arm_axis(patient) + 40.0) - 20.0
    if options.legs_apart:
        trunk += 70.0
    return max(400.0, trunk + 44.0 + margin)


def grid_around(
    patient: Patient, options: PhantomOptions, fov: float, shift: np.ndarray, slice_factor: float, lower: float
) -> ScanGrid:
    """Make the voxels of a scan around the patient's centre.

    Parameters
    ----------
    patient
        The patient.
    options
        Of which size, slices and coverage count.
    fov
        Side of the picture, mm.
    shift
        (3,), float64, mm: how far the patient's centre is off.
    slice_factor
        Multiplies the distance of the slices.
    lower
        What is cut off both ends, mm.

    Returns
    -------
    ScanGrid
        Of the scan.
    """
    s = patient.scale
    top = (_CHEST_TOP_MM if options.coverage == "chest" else _TOP_MM) * s - lower
    bottom = _BOTTOM_MM * s + lower
    step = (_CHEST_TOP_MM if options.coverage == "chest" else _TOP_MM) * s - _BOTTOM_MM * s
    step = round(step / options.slices * slice_factor, 3)
    slices = max(2, int(round((top - bottom) / step)))
    if slice_factor == 1.0:
        slices = options.slices
    spacing = fov / options.size
    x, y = shift[0] + options.off_centre_mm[0] * -1.0, shift[1] + options.off_centre_mm[1] * -1.0
    origin = np.array([x - 0.5 * (fov - spacing), y + 12.0 - 0.5 * (fov - spacing), bottom + shift[2]])
    return ScanGrid(origin, np.array([spacing, spacing, step]), options.size, slices)


def _build_scene(subject: Subject, plan: ScanPlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scene = Scene(subject.patient.scale)
    rng = np.random.default_rng(plan.organ_seed)
    add_organs(scene, subject.patient, plan.state, rng)
    add_skeleton(scene, subject.patient, subject.envelope, plan.lesions, rng)
    return scene.tables()


def _things_on_skin(patient: Patient, options: PhantomOptions, rng: np.random.Generator) -> np.ndarray:
    """Numbers of blanket, prosthesis and cable for the renderer, mm and HU."""
    s = patient.scale
    side = rng.choice([-1.0, 1.0])
    return np.array(
        [
            -95.0 * s if options.legs_apart else -1e4,
            rng.uniform(14.0, 20.0),
            rng.uniform(1.2, 2.0),
            rng.uniform(-780.0, -650.0),
            side * rng.uniform(62.0, 80.0) * s,
            rng.uniform(238.0, 262.0) * s,
            rng.uniform(50.0, 60.0),
            rng.uniform(46.0, 56.0),
            0.0 if options.prosthesis_on_skin else rng.uniform(4.0, 7.0),
            rng.uniform(30.0, 42.0),
            rng.uniform(60.0, 120.0),
            -side * rng.uniform(50.0, 90.0) * s,
            rng.uniform(8.0, 22.0),
            rng.uniform(40.0, 70.0),
        ]
    )


def render_scan(
    subject: Subject,
    scan: ScanPlan,
    options: PhantomOptions,
    rng: np.random.Generator,
    report: Callable[[float], None],
) -> PhantomScan:
    """Render a scan.

    Parameters
    ----------
    subject
        The patient.
    scan
        The scan.
    options
        Of what lies on the skin, the table and the padding.
    rng
        Draws these, and the noise.
    report
        Called with the part that is done, 0 to 1.

    Returns
    -------
    PhantomScan
        All images on the scan's grid.
    """
    grid = scan.grid
    things = _things_on_skin(subject.patient, options, rng)
    width = scan.softness * max(1.0, 0.55 * grid.spacing[0] + 0.45)
    drawn = _draw(subject, scan, things, width, options.samples_per_slice, part_of(report, 0.0, 0.85))
    image, body, vertebrae, parts, lesion = _seen_in_slices(drawn, options.samples_per_slice)
    _finish(image, body, scan, options, rng, width)
    if options.padding_hu is not None:
        _pad(image, (body, vertebrae, parts, lesion), options.padding_hu)
    report(1.0)
    return PhantomScan(*(_as_image(a, grid) for a in (image, body, vertebrae, parts, lesion)))


def _draw(
    subject: Subject,
    scan: ScanPlan,
    things: np.ndarray,
    width: float,
    samples: int,
    report: Callable[[float], None],
) -> Volumes:
    """Draw a scan without table and noise, with so many samples a slice along its thickness."""
    grid = scan.grid
    spacing = grid.spacing / [1.0, 1.0, samples]
    origin = grid.origin - [0.0, 0.0, spacing[2] * (samples // 2)]
    total = grid.slices * samples
    shape = (total, grid.size, grid.size)
    volumes = Volumes(np.empty(shape, np.int16), *(np.zeros(shape, np.uint8) for _ in range(4)))
    field, envelope = scan.map, subject.envelope
    knot = max(1, min(4, int(_KNOT_MM / spacing[0])))
    placement = Placement(origin, spacing, field.matrix, field.offset, field.terms, knot)
    distances = Distances(envelope.values, envelope.origin, envelope.step)
    content = Content(*_build_scene(subject, scan), subject.texture, things, scan.state.gravity, width)
    batch = max(8, total // 8)
    for first in range(0, total, batch):
        count = min(batch, total - first)
        over_slices(render_slices, placement, distances, content, volumes, first, slices=count)
        report(min(first + batch, total) / total)
    return volumes


def _seen_in_slices(drawn: Volumes, samples: int) -> Volumes:
    """Average each slice's samples, and keep the labels of the middle one."""
    if samples == 1:
        return drawn
    image = drawn.image.reshape(-1, samples, *drawn.image.shape[1:])
    mean = np.stack([np.rint(each.mean(axis=0)) for each in image]).astype(np.int16)
    return Volumes(mean, *(each[samples // 2 :: samples].copy() for each in drawn[1:]))


def _finish(
    image: np.ndarray, body: np.ndarray, scan: ScanPlan, options: PhantomOptions, rng: np.random.Generator, width: float
) -> None:
    grid = scan.grid
    table = fit_table(rng, body, grid.origin, grid.spacing, options.table_contact, scan.boxy_table)
    pictures = make_noise(rng, min(grid.size, 512), grid.spacing[0])
    shifts = rng.integers(0, pictures.shape[1], (grid.slices, 3))
    shifts[:, 2] = (np.arange(grid.slices) + rng.integers(6)) % pictures.shape[0]
    centre = np.linalg.solve(scan.map.matrix, np.array([0.0, 0.0, 80.0]) - scan.map.offset)
    noise = Noise(pictures, shifts, scan.noise_hu, centre[:2])
    add_table_and_noise(image, body, grid.origin, grid.spacing, table, noise, width)


def _pad(image: np.ndarray, labels: Iterable[np.ndarray], padding_hu: int) -> None:
    """Outside the circle of reconstruction the image is padding and shows nothing of the patient; in place."""
    half = 0.5 * image.shape[1]
    square = (np.arange(image.shape[1]) - half + 0.5) ** 2
    unseen = square[:, None] + square[None, :] > half**2
    image[:, unseen] = padding_hu
    for array in labels:
        array[:, unseen] = 0


def _as_image(array: np.ndarray, grid: ScanGrid) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    return image
