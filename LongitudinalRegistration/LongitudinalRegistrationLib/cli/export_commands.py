"""What `longct export-dicom` does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..dicom.headers import SeriesHeader, read_series_header, require_pydicom
from ..dicom.registration_export import REGISTRATION, SERIES, export_registration
from ..scan.geometry import bounds_apart_mm
from ..scan.read import read_image
from ..scan.voxel_checksum import voxel_checksum
from .console import Console

SAME_PLACE_MM = 2.0


def _result(folder: Path) -> tuple[sitk.Image, sitk.Transform, dict]:
    """Registered volume, transform and report in a folder that `longct register` wrote."""
    paths = [folder / "registered.nii.gz", folder / "transform.h5", folder / "report.json"]
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no {path}: give the folder that `longct register` wrote.")
    try:
        transform = sitk.ReadTransform(str(paths[1]))
    except RuntimeError as error:
        raise InputError(f"{paths[1]} is no ITK transform: register again.") from error
    return read_image(paths[0]), transform, _report(paths[2])


def _report(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no report: register again.") from error


def _check_is_the_follow_up(source: SeriesHeader, image: sitk.Image, report: dict, made_from_source: bool) -> None:
    """Refuse a source that is not the scan that was registered: its patient would get the images."""
    noted = (report.get("inputs") or {}).get("moving") or {}
    if "lowest_mm" not in noted or "voxels_sha256" not in noted:
        raise InputError(
            "The report does not say which scan the follow-up was, so that --source cannot be checked: register again."
        )
    if not made_from_source and voxel_checksum(image) != noted["voxels_sha256"]:
        raise InputError(
            "--source is not the follow-up that was registered: its voxels are others. Give the follow-up's own "
            "series; where the follow-up was made from this series (table removed, cropped), add --made-from-source."
        )
    apart = bounds_apart_mm(source.bounds, (noted["lowest_mm"], noted["highest_mm"]))
    if apart > SAME_PLACE_MM:
        raise InputError(
            f"--source is not the follow-up that was registered: its box lies {apart:.0f} mm elsewhere. Give the "
            "follow-up's own series."
        )


def export_dicom(arguments: argparse.Namespace, console: Console) -> None:
    """Write the registered series and, where the follow-up's series is known, the registration object."""
    require_pydicom()
    image, transform, report = _result(arguments.result)
    source = reference = None
    if arguments.source:
        source = read_series_header(arguments.source, arguments.source_series, arguments.source_acquisition)
        followup = read_image(arguments.source, arguments.source_series, arguments.source_acquisition)
        _check_is_the_follow_up(source, followup, report, arguments.made_from_source)
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
