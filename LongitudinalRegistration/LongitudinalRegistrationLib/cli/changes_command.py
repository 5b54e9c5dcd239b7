"""What `longct changes` does: what differs between two scans, as files."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
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
from .changes_text import text_of, text_of_all
from .console import Console
from .follow_ups import FollowUp, Visits, visits_of
from .inputs import check_memory_of_both, check_not_input, read_transform

if TYPE_CHECKING:
    from ..changes.findings import Finding
    from ..changes.options import ChangeOptions, FindingOptions
    from ..pipeline.changes import Changes, Labelled

CHANGES_FILES = (
    *("changes.json", "changes.html", "findings.csv", "vertebra_changes.csv", "findings.nii.gz", "transform.h5"),
    *("change_hu.nii.gz", "significance.nii.gz", "volume_change.nii.gz"),
)
COURSE_FILES = ("time_points.json", "vertebra_course.csv")
"""Of several follow-ups; the files of each have its number before their names."""


def changes(arguments: argparse.Namespace, console: Console) -> None:
    """Compare a baseline with its follow-ups and write what differs."""
    visits = visits_of(arguments)
    options = _options(arguments)
    labels = [each.labels for each in visits.follow_ups]
    transforms = [each.transform for each in visits.follow_ups]
    inputs = (arguments.fixed, *arguments.moving, arguments.fixed_labels, *labels, *transforms)
    if arguments.dicom_sr:
        _check_exportable(arguments)
    for each in visits.follow_ups:
        check_memory_of_both(arguments, each.image)
    files = _files_of(arguments.out, len(visits.follow_ups))
    for name in files:
        check_not_input(arguments.out / name, *inputs)
    given = [read_transform(path) if path else None for path in transforms]
    with results_folder(arguments.out, files, arguments.overwrite) as folder, StagedFiles(folder) as staged:
        contents = []
        for number, (each, transform) in enumerate(zip(visits.follow_ups, given, strict=True), start=1):
            prefix = f"{number}-" if len(given) > 1 else ""
            dates = visits.baseline_date, each.date
            contents.append(_compared(each, transform, options, arguments, staged, prefix, console, dates))
        if len(given) > 1:
            _write_course(visits, contents, staged)
        staged.publish(files)
    for content in contents:
        content["folder"] = str(folder)
        content["dicom_folder"] = str(arguments.dicom_sr) if arguments.dicom_sr and content["findings"] else None
    if len(contents) == 1:
        console.result(contents[0], text_of(contents[0]))
    else:
        console.result(
            {"folder": str(folder), **_time_points(visits), "follow_ups": contents}, text_of_all(visits, contents)
        )


def _options(arguments: argparse.Namespace) -> tuple[ChangeOptions, FindingOptions]:
    from ..changes.options import ChangeOptions, FindingOptions

    options = ChangeOptions(region=arguments.region, registration_error_mm=arguments.registration_error)
    finding_options = FindingOptions(arguments.threshold, arguments.change_hu, arguments.volume_ml)
    for each in (options, finding_options):
        ok, reason = each.isValid()
        if not ok:
            raise InputError(reason)
    return options, finding_options


def _files_of(folder: Path, follow_ups: int) -> tuple[str, ...]:
    """Name the files of a run, and of an earlier one with several follow-ups that are there."""
    prefixes = [f"{number}-" for number in range(1, follow_ups + 1)] if follow_ups > 1 else [""]
    there = [path.name for path in folder.glob("[0-9]*-*") if path.name.partition("-")[2] in CHANGES_FILES]
    return (*dict.fromkeys([f"{prefix}{name}" for prefix in prefixes for name in CHANGES_FILES] + there), *COURSE_FILES)


def _compared(
    follow_up: FollowUp,
    given: sitk.Transform | None,
    options: tuple[ChangeOptions, FindingOptions],
    arguments: argparse.Namespace,
    staged: StagedFiles,
    prefix: str,
    console: Console,
    dates: tuple[str, str],
) -> dict:
    """Compare the baseline with a follow-up; have files written, with a prefix to their names; return the content."""
    from ..pipeline.changes import Labelled, find_all_changes
    from ..pipeline.changes_page import changes_page
    from ..pipeline.registration import check_labels

    console.progress("read", 0.0)
    fixed = read_image(arguments.fixed, arguments.fixed_series, arguments.fixed_acquisition)
    moving = read_image(follow_up.image, arguments.moving_series, arguments.moving_acquisition)
    labels = [read_image(path) if path else None for path in (arguments.fixed_labels, follow_up.labels)]
    check_labels(labels[0], fixed, "fixed", other=moving)
    check_labels(labels[1], moving, "moving", other=fixed)
    pair = Labelled(fixed, None, labels[0]), Labelled(moving, None, labels[1])
    transform = given
    error = read_image(follow_up.expected_error) if follow_up.expected_error is not None else None
    doubts: tuple[str, ...] = ()
    registered = None
    if transform is None:
        pair, transform, doubts, error, registered = _registered(pair, arguments, console)
        staged.write(f"{prefix}transform.h5", partial(write_transform, transform))
    console.progress("changes", 0.0)
    result = find_all_changes(*pair, transform, *options, expected_error=error)
    content = result.content()
    content["warnings"] = [*doubts, *content["warnings"]]
    _write(result, content, staged, prefix)
    page = changes_page(result, content, (fixed, moving), transform, dates, registered)
    write_text(page, staged.folder / f"{prefix}changes.html")
    if arguments.dicom_sr and result.findings.listed:
        exported = [_exported(each) for each in result.findings.listed]
        export_findings(arguments.dicom_sr, exported, result.findings.labels, arguments.fixed, arguments.fixed_series)
    return content


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
        title=finding.title,
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
) -> tuple[tuple[Labelled, Labelled], sitk.Transform, tuple[str, ...], sitk.Image | None, dict]:
    """Register the pair: the scans with their bodies, the transform, what speaks against it, its error, the method."""
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
    candidate = solution.candidate
    method = {"method": candidate.method, "network": candidate.network}
    return (with_bodies[0], with_bodies[1]), candidate.transform, solution.warnings, candidate.expected_error, method


def _write(result: Changes, content: dict, staged: StagedFiles, prefix: str) -> None:
    from ..changes.content import finding_columns, flat_finding, flat_vertebra

    for name in ("change_hu", "significance", "volume_change"):
        staged.write(f"{prefix}{name}.nii.gz", partial(write_image, getattr(result.found, name)))
    staged.write(f"{prefix}findings.nii.gz", partial(write_image, result.findings.labels))
    write_json(content, staged.folder / f"{prefix}changes.json")
    rows = [flat_finding(each) for each in content["findings"]]
    write_text(csv_text(rows, finding_columns()), staged.folder / f"{prefix}findings.csv")
    if content["vertebrae"]:
        table = [flat_vertebra(each) for each in content["vertebrae"]]
        write_text(csv_text(table), staged.folder / f"{prefix}vertebra_changes.csv")


def _write_course(visits: Visits, contents: list[dict], staged: StagedFiles) -> None:
    """Write the time points, and the vertebrae over them, where there are any."""
    from ..changes.vertebra_course import course_rows, vertebra_course

    write_json(_time_points(visits), staged.folder / "time_points.json")
    course = vertebra_course(visits.names, [content["vertebrae"] for content in contents])
    if course.states:
        rows = course_rows(course, visits.dates, visits.days)
        write_text(csv_text(rows), staged.folder / "vertebra_course.csv")


def _time_points(visits: Visits) -> dict:
    """Name, date and days of the baseline and each follow-up, and the prefix of its files' names, for JSON."""
    days = visits.days or (None,) * len(visits.dates)
    return {
        "time_points": [
            {"name": name, "date": date or None, "days": passed, "files": f"{number}-" if number else None}
            for number, (name, date, passed) in enumerate(zip(visits.names, visits.dates, days, strict=True))
        ]
    }
