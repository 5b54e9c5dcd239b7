"""What `longct export-dicom` does."""

from __future__ import annotations

import argparse
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..dicom_headers import read_series_header, require_pydicom
from ..reading import read_image
from ..registration_export import REGISTRATION, SERIES, export_registration
from .console import Console


def _result(folder: Path) -> tuple[sitk.Image, sitk.Transform]:
    """Registered volume and transform in a folder that `longct register` wrote."""
    paths = [folder / "registered.nii.gz", folder / "transform.h5"]
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no {path}: give the folder that `longct register` wrote.")
    try:
        transform = sitk.ReadTransform(str(paths[1]))
    except RuntimeError as error:
        raise InputError(f"{paths[1]} is no ITK transform: register again.") from error
    return read_image(paths[0]), transform


def export_dicom(arguments: argparse.Namespace, console: Console) -> None:
    """Write the registered series and, where the follow-up's series is known, the registration object."""
    require_pydicom()
    image, transform = _result(arguments.result)
    source = reference = None
    if arguments.source:
        source = read_series_header(arguments.source, arguments.source_series, arguments.source_acquisition)
    if arguments.reference:
        reference = read_series_header(arguments.reference, arguments.reference_series, arguments.reference_acquisition)
    exported = export_registration(
        arguments.out,
        image,
        transform,
        source,
        reference,
        arguments.description,
        lambda part: console.progress("write", part),
    )
    content = {
        "folder": str(arguments.out),
        "series": SERIES,
        "slices": len(exported.instances),
        "series_uid": exported.series_uid,
        "frame_of_reference_uid": exported.frame_uid,
        "registration": REGISTRATION if source else None,
    }
    console.result(content, _text(content))


def _text(content: dict) -> str:
    lines = [f"In {content['folder']}:", f"  {SERIES:<18} {content['slices']} CT images"]
    if content["registration"]:
        lines.append(f"  {REGISTRATION:<18} deformable spatial registration")
    else:
        lines.append(f"No {REGISTRATION}: it needs the follow-up's series (--source).")
    return "\n".join(lines)
