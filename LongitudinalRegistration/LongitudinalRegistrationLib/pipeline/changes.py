"""What has changed between two prepared scans: map, findings and vertebrae, as one request of the worker process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..changes.change_map import ChangeMap, change_map
from ..changes.content import changes_content
from ..changes.findings import Findings, find_changes
from ..changes.options import ChangeOptions
from ..changes.places import Anatomy
from ..changes.vertebra_changes import VertebraChange, vertebra_changes
from ..scan.geometry import affine_from_matrix
from ..scan.pyramid import ScanPyramid
from ..system.shared_arrays import save_image, take_image

LAYERS = ("change_hu", "significance")
"""The images of a ChangeMap that are shown."""


@dataclass(frozen=True)
class Changes:
    """What has changed.

    Attributes
    ----------
    map
        As from change_map.
    findings
        As from find_changes, with its default options.
    vertebrae
        As from vertebra_changes; empty without labels of the baseline.
    """

    map: ChangeMap
    findings: Findings
    vertebrae: tuple[VertebraChange, ...]


def changes_between(
    fixed: ScanPyramid,
    moving: ScanPyramid,
    transform: sitk.Transform,
    region: str,
    labels: dict[str, sitk.Image],
    pause: Callable[[], None] = lambda: None,
) -> Changes:
    """Compare two prepared scans.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up.
    transform
        Fixed points to moving points, LPS mm.
    region
        "bone" or "everywhere", see ChangeOptions.
    labels
        Vertebrae by "fixed" and "moving", each on its scan's grid, where there are any.
    pause
        Called between the steps; what it raises ends the work.

    Returns
    -------
    Changes
        Map, findings and vertebrae.

    Raises
    ------
    InputError
        As change_map and vertebra_changes.
    """
    fixed_labels = labels.get("fixed")
    found = change_map(
        fixed.image,
        moving.image,
        transform,
        ChangeOptions(region=region),
        fixed.mask,
        moving.mask,
        fixed_labels=fixed_labels,
    )
    pause()
    findings = find_changes(found, transform, anatomy=Anatomy(found.bone, fixed_labels))
    pause()
    vertebrae: tuple[VertebraChange, ...] = ()
    if fixed_labels is not None:
        vertebrae = vertebra_changes(fixed.image, moving.image, transform, fixed_labels, labels.get("moving"))
    return Changes(found, findings, vertebrae)


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
        As from changes_between.
    folder
        Shared with who takes them.
    number
        Of the request; it is in the files' names.

    Returns
    -------
    dict
        "layers" (the images that LAYERS names), "labels" (finding numbers, uint16), "content" (see changes_content).
    """
    layers = {name: save_image(getattr(changes.map, name), folder, f"{name}-{number}.npy") for name in LAYERS}
    return {
        "layers": layers,
        "labels": save_image(changes.findings.labels, folder, f"findings-{number}.npy"),
        "content": changes_content(changes.map, changes.findings, changes.vertebrae),
    }
