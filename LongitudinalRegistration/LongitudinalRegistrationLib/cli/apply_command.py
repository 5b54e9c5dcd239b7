"""What `longct apply` does: scans, labels and points through a registration's transform, either way."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..field.inverse import inverse_of, inverse_points, resampled
from ..scan.label_checks import check_label_volume
from ..scan.markups import is_markups, moved_markups, read_markups
from ..scan.read import read_image
from ..scan.write import image_suffix, write_image
from ..system.files import ready_folder, write_json
from .console import Console
from .inputs import check_not_input, read_transform


def apply(arguments: argparse.Namespace, console: Console) -> None:
    """Bring one file to the other scan."""
    output: Path = arguments.output
    check_not_input(output, arguments.input, arguments.reference, arguments.transform)
    ready_folder(output.parent)
    if is_markups(arguments.input) != is_markups(output):
        raise InputError("Points become points and images become images: give both names the same kind of ending.")
    transform = read_transform(arguments.transform)
    if is_markups(arguments.input):
        content = _apply_to_points(arguments, transform)
    else:
        content = _apply_to_image(arguments, transform, console)
    towards = "the moving scan" if arguments.inverse else "the fixed scan"
    console.result({"output": str(output), **content}, f"Brought to {towards}: {output}")


def _apply_to_points(arguments: argparse.Namespace, transform: sitk.Transform) -> dict:
    """Move points the other way than images are sampled: the transform leads from fixed to moving points."""
    content = read_markups(arguments.input)

    def move(points: np.ndarray) -> np.ndarray:
        if arguments.inverse:
            return np.array([transform.TransformPoint(point.tolist()) for point in points])
        return inverse_points(transform, points)

    write_json(moved_markups(content, move), arguments.output)
    return {"points": sum(len(markup["controlPoints"]) for markup in content["markups"])}


def _apply_to_image(arguments: argparse.Namespace, transform: sitk.Transform, console: Console) -> dict:
    if arguments.reference is None:
        raise InputError("An image needs --reference, the scan on whose grid it is wanted.")
    image_suffix(arguments.output)
    image = read_image(arguments.input, arguments.series, arguments.acquisition)
    reference = read_image(arguments.reference, arguments.reference_series, arguments.reference_acquisition)
    if arguments.labels:
        check_label_volume(image, f"The labels in {arguments.input}")
    console.progress("warp", 0.0)
    through = inverse_of(transform) if arguments.inverse else transform
    write_image(resampled(image, reference, through, labels=arguments.labels), arguments.output)
    return {"size": list(reference.GetSize()), "labels": arguments.labels}
