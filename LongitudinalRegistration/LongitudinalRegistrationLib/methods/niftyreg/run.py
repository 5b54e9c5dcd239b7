"""Run NiftyReg's programs: reg_aladin, then reg_f3d, then the dense field through reg_transform."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.owned_folders import owned_folder

from ...field.transforms import without_affine
from ...scan.geometry import affine_from_matrix, linear_matrix
from ...scan.grid import AIR_HU
from ...scan.normalise import ceiling_hu, normalise
from ...system.programs import ProgramError, run_program
from ..method import MethodError

Progress = Callable[[float], None]
FIXED, MOVING = "fixed.nii", "moving.nii"
STRETCHED_AIR = 0.0


class NiftyRegError(MethodError):
    """A program of NiftyReg ended with an error or was killed."""


class _IterationProgress:
    """Progress from NiftyReg's own lines: the level it is at, and the iteration in it.

    An iteration of a level takes eight times as long as one of the level before, which may have twice as many. A level
    that ends before its iterations are used up makes progress jump, so that it is rather too slow than too fast.
    """

    LEVEL = re.compile(r"[Ll]evel[^0-9]*(\d+)\s*/\s*(\d+)")
    MOST = re.compile(r"Maximum iteration number: (\d+)")
    ITERATION = re.compile(r"\] \[(\d+)\] Current objective function")

    def __init__(self, progress: Progress):
        self._progress = progress
        self._level, self._levels, self._most = 1, 3, 150

    def __call__(self, line: str) -> None:
        """Take one line."""
        if found := self.LEVEL.search(line):
            self._level, self._levels = int(found.group(1)), int(found.group(2))
            self._report(0.0)
        elif found := self.MOST.search(line):
            self._most = max(1, int(found.group(1)))
        elif found := self.ITERATION.search(line):
            self._report(min(1.0, int(found.group(1)) / self._most))

    def _report(self, of_level: float) -> None:
        shares = [4.0**n for n in range(self._levels)]
        done = sum(shares[: self._level - 1]) + of_level * shares[self._level - 1]
        self._progress(min(1.0, done / sum(shares)))


def read_affine(path: Path) -> sitk.AffineTransform:
    """reg_aladin's matrix (reference to floating points, RAS mm) as an ITK transform (LPS mm)."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix = flip @ np.loadtxt(path) @ flip
    return affine_from_matrix(matrix)


def write_affine(affine: sitk.Transform, path: Path) -> None:
    """The inverse of read_affine: a NiftyReg matrix file from any linear transform."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.savetxt(path, flip @ linear_matrix(affine) @ flip, fmt="%.9g")


def read_displacement(path: Path, reference: sitk.Image) -> sitk.Image:
    """Read a field of reg_transform, which stores RAS.

    Parameters
    ----------
    path
        NIfTI, (X, Y, Z, 1, 3), mm, RAS.
    reference
        The image whose grid the field is on.

    Returns
    -------
    SimpleITK.Image
        Vector image on the reference grid, mm, LPS.
    """
    stored = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(stored)
    if stored.GetNumberOfComponentsPerPixel() == 1:
        values = np.moveaxis(values.reshape(3, *values.shape[-3:]), 0, -1)
    else:
        values = values.reshape(*values.shape[-4:])
    values = values.astype(np.float32)
    values[..., :2] *= -1
    field = sitk.GetImageFromArray(values, isVector=True)
    field.CopyInformation(reference)
    return field


def aladin(
    programs: dict[str, Path],
    fixed: sitk.Image,
    moving: sitk.Image,
    threads: int,
    progress: Progress | None = None,
) -> sitk.AffineTransform:
    """Symmetric block matching, rigid then affine, default settings.

    Parameters
    ----------
    fixed, moving
        Scans without table, HU.

    Returns
    -------
    sitk.AffineTransform
        Fixed points to moving points, LPS mm.

    Raises
    ------
    NiftyRegError
        If the program fails or is killed.
    """
    with _folder_with(fixed, moving) as folder:
        to = ("-aff", folder / "affine.txt", "-res", folder / "aladin.nii")
        _run_on_pair(programs["reg_aladin"], folder, to, threads, progress)
        return read_affine(folder / "affine.txt")


def f3d(
    programs: dict[str, Path],
    fixed: sitk.Image,
    moving: sitk.Image,
    affine: sitk.AffineTransform,
    threads: int,
    progress: Progress | None = None,
) -> sitk.Image:
    """Free-form deformation with default settings, starting at an affine.

    Parameters
    ----------
    programs
        Name to file of NiftyReg's programs, as from find_programs.
    fixed, moving
        Scans.
    affine
        Fixed points to moving points, LPS mm.
    threads
        As many as the programs may use.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    sitk.Image
        The field u of T(x) = A(x + u(x)) on the fixed image's grid, mm, LPS.

    Raises
    ------
    NiftyRegError
        If a program fails or is killed.
    """
    with _folder_with(fixed, moving) as folder:
        write_affine(affine, folder / "affine.txt")
        to = ("-aff", folder / "affine.txt", "-cpp", folder / "cpp.nii", "-res", folder / "f3d.nii")
        _run_on_pair(programs["reg_f3d"], folder, to, threads, progress)
        dense = ("-disp", folder / "cpp.nii", folder / "displacement.nii")
        _run(programs["reg_transform"], ("-ref", folder / FIXED, "-omp", threads, *dense))
        total = read_displacement(folder / "displacement.nii", fixed)
    return without_affine(total, affine)


def stretched(image: sitk.Image) -> sitk.Image:
    """Stretch a scan's intensities from air to the 99th percentile of what is not air, as the paper does (section 3.4).

    NiftyReg counts them in 64 bins: of HU as they came, a metal clip would take most.

    Parameters
    ----------
    image
        HU.

    Returns
    -------
    sitk.Image
        float32, [0, 1].
    """
    values = sitk.GetArrayViewFromImage(image)
    out = sitk.GetImageFromArray(normalise(values, ceiling_hu(values, values > AIR_HU)))
    out.CopyInformation(image)
    return out


@contextmanager
def _folder_with(fixed: sitk.Image, moving: sitk.Image) -> Iterator[Path]:
    """A temporary folder with a pair of scans, each stretched as the paper does.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    with owned_folder() as folder:
        try:
            for name, image in ((FIXED, fixed), (MOVING, moving)):
                sitk.WriteImage(stretched(image), str(folder / name))
        except RuntimeError as error:
            free = os.statvfs(folder) if hasattr(os, "statvfs") else None
            room = f" ({free.f_bavail * free.f_frsize // 2**20} MB free)" if free else ""
            raise InputError(f"Temporary files cannot be written to {folder.parent}{room}: make room.") from error
        yield folder


def _run_on_pair(
    program: Path, folder: Path, arguments: tuple[object, ...], threads: int, progress: Progress | None
) -> None:
    """Run a program that registers the pair in a folder; what it does not show is air."""
    pair = ("-ref", folder / FIXED, "-flo", folder / MOVING, "-pad", STRETCHED_AIR, "-omp", threads)
    _run(program, (*pair, *arguments), _IterationProgress(progress) if progress else None)


def _run(program: Path, arguments: tuple[object, ...], on_line: Callable[[str], None] | None = None) -> None:
    try:
        run_program([str(program), *map(str, arguments)], on_line)
    except ProgramError as error:
        raise NiftyRegError(str(error)) from error
