"""Where a run is, in one file that is replaced as a whole: a kill at any moment leaves the last good one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..system.files import write_atomically

if TYPE_CHECKING:
    from .stepper import Stepper

NAME = "checkpoint.npz"


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
            np.savez(stream, allow_pickle=False, **flat)

    write_atomically(folder / NAME, ".npz", write)


def save_run(
    folder: Path, position: dict, stepper: Stepper, best: list[np.ndarray], rng: np.random.Generator | None = None
) -> None:
    """Write where a run is.

    Parameters
    ----------
    folder
        Of the run.
    position
        What the run itself must know to go on; JSON can hold it.
    stepper
        Weights and optimiser.
    best
        The best weights so far, an array a variable.
    rng
        The generator, if the run has one.
    """
    arrays = {"weights": stepper.weights(), "optimizer": stepper.optimizer_state(), "best": best}
    generator = {} if rng is None else {"generator": rng.bit_generator.state}
    save(folder, {**position, **generator}, arrays)


def resume_run(
    folder: Path, stepper: Stepper, rng: np.random.Generator | None = None
) -> tuple[dict, list[np.ndarray]] | None:
    """Put generator, weights and optimiser back as save_run left them.

    Parameters
    ----------
    folder
        Of the run.
    stepper, rng
        What is put back.

    Returns
    -------
    position, best
        As they were given to save_run; None where there is no checkpoint.
    """
    found = load(folder)
    if found is None:
        return None
    position, arrays = found
    if rng is not None:
        rng.bit_generator.state = position.pop("generator")
    stepper.set_weights(arrays["weights"])
    stepper.set_optimizer_state(arrays["optimizer"])
    return position, arrays["best"]


def load(folder: Path) -> tuple[dict, dict[str, list[np.ndarray]]] | None:
    """Read the checkpoint of a folder.

    Parameters
    ----------
    folder
        Of the run.

    Returns
    -------
    position, arrays
        As save was given them: arrays by name, a list each; None where there is no checkpoint.
    """
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
