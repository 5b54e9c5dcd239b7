"""What memory a registration takes, so that scans too large for this machine are told before the work."""

from __future__ import annotations

from ..system.memory import check_memory

BYTES_A_VOXEL, BYTES_ANYWAY = 8, 7e8
"""The scans themselves as 16 bits, the registered volume, and what is made of them; network, kernels and levels."""


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
