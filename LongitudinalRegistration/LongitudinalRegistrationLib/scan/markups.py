"""Points of Slicer's markups files (.mrk.json), in LPS."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from TableRemovalLib.errors import InputError

SUFFIX = ".mrk.json"
FLIP = np.array([-1.0, -1.0, 1.0])


def is_markups(path: Path) -> bool:
    """Say whether a file is one of markups, by its name.

    Parameters
    ----------
    path
        Need not exist.

    Returns
    -------
    bool
        Whether it ends in .mrk.json.

    Examples
    --------
    >>> is_markups(Path("landmarks.mrk.json")), is_markups(Path("scan.nii.gz"))
    (True, False)
    """
    return path.name.lower().endswith(SUFFIX)


def read_markups(path: Path) -> dict:
    """Read a markups file.

    Parameters
    ----------
    path
        Such as Slicer saves.

    Returns
    -------
    dict
        Its content.

    Raises
    ------
    InputError
        Where there is no such file, or it has no control points.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        points = [point.get("position") for markup in content["markups"] for point in markup["controlPoints"]]
        if not points:
            raise ValueError("no points")
        if not np.isfinite(np.array([point for point in points if point is not None], float).reshape(-1, 3)).all():
            raise ValueError("a point is nowhere")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} has no markups with points: give a {SUFFIX} file that Slicer saved.") from error
    return content


def moved_markups(content: dict, move: Callable[[np.ndarray], np.ndarray]) -> dict:
    """Copy the content of a markups file with its points elsewhere; measurements, which no longer hold, are left out.

    Parameters
    ----------
    content
        As from read_markups.
    move
        Takes points [n, 3], LPS mm, and returns where they come.

    Returns
    -------
    dict
        Names, colours and all else as they were, each markup in its own coordinate system.
    """
    moved = copy.deepcopy(content)
    for markup in moved["markups"]:
        flip = FLIP if str(markup.get("coordinateSystem", "LPS")) in ("RAS", "0") else np.ones(3)
        placed = [point for point in markup["controlPoints"] if point.get("position") is not None]
        if placed:
            points = move(np.array([point["position"] for point in placed], float) * flip) * flip
            for point, position in zip(placed, points, strict=True):
                point["position"] = position.tolist()
        markup.pop("measurements", None)
    return moved
