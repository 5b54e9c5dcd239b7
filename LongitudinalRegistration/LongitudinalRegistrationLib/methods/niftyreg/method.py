"""Registration by NiftyReg: reg_aladin (unless an affine is given) and reg_f3d, on isotropic voxels."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ...scan.grid import AIR_HU, covering_grid, resample, smooth_for_spacing
from ...scan.pyramid import FINEST_MM, ScanPyramid
from ..method import Answer, Problem, Start
from .binaries import find_programs
from .run import aladin, f3d


class NiftyRegOptions(Protocol):
    """What NiftyReg takes of the options of a registration."""

    @property
    def niftyreg_folder(self) -> str | None:
        """Where its programs are, if not in the usual places."""
        ...

    @property
    def niftyreg_spacing_mm(self) -> float:
        """Isotropic voxels it works on."""
        ...

    @property
    def thread_count(self) -> int:
        """Threads to use."""
        ...


class NiftyReg:
    """NiftyReg; see method.Method."""

    def __init__(self, options: NiftyRegOptions):
        self._options = options

    def missing(self) -> str:
        """Why it cannot run here: its programs were not found."""
        try:
            find_programs(self._options.niftyreg_folder)
        except InputError as error:
            return str(error)
        return ""

    def load(self) -> None:
        """Nothing is to be loaded: these are programs."""

    def register(self, problem: Problem, start: Start | None) -> Answer:
        """Find the affine, unless there is a start, and the field; a field of the start is not used.

        Raises
        ------
        InputError
            If NiftyReg is not installed, or there is no room for its files.
        NiftyRegError
            If it fails or is killed.
        """
        options, stages = self._options, problem.stages
        programs = find_programs(options.niftyreg_folder)
        with stages.stage("grid"):
            fixed, moving = (_isotropic(scan, options.niftyreg_spacing_mm) for scan in (problem.fixed, problem.moving))
        if start is None:
            with stages.stage("affine") as progress:
                affine = aladin(programs, fixed, moving, options.thread_count, progress)
        else:
            affine = start.affine
        with stages.stage("niftyreg") as progress:
            field = f3d(programs, fixed, moving, affine, options.thread_count, progress)
        return Answer(affine, field)


def _isotropic(scan: ScanPyramid, spacing_mm: float) -> sitk.Image:
    """A scan without its table, HU, on isotropic voxels around its body; what it does not show is air."""
    level = scan.levels[FINEST_MM]
    image = level.grid.image(np.where(level.seen > 0, level.values, np.float32(AIR_HU)))
    box = covering_grid(scan.bounds, spacing_mm).reference()
    return resample(smooth_for_spacing(image, spacing_mm) if spacing_mm > FINEST_MM else image, box)
