"""What `longct changes` does: what differs between two scans, as files."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..dicom.export import check_new_folder
from ..dicom.findings_export import NO_SERIES, ExportedFinding, export_findings, require_highdicom
from ..scan.read import read_image
from ..scan.write import write_image, write_transform
from ..system.csv_text import csv_text
from ..system.files import results_folder, write_json, write_text
from ..system.staged_files import StagedFiles
from .console import Console
from .inputs import check_memory_of_both, check_not_input, read_transform

if TYPE_CHECKING:
    from ..changes.findings import Finding
    from ..pipeline.changes import Changes, Labelled

CHANGES_FILES = (
    *("changes.json", "findings.csv", "vertebra_changes.csv", "findings.nii.gz", "transform.h5"),
    *("change_hu.nii.gz", "significance.nii.gz", "volume_change.nii.gz"),
)
SHOWN = 10


def changes(arguments: argparse.Namespace, console: Console) -> None:
    """Compare two scans and write what differs."""
    from ..changes.options import ChangeOptions, FindingOptions
    from ..pipeline.changes import Labelled, find_all_changes
    from ..pipeline.registration import check_labels

    options = ChangeOptions(region=arguments.region, registration_error_mm=arguments.registration_error)
    finding_options = FindingOptions(arguments.threshold, arguments.change_hu, arguments.volume_ml)
    for each in (options, finding_options):
        ok, reason = each.isValid()
        if not ok:
            raise InputError(reason)
    inputs = (arguments.fixed, arguments.moving, arguments.fixed_labels, arguments.moving_labels, arguments.transform)
    if arguments.dicom_sr:
        _check_exportable(arguments)
    check_memory_of_both(arguments)
    for name in CHANGES_FILES:
        check_not_input(arguments.out / name, *inputs)
    given = read_transform(arguments.transform) if arguments.transform else None
    with results_folder(arguments.out, CHANGES_FILES, arguments.overwrite) as folder, StagedFiles(folder) as staged:
        console.progress("read", 0.0)
        fixed = read_image(arguments.fixed, arguments.fixed_series, arguments.fixed_acquisition)
        moving = read_image(arguments.moving, arguments.moving_series, arguments.moving_acquisition)
        labels = [read_image(path) if path else None for path in (arguments.fixed_labels, arguments.moving_labels)]
        check_labels(labels[0], fixed, "fixed", other=moving)
        check_labels(labels[1], moving, "moving", other=fixed)
        pair = Labelled(fixed, None, labels[0]), Labelled(moving, None, labels[1])
        transform = given
        doubts: tuple[str, ...] = ()
        if transform is None:
            pair, transform, doubts = _registered(pair, arguments, console)
            staged.write("transform.h5", partial(write_transform, transform))
        console.progress("changes", 0.0)
        result = find_all_changes(*pair, transform, options, finding_options)
        content = result.content()
        content["warnings"] = [*doubts, *content["warnings"]]
        _write(result, content, staged)
        if arguments.dicom_sr and result.findings.listed:
            exported = [_exported(each) for each in result.findings.listed]
            export_findings(
                arguments.dicom_sr, exported, result.findings.labels, arguments.fixed, arguments.fixed_series
            )
        staged.publish(CHANGES_FILES)
    content["folder"] = str(folder)
    content["dicom_folder"] = str(arguments.dicom_sr) if arguments.dicom_sr and result.findings.listed else None
    console.result(content, _text(content))


def _check_exportable(arguments: argparse.Namespace) -> None:
    """Refuse, before any work, an export that cannot come of it."""
    require_highdicom()
    if not arguments.fixed.is_dir():
        raise InputError(NO_SERIES)
    check_new_folder(arguments.dicom_sr)


def _exported(finding: Finding) -> ExportedFinding:
    """Take a finding that no reader has judged, as it was found."""
    return ExportedFinding(
        number=finding.number,
        title=f"{finding.place}, {finding.kind}",
        decision="not judged",
        position=finding.position,
        volume_ml=finding.volume_ml,
        mean_change_hu=finding.mean_change_hu,
        contrast_to_noise=finding.contrast_to_noise,
        diameter_before_mm=finding.diameter_before_mm,
        diameter_after_mm=finding.diameter_after_mm,
    )


def _registered(
    pair: tuple[Labelled, Labelled], arguments: argparse.Namespace, console: Console
) -> tuple[tuple[Labelled, Labelled], sitk.Transform, tuple[str, ...]]:
    """Register the pair: the scans with their bodies, the transform, and what speaks against it."""
    from ..methods.method import Problem
    from ..pipeline.changes import Labelled
    from ..pipeline.choice import solve
    from ..pipeline.options import RegistrationOptions
    from ..pipeline.registration import check_ready, prepare
    from ..pipeline.stages import Stages

    options = RegistrationOptions(method=arguments.method, threads=arguments.threads)
    check_ready(options)
    stages = Stages(console.progress)
    with stages.stage("body_mask"):
        scans = [
            prepare(each.image, options, name) for each, name in zip(pair, ("fixed scan", "moving scan"), strict=True)
        ]
    solution = solve(Problem(scans[0], scans[1], stages), options)
    with_bodies = tuple(Labelled(each.image, scan.mask, each.labels) for each, scan in zip(pair, scans, strict=True))
    return (with_bodies[0], with_bodies[1]), solution.candidate.transform, solution.warnings


def _write(result: Changes, content: dict, staged: StagedFiles) -> None:
    from ..changes.content import finding_columns, flat_finding, flat_vertebra

    for name in ("change_hu", "significance", "volume_change"):
        staged.write(f"{name}.nii.gz", partial(write_image, getattr(result.found, name)))
    staged.write("findings.nii.gz", partial(write_image, result.findings.labels))
    write_json(content, staged.folder / "changes.json")
    rows = [flat_finding(each) for each in content["findings"]]
    write_text(csv_text(rows, finding_columns()), staged.folder / "findings.csv")
    if content["vertebrae"]:
        table = [flat_vertebra(each) for each in content["vertebrae"]]
        write_text(csv_text(table), staged.folder / "vertebra_changes.csv")


def _text(content: dict) -> str:
    """The findings, a line each, the surest first."""
    found = content["findings"]
    lines = [f"{len(found)} changes, noise {content['noise_hu']:.0f} HU, trust {content['trust']:.2f}"]
    for each in found[:SHOWN]:
        before, after = each["diameter_before_mm"], each["diameter_after_mm"]
        words = (
            f"{each['number']:>3} {each['kind']:<7} {each['place']:<28} {each['volume_ml']:6.2f} ml "
            f"{each['mean_change_hu']:+5.0f} HU  {before:.0f} -> {after:.0f} mm  confidence {each['confidence']:.2f}"
        )
        lines.append(words + (f"  ({each['caution']}?)" if each["caution"] else ""))
    if len(found) > SHOWN:
        lines.append(f"    and {len(found) - SHOWN} more in findings.csv")
    lines += [f"Note: {words}" for words in content["warnings"]]
    if content["dicom_folder"]:
        lines.append(f"DICOM         {content['dicom_folder']}")
    return "\n".join(
        [*lines, "No diagnosis: every change is for a reader to judge.", f"Results       {content['folder']}"]
    )
