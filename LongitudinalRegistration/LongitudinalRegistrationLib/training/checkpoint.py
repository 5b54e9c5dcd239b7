"""Where a run is, in one file that is replaced as a whole: a kill at any moment leaves the last good one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..writing import write_atomically

NAME = "checkpoint.npz"
TEMPORARY = ".longct-*.npz"


def save(folder: Path, position: dict, arrays: dict[str, list[np.ndarray]]) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    position
        JSON content: where the run is, and the states of its generators.
    arrays
        Name to list of arrays: weights, optimiser state, best weights.
    """
    flat = {f"{name}/{n:04d}": array for name, values in arrays.items() for n, array in enumerate(values)}
    flat["position"] = np.frombuffer(json.dumps(position).encode(), np.uint8)

    def write(name: str) -> None:
        with open(name, "wb") as stream:
            np.savez(stream, **flat)

    write_atomically(folder / NAME, ".npz", write)


def clear_half_written(folder: Path) -> None:
    """Remove what a kill in the middle of `save` has left."""
    for path in folder.glob(TEMPORARY):
        path.unlink()


def load(folder: Path) -> tuple[dict, dict[str, list[np.ndarray]]] | None:
    """Read the checkpoint of a folder, or None where there is none."""
    path = folder / NAME
    if not path.exists():
        return None
    arrays: dict[str, list[np.ndarray]] = {}
    with np.load(path) as content:
        position = json.loads(content["position"].tobytes().decode())
        for key in sorted(content.files):
            if "/" in key:
                arrays.setdefault(key.split("/")[0], []).append(content[key])
    return position, arrays
