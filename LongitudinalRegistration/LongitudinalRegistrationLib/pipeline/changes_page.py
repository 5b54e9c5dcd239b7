"""The page of a comparison that no reader has judged yet, as `longct changes` writes it."""

from __future__ import annotations

import SimpleITK as sitk

from ..changes.findings import Finding
from ..report.document_html import document_html
from ..report.pictures import close_up
from .changes import Changes
from .changes_document import ReportedFinding, ReportedScan, changes_document

GIVEN = "a transform that was given"
ROLES = "Baseline", "Follow-up"


def changes_page(
    found: Changes,
    content: dict,
    scans: tuple[sitk.Image, sitk.Image],
    transform: sitk.Transform,
    dates: tuple[str, str],
    registered: dict | None,
) -> str:
    """Make the page: scans, method and trust, findings with pictures before and after, vertebrae.

    Parameters
    ----------
    found
        The comparison.
    content
        Its content, with all that is to be noted (see Changes.content).
    scans
        Baseline and follow-up, HU, as they came.
    transform
        Points of the baseline to points of the follow-up, LPS, mm.
    dates
        Of both; "" where it is not known.
    registered
        What report.json says of the registration: method, network, options. None: the transform was given.

    Returns
    -------
    str
        HTML that needs no other file, and names nobody.
    """
    findings = [_reported(each, scans, transform) for each in found.findings.listed]
    described = [
        ReportedScan(role, date, image.GetSize(), image.GetSpacing())
        for role, date, image in zip(ROLES, dates, scans, strict=True)
    ]
    return document_html(changes_document(registered or {"method": GIVEN}, content, described, findings))


def _reported(finding: Finding, scans: tuple[sitk.Image, sitk.Image], transform: sitk.Transform) -> ReportedFinding:
    return ReportedFinding(
        title=finding.title,
        status="open",
        caution=finding.caution,
        volume_ml=finding.volume_ml,
        mean_change_hu=finding.mean_change_hu,
        largest_change_hu=finding.largest_change_hu,
        contrast_to_noise=finding.contrast_to_noise,
        confidence=finding.confidence,
        diameter_before_mm=finding.diameter_before_mm,
        diameter_after_mm=finding.diameter_after_mm,
        before=close_up(scans[0], finding.position),
        after=close_up(scans[1], finding.position, transform),
    )
