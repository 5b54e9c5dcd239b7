"""A folder that two processes share, in memory where the system has such a place."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 3 << 30


def private_folder(fallback: str | Path | None = None) -> Path:
    """Make a folder that only this user can read, in memory where there is room for some scans, else in `fallback`
    (None: the system's folder for temporary files)."""
    roomy = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    roomy = roomy and shutil.disk_usage(IN_MEMORY).free > LEAST_FREE_BYTES
    return Path(tempfile.mkdtemp(prefix="longct-", dir=IN_MEMORY if roomy else fallback))
