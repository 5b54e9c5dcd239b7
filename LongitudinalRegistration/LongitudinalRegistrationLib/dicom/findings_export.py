"""Findings as DICOM: a segmentation (SEG) on the baseline's images, and a structured report (TID 1500) of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..field.box_warp import sample
from ..scan.dicom_series import choose_acquisition, choose_series
from ..scan.dicom_slices import find_slices
from ..system.versions import CODE_VERSION
from .export import new_folder
from .headers import PATIENT, STUDY, STUDY_TYPE_2, new_uid, require_pydicom, save

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATION, REPORT = "findings-seg.dcm", "findings-sr.dcm"
MAKER, SCHEME = "longct", "99LONGCT"
SERIES_NUMBERS = 1100, 1101
PATIENT_GROUP = 0x0010
NO_SERIES = (
    "A structured report refers to the images that a finding is on: load the baseline from DICOM, or save the report "
    "as a page or a PDF file, which need no DICOM."
)


@dataclass(frozen=True)
class ExportedFinding:
    """A finding to be exported.

    Attributes
    ----------
    number
        Its value in the label map.
    title, decision
        What it is called; what the reader says of it ("accepted", "not judged").
    position
        LPS, mm, on the baseline.
    volume_ml, mean_change_hu, contrast_to_noise
        See changes.findings.Finding.
    diameter_before_mm, diameter_after_mm
        See changes.findings.Finding; 0 is left out.
    """

    number: int
    title: str
    decision: str
    position: tuple[float, float, float]
    volume_ml: float
    mean_change_hu: float
    contrast_to_noise: float
    diameter_before_mm: float
    diameter_after_mm: float


def require_highdicom() -> None:
    """Check that highdicom and pydicom are here.

    Raises
    ------
    InputError
        If one is not; it says what to install.
    """
    require_pydicom()
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise InputError(
            "Findings as DICOM need highdicom: pip install highdicom; in Slicer's Python console "
            'slicer.util.pip_install("highdicom").'
        ) from error


def export_findings(
    folder: Path,
    findings: Sequence[ExportedFinding],
    labels: sitk.Image,
    series_folder: Path | None,
    series: str | None = None,
    with_names: bool = False,
) -> list[str]:
    """Write findings as a DICOM segmentation and a structured report into a new folder.

    Parameters
    ----------
    folder
        New, or empty; it gets its name when both are written.
    findings
        At least one.
    labels
        Their numbers, 0 elsewhere, any grid over the baseline.
    series_folder, series
        Where the baseline's DICOM series lies, and its SeriesInstanceUID where there are several. None: the baseline
        did not come from DICOM.
    with_names
        Whether the names of the patient and of physicians are taken over; patient ID and study are in any case, since
        an archive files by them.

    Returns
    -------
    list
        The names of both files.

    Raises
    ------
    InputError
        If highdicom is missing, there is no series or no finding, or the folder cannot be written to.
    """
    if series_folder is None:
        raise InputError(NO_SERIES)
    require_highdicom()
    if not findings:
        raise InputError("There is no finding to export: accept one, or lower the thresholds.")
    images = _read_images(Path(series_folder), series, with_names)
    segmentation = _segmentation(images, findings, labels)
    report = _report(images, findings, segmentation)
    with new_folder(folder) as staged:
        save(segmentation, staged / SEGMENTATION)
        save(report, staged / REPORT)
    return [SEGMENTATION, REPORT]


def _read_images(folder: Path, series: str | None, with_names: bool) -> list[Dataset]:
    """Read the headers of the series, from the lowest slice to the highest; names only where they are asked for."""
    from pydicom import dcmread

    slices = choose_acquisition(choose_series(find_slices(folder), series), None)
    slices = sorted(slices, key=lambda one: one.height_mm)
    if len({one.path for one in slices}) < len(slices):
        raise InputError("The baseline is a multi-frame series: load one with an image a slice, or save the report.")
    images: list[Dataset] = [dcmread(one.path, stop_before_pixels=True) for one in slices]
    for image in images:
        _keep_what_an_archive_needs(image, with_names)
        for name in STUDY_TYPE_2:
            if name not in image:
                setattr(image, name, "")
    return images


def _keep_what_an_archive_needs(image: Dataset, with_names: bool) -> None:
    """Take off a header what else it tells of the patient (address, comments, history), and who else is named in it."""
    from pydicom.datadict import keyword_for_tag

    for element in list(image):
        name = keyword_for_tag(element.tag)
        person = element.VR == "PN" or "Physician" in name or "Operator" in name
        if element.tag.group == PATIENT_GROUP and name not in (*PATIENT, *STUDY):
            del image[element.tag]
        elif person and element.VR == "SQ":
            del image[element.tag]
        elif person and not with_names:
            element.value = ""


def _segmentation(images: list[Dataset], findings: Sequence[ExportedFinding], labels: sitk.Image) -> Dataset:
    from highdicom import AlgorithmIdentificationSequence, seg
    from pydicom.sr.codedict import codes

    algorithm = AlgorithmIdentificationSequence(MAKER, codes.cid7162.AdaptiveFiltering, CODE_VERSION)
    described = [
        seg.SegmentDescription(
            segment_number=place,
            segment_label=finding.title[:64],
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Lesion,
            algorithm_type=seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=new_uid(),
            tracking_id=f"{place} {finding.title}"[:64],
        )
        for place, finding in enumerate(findings, start=1)
    ]
    return seg.Segmentation(
        source_images=images,
        pixel_array=_masks(images, findings, labels),
        segmentation_type=seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        content_label="FINDINGS",
        **_identity(0),
    )


def _masks(images: list[Dataset], findings: Sequence[ExportedFinding], labels: sitk.Image) -> np.ndarray:
    """Labels on the images, uint8 [image, y, x]: 1 for the first finding, and so on; each has at least one pixel."""
    grids = [_grid(image) for image in images]
    own = np.concatenate([sample(labels, grid, labels=True) for grid in grids]).astype(np.int64)
    masks = np.zeros(own.shape, np.uint8)
    for place, finding in enumerate(findings, start=1):
        inside = own == finding.number
        if inside.any():
            masks[inside] = place
        else:
            indices = np.array([grid.TransformPhysicalPointToContinuousIndex(finding.position) for grid in grids])
            k = int(np.argmin(np.abs(indices[:, 2])))
            i, j = np.clip(np.round(indices[k, :2]).astype(int), 0, (own.shape[2] - 1, own.shape[1] - 1))
            masks[k, j, i] = place
    return masks


def _grid(image: Dataset) -> sitk.Image:
    """The image's grid as a volume of one slice."""
    grid = sitk.Image([int(image.Columns), int(image.Rows), 1], sitk.sitkUInt8)
    down, right = (float(value) for value in image.PixelSpacing)
    grid.SetSpacing((right, down, 1.0))
    grid.SetOrigin([float(value) for value in image.ImagePositionPatient])
    row, column = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
    grid.SetDirection(np.column_stack([row, column, np.cross(row, column)]).ravel().tolist())
    return grid


