"""A folder that two processes share, in memory where the system has such a place."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from TableRemovalLib.owned_folders import PREFIX, make_owned_folder, sweep

IN_MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 3 << 30


def private_folder(fallback: str | Path | None = None) -> Path:
    """Make a folder that only this user can read, in memory where there is room for some scans, else in `fallback`
    (None: the system's folder for temporary files); see remove_owned_folder."""
    roomy = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    roomy = roomy and shutil.disk_usage(IN_MEMORY).free > LEAST_FREE_BYTES
    return make_owned_folder(IN_MEMORY if roomy else Path(fallback or tempfile.gettempdir()), PREFIX)


def sweep_private_folders() -> None:
    """Remove what dead processes of this user have left where private folders are made."""
    for parent in {IN_MEMORY, Path(tempfile.gettempdir())}:
        sweep(parent)
