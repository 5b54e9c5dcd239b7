"""Run NiftyReg's programs: reg_aladin, then reg_f3d, then the dense field through reg_transform."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ...field.transforms import without_affine
from ...scan.geometry import affine_from_matrix, linear_matrix
from ...scan.grid import AIR_HU

Progress = Callable[[float], None]
LAST_LINES = 5


class NiftyRegError(RuntimeError):
    """A program of NiftyReg ended with an error or was killed."""


_children: set[subprocess.Popen] = set()


def end_children() -> None:
    """Kill the programs that run now, from another thread: whoever waits for them gets a NiftyRegError."""
    for child in list(_children):
        child.kill()


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[subprocess.Popen, Iterator[str]]]:
    """A child process that does not outlive this block, nor (on Linux) this process, and its lines as they come."""
    options = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    elif sys.platform.startswith("linux"):
        options = {"preexec_fn": _die_with_parent, **options}
    ours, theirs = os.openpty() if hasattr(os, "openpty") else os.pipe()
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.STDOUT, **options)
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    _children.add(child)
    try:
        with open(ours, encoding="utf-8", errors="replace") as output:
            yield child, _lines(output)
    finally:
        _children.discard(child)
        if child.poll() is None:
            child.kill()
        child.wait()


def _lines(output: TextIO) -> Iterator[str]:
    """Lines until the program ends, which on a terminal of one's own is an error of reading.

    A terminal, because into a pipe NiftyReg's lines come in blocks of 4 KB: half a minute late.
    """
    try:
        yield from output
    except OSError:
        return


def _die_with_parent() -> None:
    """Ask the kernel to kill this child when its parent dies, however that happens (PR_SET_PDEATHSIG)."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def run_program(command: list[str], on_line: Callable[[str], None] | None = None) -> None:
    """Run one program to its end.

    Raises
    ------
    NiftyRegError
        If it ended with an error or was killed; the message holds its last lines.
    """
    last = deque(maxlen=LAST_LINES)
    try:
        with _running(command) as (child, lines):
            for line in lines:
                last.append(line.strip())
                if on_line:
                    on_line(line)
            code = child.wait()
    except OSError as error:
        raise NiftyRegError(f"{Path(command[0]).name} could not be started ({error})") from error
    if code:
        how = f"was killed (signal {-code})" if code < 0 else f"ended with code {code}"
        raise NiftyRegError(f"{Path(command[0]).name} {how}: {' | '.join(filter(None, last))}")


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
    """reg_transform's field (X, Y, Z, 1, 3; RAS mm) as a vector image (LPS mm) on the reference grid."""
    stored = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(stored)
    if stored.GetNumberOfComponentsPerPixel() == 1:
        values = np.moveaxis(values.reshape(3, *values.shape[-3:]), 0, -1)
    else:
        values = values.reshape(*values.shape[-4:])
        values = values * np.array([1, 1, 1], values.dtype)
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
    with tempfile.TemporaryDirectory(prefix="longct-") as temporary:
        folder = Path(temporary)
        _write_pair(folder, fixed, moving)
        run_program(
            [
                str(programs["reg_aladin"]),
                *("-ref", str(folder / "fixed.nii"), "-flo", str(folder / "moving.nii")),
                *("-aff", str(folder / "affine.txt"), "-res", str(folder / "aladin.nii")),
                *("-pad", str(AIR_HU), "-omp", str(threads)),
            ],
            progress and _IterationProgress(progress),
        )
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

    Returns
    -------
    sitk.Image
        The field u of T(x) = A(x + u(x)) on the fixed image's grid, mm, LPS.

    Raises
    ------
    NiftyRegError
        If a program fails or is killed.
    """
    with tempfile.TemporaryDirectory(prefix="longct-") as temporary:
        folder = Path(temporary)
        _write_pair(folder, fixed, moving)
        write_affine(affine, folder / "affine.txt")
        run_program(
            [
                str(programs["reg_f3d"]),
                *("-ref", str(folder / "fixed.nii"), "-flo", str(folder / "moving.nii")),
                *("-aff", str(folder / "affine.txt"), "-cpp", str(folder / "cpp.nii")),
                *("-res", str(folder / "f3d.nii"), "-pad", str(AIR_HU), "-omp", str(threads)),
            ],
            progress and _IterationProgress(progress),
        )
        run_program(
            [
                str(programs["reg_transform"]),
                *("-ref", str(folder / "fixed.nii"), "-omp", str(threads)),
                *("-disp", str(folder / "cpp.nii"), str(folder / "displacement.nii")),
            ]
        )
        total = read_displacement(folder / "displacement.nii", fixed)
    return without_affine(total, affine)


def _write_pair(folder: Path, fixed: sitk.Image, moving: sitk.Image) -> None:
    try:
        for name, image in (("fixed", fixed), ("moving", moving)):
            sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32), str(folder / f"{name}.nii"))
    except RuntimeError as error:
        free = os.statvfs(folder) if hasattr(os, "statvfs") else None
        room = f" ({free.f_bavail * free.f_frsize // 2**20} MB free)" if free else ""
        raise InputError(f"Temporary files cannot be written to {folder.parent}{room}: make room.") from error