def _report(images: list[Dataset], findings: Sequence[ExportedFinding], segmentation: Dataset) -> Dataset:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=new_uid(), name=MAKER, manufacturer_name=MAKER, model_name=CODE_VERSION
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.cid100.CTUnspecifiedBodyRegion,
        imaging_measurements=[
            _measured(finding, place, segmentation, images[0].SeriesInstanceUID)
            for place, finding in enumerate(findings, start=1)
        ],
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=images,
    )
    return sr.EnhancedSR(
        evidence=[*images, segmentation],
        content=content[0],
        is_complete=False,
        is_verified=False,
        **{key: value for key, value in _identity(1).items() if key in _SR_IDENTITY},
    )


_SR_IDENTITY = ("series_instance_uid", "series_number", "sop_instance_uid", "instance_number", "manufacturer")


def _measured(finding: ExportedFinding, place: int, segmentation: Dataset, series_uid: str) -> Any:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    described = segmentation.SegmentSequence[place - 1]
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=described.TrackingUID, identifier=described.TrackingID),
        referenced_segment=sr.ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            place,
            source_series=sr.SourceSeriesForSegmentation(series_uid),
        ),
        finding_type=codes.SCT.Lesion,
        measurements=[sr.Measurement(*each) for each in _figures(finding)],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(_own("decision", "Decision of the reader"), _decision(finding))
        ],
    )


def _figures(finding: ExportedFinding) -> list[tuple[Any, float, Any]]:
    """Concept, value and unit of each figure."""
    from pydicom.sr.codedict import codes

    millimetres = codes.UCUM.Millimeter
    figures = [
        (codes.SCT.Volume, round(1000 * finding.volume_ml, 1), codes.UCUM.CubicMillimeter),
        (
            _own("attenuation-change", "Change of attenuation"),
            round(finding.mean_change_hu, 1),
            codes.UCUM.HounsfieldUnit,
        ),
        (_own("contrast-to-noise", "Contrast to noise"), round(finding.contrast_to_noise, 2), codes.UCUM.NoUnits),
    ]
    for key, words, value in (
        ("diameter-before", "Longest diameter on the baseline", finding.diameter_before_mm),
        ("diameter-after", "Longest diameter on the follow-up", finding.diameter_after_mm),
    ):
        if value > 0:
            figures.append((_own(key, words), round(value, 1), millimetres))
    return figures


def _decision(finding: ExportedFinding) -> Any:
    return _own(finding.decision.replace(" ", "-")[:16], finding.decision)


def _own(value: str, meaning: str) -> Any:
    """A code of ours."""
    from highdicom.sr import CodedConcept

    return CodedConcept(value[:16], SCHEME, meaning)


def _identity(place: int) -> dict[str, Any]:
    """What names a new object and its series."""
    return {
        "series_instance_uid": new_uid(),
        "series_number": SERIES_NUMBERS[place],
        "sop_instance_uid": new_uid(),
        "instance_number": 1,
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": CODE_VERSION,
        "device_serial_number": "0",
    }
