"""What has changed between two scans as a document: scans, method and trust, findings, vertebrae, lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..changes.recist import CATEGORIES, Course
from ..changes.vertebra_course import VertebraCourse, vertebra_course
from ..report.cells import number_cell, pair_cell
from ..report.content import method_text
from ..report.document import Document, Section
from .vertebra_sections import vertebra_sections

TITLE = "Changes from baseline to follow-up"
FOOTER = "Made with longct, research software, not a medical device. Every finding is for a reader to judge."
STATUS = {"accepted": "accepted", "rejected": "rejected", "open": "not judged"}


@dataclass(frozen=True)
class ReportedScan:
    """A scan of the report.

    Attributes
    ----------
    role
        "Baseline" or "Follow-up".
    date
        When it was taken, as the report is to say it; empty: not known.
    size, spacing_mm
        Voxels and their size along i, j, k.
    """

    role: str
    date: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class ReportedFinding:
    """A finding of the report, with what the reader says of it.

    Attributes
    ----------
    title, status, caution
        What it is called; "accepted", "rejected" or "open"; what else may explain it, or "".
    volume_ml, mean_change_hu, largest_change_hu, contrast_to_noise, confidence
        See changes.findings.Finding.
    diameter_before_mm, diameter_after_mm
        See changes.findings.Finding.
    before, after
        PNG files, see pictures.close_up.
    """

    title: str
    status: str
    caution: str
    volume_ml: float
    mean_change_hu: float
    largest_change_hu: float
    contrast_to_noise: float
    confidence: float
    diameter_before_mm: float
    diameter_after_mm: float
    before: bytes
    after: bytes


@dataclass(frozen=True)
class ReportedLesion:
    """A lesion that the reader has marked, on one scan; NaN where its mark has no such figure."""

    name: str
    scan: str
    longest_mm: float
    perpendicular_mm: float
    volume_ml: float
    mean_hu: float


def changes_document(
    report: dict,
    changes: dict,
    scans: Sequence[ReportedScan],
    findings: Sequence[ReportedFinding],
    lesions: Sequence[ReportedLesion] = (),
    course: Course | None = None,
    patient: str | None = None,
    vertebrae: VertebraCourse | None = None,
) -> Document:
    """Put what has changed into a document.

    Parameters
    ----------
    report
        Of the registration (report.json).
    changes
        As from changes.content.changes_content.
    scans
        In the order in which they were taken.
    findings
        Those to be reported; rejected ones are left out.
    lesions, course
        What the reader has marked, and RECIST 1.1 of it.
    patient
        Stands in the title; nothing else in the document names a person. None: nothing.
    vertebrae
        Over all time points. None: those of `changes`.

    Returns
    -------
    Document
        Its level is the registration's.
    """
    verdict = report.get("verdict") or {}
    sections = [
        _scans_section(scans),
        _trust_section(report, changes),
        _findings_section([finding for finding in findings if finding.status != "rejected"]),
        *vertebra_sections(vertebrae or vertebra_course(("Baseline", "Follow-up"), [changes.get("vertebrae") or ()])),
        _lesions_section(lesions),
        _course_section(course),
    ]
    return Document(
        f"{TITLE}: {patient}" if patient else TITLE,
        verdict.get("level", ""),
        tuple(verdict.get("reasons", ())),
        tuple(section for section in sections if section is not None),
        FOOTER,
    )


def _scans_section(scans: Sequence[ReportedScan]) -> Section:
    rows = tuple(
        (
            scan.role,
            scan.date or "not known",
            " x ".join(str(count) for count in scan.size),
            " x ".join(f"{value:.2f}" for value in scan.spacing_mm),
        )
        for scan in scans
    )
    return Section("Scans", (), ("Scan", "Date", "Voxels", "Voxel size (mm)"), rows)


def _trust_section(report: dict, changes: dict) -> Section:
    sentences = [f"Registered by {method_text(report)}."]
    if changes:
        sentences.append(
            f"Trust in the comparison {100 * changes['trust']:.0f} %; noise of a change {changes['noise_hu']:.0f} HU."
        )
        sentences += [
            f"Taken out of the follow-up in {each['tissue']}: {each['offset_hu']:+.0f} HU (contrast phase, kernel)."
            for each in changes["corrections"]
        ]
        sentences += changes["warnings"]
    return Section("Method and trust", tuple(sentences))


def _findings_section(findings: Sequence[ReportedFinding]) -> Section:
    if not findings:
        return Section("Findings", ("No finding.",))
    header = (
        "Place",
        "Reader",
        "Mean change (HU)",
        "Largest (HU)",
        "Volume (ml)",
        "Contrast to noise",
        "Before / after (mm)",
        "Sure",
        "Baseline",
        "Follow-up",
    )
    rows = tuple(
        (
            f"{finding.title} (caution: {finding.caution})" if finding.caution else finding.title,
            STATUS[finding.status],
            f"{finding.mean_change_hu:+.0f}",
            f"{finding.largest_change_hu:+.0f}",
            f"{finding.volume_ml:.2f}",
            f"{finding.contrast_to_noise:.1f}",
            pair_cell(finding.diameter_before_mm, finding.diameter_after_mm),
            f"{100 * finding.confidence:.0f} %",
            finding.before,
            finding.after,
        )
        for finding in findings
    )
    sentence = "The surest first. Pictures: axial, 60 mm wide, bone window; the follow-up registered."
    return Section("Findings", (sentence,), header, rows)


def _lesions_section(lesions: Sequence[ReportedLesion]) -> Section | None:
    if not lesions:
        return None
    header = "Lesion", "Scan", "Longest (mm)", "Perpendicular (mm)", "Volume (ml)", "Mean HU"
    rows = tuple(
        (
            lesion.name,
            lesion.scan,
            number_cell(lesion.longest_mm, 1),
            number_cell(lesion.perpendicular_mm, 1),
            number_cell(lesion.volume_ml, 2),
            number_cell(lesion.mean_hu),
        )
        for lesion in lesions
    )
    return Section("Lesions marked by the reader", (), header, rows)


def _course_section(course: Course | None) -> Section | None:
    if course is None:
        return None
    header = "Time point", "Sum (mm)", "From baseline (%)", "Nadir (mm)", "From nadir (%)", "Category"
    rows = tuple(
        (
            point.name,
            number_cell(point.sum_mm, 1),
            number_cell(point.from_baseline_percent, signed=True),
            number_cell(point.nadir_mm, 1),
            number_cell(point.from_nadir_percent, signed=True),
            CATEGORIES.get(point.category, ""),
        )
        for point in course.points
    )
    sentence = "Target lesions only: new lesions and non-target lesions count in RECIST 1.1 too. No diagnosis."
    return Section("RECIST 1.1", (sentence, *course.warnings), header, rows)
