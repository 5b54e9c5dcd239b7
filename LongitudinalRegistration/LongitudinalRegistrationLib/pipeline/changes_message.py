"""A request of the worker process, what has changed between two scans, and its answer: as files and plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..scan.geometry import affine_from_matrix
from ..system.files import without_nan
from ..system.shared_arrays import save_image, take_image
from .changes import Changes

LAYERS = ("change_hu", "significance")
"""The images of a ChangeMap that are shown."""


def take_transform(folder: Path, parts: list[dict]) -> sitk.CompositeTransform:
    """Read a transform that another process has written.

    Parameters
    ----------
    folder
        Shared with it.
    parts
        In the order in which a point meets them: {"matrix": 16 numbers, row by row} or {"field": what take_image
        needs}, LPS, mm.

    Returns
    -------
    SimpleITK.CompositeTransform
        Points to points, LPS, mm.
    """
    made: list[sitk.Transform] = []
    for part in parts:
        if "matrix" in part:
            made.append(affine_from_matrix(np.reshape(part["matrix"], (4, 4))))
        else:
            field = take_image(folder, part["field"])
            made.append(sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64)))
    return sitk.CompositeTransform(made[::-1])


def changes_answer(changes: Changes, folder: Path, number: int) -> dict[str, Any]:
    """Write the images of changes for another process; return the rest of the answer, with what take_image needs.

    Parameters
    ----------
    changes
        As from find_all_changes.
    folder
        Shared with who takes them.
    number
        Of the request; it is in the files' names.

    Returns
    -------
    dict
        "layers" (the images that LAYERS names), "labels" (finding numbers, uint16), "content" (see
        changes_content; None for NaN).
    """
    layers = {name: save_image(getattr(changes.found, name), folder, f"{name}-{number}.npy") for name in LAYERS}
    return {
        "layers": layers,
        "labels": save_image(changes.findings.labels, folder, f"findings-{number}.npy"),
        "content": without_nan(changes.content()),
    }
