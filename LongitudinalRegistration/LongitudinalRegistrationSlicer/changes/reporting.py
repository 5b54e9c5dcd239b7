"""What has changed as files: a report (page and PDF), or findings as DICOM."""

from pathlib import Path

from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalSlicer.volumes import imageFromVolumeNode

from LongitudinalRegistrationSlicer.changes.findings import ACCEPTED, REJECTED, findingsOf, labelsNodeOf
from LongitudinalRegistrationSlicer.changes.lesions import courseOf, lesionsOf, timePointsOf
from LongitudinalRegistrationSlicer.changes.vertebra_course import vertebraCourseOf
from LongitudinalRegistrationSlicer.results.nodes import changesOf, fixedOf, movingOf, reportOf
from LongitudinalRegistrationSlicer.results.series import dateOf, seriesFolderOf
from LongitudinalRegistrationSlicer.results.transforms import FLIP, itkTransformFromNode

PAGE, PDF = "changes.html", "changes.pdf"


def saveChangesReport(result, folder, patient=None):
    """Write the report of what has changed into a folder, as a page and, where reportlab is here, as a PDF file.

    patient: stands in the title; nothing else names a person. Returns (names of the files, why there is no PDF file or
    ""). Raises InputError where the scans were not compared, one was removed, or the folder cannot be written to or has
    one of the files already.
    """
    from LongitudinalRegistrationLib.report.document_html import document_html
    from LongitudinalRegistrationLib.report.document_pdf import document_pdf
    from LongitudinalRegistrationLib.system.files import ready_folder, write_atomically, write_text

    document = _document(result, patient)
    folder = ready_folder(Path(folder))
    there = [name for name in (PAGE, PDF) if (folder / name).exists()]
    if there:
        text = _("{folder} has {file} already: choose another folder.")
        raise InputError(text.format(folder=folder, file=there[0]))
    write_text(document_html(document), folder / PAGE)
    try:
        data = document_pdf(document)
    except InputError as error:
        return [PAGE], str(error)
    write_atomically(folder / PDF, ".pdf", lambda name: Path(name).write_bytes(data))
    return [PAGE, PDF], ""


def exportFindings(result, folder, withNames=False):
    """Write the findings that were not rejected as DICOM SEG and SR into a new folder; return the names of the files.

    Where findings were accepted, only those. withNames: whether names of people are taken over from the baseline's
    series. Raises InputError where the baseline did not come from DICOM, highdicom is missing, there is no finding, or
    the folder has content.
    """
    from LongitudinalRegistrationLib.dicom.findings_export import ExportedFinding, export_findings

    _checkCompared(result)
    findings = [finding for finding in findingsOf(result) if finding.status != REJECTED]
    accepted = [finding for finding in findings if finding.status == ACCEPTED]
    exported = [
        ExportedFinding(
            number=finding.number,
            title=finding.title,
            decision="accepted" if finding.status == ACCEPTED else "not judged",
            position=_toLps(finding.position),
            volume_ml=finding.volumeMl,
            mean_change_hu=finding.meanHu,
            contrast_to_noise=finding.contrastToNoise,
            diameter_before_mm=finding.diameterBeforeMm,
            diameter_after_mm=finding.diameterAfterMm,
        )
        for finding in accepted or findings
    ]
    source, series = seriesFolderOf(fixedOf(result))
    labels = imageFromVolumeNode(labelsNodeOf(result))
    return export_findings(Path(folder), exported, labels, source, series, withNames)


def _checkCompared(result):
    if None in (fixedOf(result), movingOf(result)):
        raise InputError(_("A scan is not in the scene (any more): register again."))
    if not changesOf(result) or labelsNodeOf(result) is None:
        raise InputError(_("The scans were not compared yet: Compare."))


def _document(result, patient):
    from LongitudinalRegistrationLib.pipeline.changes_document import ReportedFinding, ReportedLesion, changes_document
    from LongitudinalRegistrationLib.report.pictures import close_up

    _checkCompared(result)
    fixed, moving = (imageFromVolumeNode(volume) for volume in (fixedOf(result), movingOf(result)))
    transform = itkTransformFromNode(result)
    findings = [
        ReportedFinding(
            title=finding.title,
            status=finding.status,
            caution=finding.caution,
            volume_ml=finding.volumeMl,
            mean_change_hu=finding.meanHu,
            largest_change_hu=finding.largestHu,
            contrast_to_noise=finding.contrastToNoise,
            confidence=finding.confidence,
            diameter_before_mm=finding.diameterBeforeMm,
            diameter_after_mm=finding.diameterAfterMm,
            before=close_up(fixed, _toLps(finding.position)),
            after=close_up(moving, _toLps(finding.position), transform),
        )
        for finding in findingsOf(result)
        if finding.status != REJECTED
    ]
    marked, taken = lesionsOf(fixedOf(result)), timePointsOf(fixedOf(result), withNames=False)
    lesions = [
        ReportedLesion(each.name, taken[each.scan], each.longestMm, each.perpendicularMm, each.volumeMl, each.meanHu)
        for each in marked
    ]
    course = courseOf(fixedOf(result), withNames=False) if lesions else None
    scans = _scans(result, fixed, moving)
    found = vertebraCourseOf(result, withNames=False)
    vertebrae = found.course if found is not None else None
    return changes_document(reportOf(result), changesOf(result), scans, findings, lesions, course, patient, vertebrae)


def _scans(result, fixed, moving):
    """Return the ReportedScans in the order in which they were taken, as far as their series tell."""
    from LongitudinalRegistrationLib.pipeline.changes_document import ReportedScan

    scans = []
    for role, node, image in (("Baseline", fixedOf(result), fixed), ("Follow-up", movingOf(result), moving)):
        scans.append(ReportedScan(role, dateOf(node), image.GetSize(), image.GetSpacing()))
    return sorted(scans, key=lambda scan: scan.date) if all(scan.date for scan in scans) else scans


def _toLps(position):
    return tuple((FLIP[:3, :3] @ position).tolist())
