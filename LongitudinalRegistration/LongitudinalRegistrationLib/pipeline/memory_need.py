"""What memory a registration takes, so that scans too large for this machine are told before the work."""

from __future__ import annotations

import math

import SimpleITK as sitk

from ..changes.options import ChangeOptions
from ..system.memory import check_memory

BYTES_A_VOXEL, BYTES_ANYWAY = 5.5, 7e8
"""The scans themselves as 16 bits, the registered volume, and what is made of them; network, kernels and levels: at the
peak 1.2, 2.5 and 4.5 GB more than before the scans are read, for pairs of 300, 774 and 1,500 slices of 512 x 512."""
CHANGE_BYTES_A_VOXEL, CHANGE_BYTES_ANYWAY = 150, 2e8
"""What a comparison makes on each voxel of the map."""


def check_memory_for(fixed_voxels: int, moving_voxels: int) -> None:
    """Refuse a pair that this machine has no memory to register.

    Parameters
    ----------
    fixed_voxels, moving_voxels
        How many the scans have, before they are read.

    Raises
    ------
    InputError
        If less memory is free than such a pair takes.
    """
    check_memory(BYTES_ANYWAY + BYTES_A_VOXEL * (fixed_voxels + moving_voxels), "These scans")


def check_memory_to_compare(fixed: sitk.Image, options: ChangeOptions) -> None:
    """Refuse a comparison that this machine has no memory for.

    Parameters
    ----------
    fixed
        The baseline, of whose extent the map is.
    options
        Of which the finest voxels of the map count.

    Raises
    ------
    InputError
        If less memory is free than the map takes.
    """
    sides = zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
    voxels = math.prod(size * min(1.0, step / options.spacing_mm) for size, step in sides)
    check_memory(CHANGE_BYTES_ANYWAY + CHANGE_BYTES_A_VOXEL * voxels, "Maps of what has changed between these scans")
