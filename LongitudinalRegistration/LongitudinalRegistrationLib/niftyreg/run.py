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

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..geometry import affine_from_matrix, linear_matrix
from ..grid import AIR_HU
from ..transforms import without_affine

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
def _running(command: list[str]) -> Iterator[subprocess.Popen]:
    """A child process that does not outlive this block, nor (on Linux) this process."""
    options = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    elif sys.platform.startswith("linux"):
        options = {"preexec_fn": _die_with_parent}
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    _children.add(child)
    try:
        yield child
    finally:
        _children.discard(child)
        if child.poll() is None:
            child.kill()
        child.stdout.close()
        child.wait()


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
        with _running(command) as child:
            for line in child.stdout:
                last.append(line.strip())
                if on_line:
                    on_line(line)
            code = child.wait()
    except OSError as error:
        raise NiftyRegError(f"{Path(command[0]).name} could not be started ({error})") from error
    if code:
        how = f"was killed (signal {-code})" if code < 0 else f"ended with code {code}"
        raise NiftyRegError(f"{Path(command[0]).name} {how}: {' | '.join(filter(None, last))}")


def _level_progress(progress: Progress | None, levels: int) -> Callable[[str], None] | None:
    """Progress from NiftyReg's own lines, which name the level it is at."""
    if progress is None:
        return None
    pattern = re.compile(r"[Ll]evel[^0-9]*(\d+)\s*/\s*(\d+)")

    def on_line(line: str) -> None:
        found = pattern.search(line)
        if found:
            progress(min(1.0, (int(found.group(1)) - 1) / max(levels, int(found.group(2)))))

    return on_line


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
            _level_progress(progress, 3),
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
            _level_progress(progress, 3),
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
