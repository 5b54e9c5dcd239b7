"""Checksums of scans, computed once: a file is read again only when its size or time has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..report.content import checksum
from ..system.files import write_json

READERS = 4


def _state(path: Path) -> list[list]:
    """Name, size and time of a file, or of every file in a folder."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in files]


def checksums(paths: Iterable[Path], memory: Path) -> dict[Path, str]:
    """Compute the SHA-256 of files and of DICOM folders.

    Parameters
    ----------
    paths
        Of the files, all there.
    memory
        JSON file that keeps what was computed; it need not be there.

    Returns
    -------
    dict
        Path to checksum.
    """
    wanted = list(dict.fromkeys(paths))
    known = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}

    def entry(path: Path) -> dict:
        state, old = _state(path), known.get(str(path.resolve()))
        if old is not None and old["state"] == state:
            return old
        return {"state": state, "sha256": checksum(path)}

    with ThreadPoolExecutor(READERS, thread_name_prefix="longct-checksum") as pool:
        found = dict(zip(wanted, pool.map(entry, wanted), strict=True))
    write_json({**known, **{str(path.resolve()): value for path, value in found.items()}}, memory)
    return {path: value["sha256"] for path, value in found.items()}
