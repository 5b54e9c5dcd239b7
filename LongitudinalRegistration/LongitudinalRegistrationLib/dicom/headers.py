"""What new DICOM objects take over from the series they come from: patient, study, frame of reference, references."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from TableRemovalLib.errors import InputError

from ..scan.dicom_series import choose_acquisition, choose_series
from ..scan.dicom_slices import find_slices
from ..system.versions import CODE_VERSION

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

UTF_8 = "ISO_IR 192"
_PATIENT_TYPE_2 = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
PATIENT = (
    *_PATIENT_TYPE_2,
    "IssuerOfPatientID",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
)
STUDY_TYPE_2 = ("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber")
STUDY = (*STUDY_TYPE_2, "StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
_IDENTITY = ("SOPClassUID", "SOPInstanceUID")
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True)
class SeriesHeader:
    """What later objects need to know of a series: its first header, its images, where its slices lie.

    `instances` are pairs (SOP class UID, SOP instance UID) in the order of the slices along their normal;
    `heights_mm` the slices' positions along `normal`; `corners` the 8 outermost voxel centres, LPS mm.
    """

    first: Dataset
    instances: tuple[tuple[str, str], ...]
    normal: tuple[float, float, float]
    heights_mm: tuple[float, ...]
    corners: tuple[tuple[float, float, float], ...]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest x, y, z of the voxel centres, LPS mm, as geometry.bounds_of."""
        return np.min(self.corners, axis=0), np.max(self.corners, axis=0)

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return str(self.first.StudyInstanceUID)

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.first.SeriesInstanceUID)

    @property
    def frame_uid(self) -> str:
        """Frame of reference UID; empty where the series has none."""
        return str(self.first.get("FrameOfReferenceUID", "") or "")

    @property
    def patient_id(self) -> str:
        """PatientID without blanks around it; empty where there is none."""
        return str(self.first.get("PatientID", "") or "").strip()


def require_pydicom() -> None:
    """Check that pydicom 3 is here.

    Raises
    ------
    InputError
        If it is not; it says what to install.
    """
    try:
        import pydicom
    except ImportError as error:
        raise InputError('DICOM export needs pydicom: pip install "pydicom>=3.0"') from error
    if int(pydicom.__version__.split(".")[0]) < 3:
        raise InputError(f'DICOM export needs pydicom 3, here is {pydicom.__version__}: pip install "pydicom>=3.0"')


def read_series_header(folder: Path, series: str | None = None, acquisition: str | None = None) -> SeriesHeader:
    """Read the headers of one DICOM series.

    Parameters
    ----------
    folder
        Searched with all folders in it.
    series, acquisition
        Which SeriesInstanceUID and which AcquisitionNumber, where there are several.

    Returns
    -------
    SeriesHeader
        Of the whole series.

    Raises
    ------
    InputError
        If pydicom is missing or a header lacks what is needed; see also find_slices, choose_series and
        choose_acquisition; or if it is an enhanced multi-frame CT.
    """
    require_pydicom()
    from pydicom import dcmread

    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file, no folder" if folder.exists() else "is not there"
        raise InputError(f"{folder} {found}: give the folder of one DICOM series.")
    slices = choose_acquisition(choose_series(find_slices(folder), series), acquisition)
    slices = sorted(slices, key=lambda one: one.height_mm)
    if slices[0].frame is not None:
        raise InputError(f"{folder} holds an enhanced multi-frame CT: give the series as single images for the export.")
    first = dcmread(slices[0].path, stop_before_pixels=True, force=True)
    _check_has(first, _NEEDED, slices[0].path)
    identities = []
    for one in slices:
        identity = dcmread(one.path, stop_before_pixels=True, specific_tags=list(_IDENTITY), force=True)
        _check_has(identity, _IDENTITY, one.path)
        identities.append((str(identity.SOPClassUID), str(identity.SOPInstanceUID)))
    row, column = np.array(slices[0].orientation[:3]), np.array(slices[0].orientation[3:])
    return SeriesHeader(
        first,
        tuple(identities),
        tuple(np.cross(row, column)),
        tuple(one.height_mm for one in slices),
        _corners(first, row, column, [slices[0].position, slices[-1].position]),
    )


def _check_has(header: Dataset, names: Iterable[str], path: Path) -> None:
    for name in names:
        if not header.get(name):
            raise InputError(f"{path} has no {name}: export the series again.")


def _corners(
    first: Dataset, row: np.ndarray, column: np.ndarray, ends: Iterable[Sequence[float]]
) -> tuple[tuple[float, float, float], ...]:
    down, right = (float(value) for value in first.PixelSpacing)
    width, height = right * (first.Columns - 1) * row, down * (first.Rows - 1) * column
    corners = (np.array(end) + i * width + j * height for end in ends for j in (0, 1) for i in (0, 1))
    return tuple((corner[0], corner[1], corner[2]) for corner in corners)


def check_same_patient(*headers: SeriesHeader | None) -> None:
    """Refuse series of different patients.

    Raises
    ------
    InputError
        If two series have patient IDs, and these differ.
    """
    patients = {header.patient_id for header in headers if header is not None and header.patient_id}
    if len(patients) > 1:
        raise InputError("The series are of different patients (their patient IDs differ): give two of one patient.")


def take_over(target: Dataset, source: SeriesHeader | None, names: Iterable[str]) -> None:
    """Copy the attributes, by keyword, that the source has."""
    for name in names:
        if source is not None and name in source.first:
            target[name] = copy.deepcopy(source.first[name])


def new_uid() -> str:
    """A new UID, made from a random UUID (root 2.25)."""
    from pydicom.uid import generate_uid

    return generate_uid(prefix=None)


def new_dataset(
    sop_class: str, source: SeriesHeader | None, patient: SeriesHeader | None, series_offset: int
) -> Dataset:
    """A dataset of a new series with patient, study, series, equipment and SOP common modules.

    Parameters
    ----------
    source
        Series whose study the new one joins; None starts a new study.
    patient
        Series that says who the patient is where there is no source.
    series_offset
        Added to the source's series number.
    """
    from pydicom.dataset import Dataset

    now = datetime.now()
    made = Dataset()
    own = source or patient
    made.SpecificCharacterSet = (own and own.first.get("SpecificCharacterSet")) or UTF_8
    made.SOPClassUID, made.SOPInstanceUID = sop_class, new_uid()
    made.InstanceCreationDate = made.SeriesDate = made.ContentDate = now.strftime("%Y%m%d")
    made.InstanceCreationTime = made.SeriesTime = made.ContentTime = now.strftime("%H%M%S")
    for name in (*_PATIENT_TYPE_2, *STUDY_TYPE_2):
        setattr(made, name, "")
    take_over(made, source or patient, PATIENT)
    take_over(made, source, STUDY)
    made.StudyInstanceUID = source.study_uid if source else new_uid()
    made.SeriesInstanceUID = new_uid()
    made.SeriesNumber = series_offset + int((source and source.first.get("SeriesNumber")) or 0)
    made.Manufacturer = made.ManufacturerModelName = "longct"
    made.SoftwareVersions = CODE_VERSION
    made.PositionReferenceIndicator = made.Laterality = ""
    return made


def image_references(instances: Iterable[tuple[str, str]]) -> list[Dataset]:
    """Items that name images by SOP class and instance."""
    from pydicom.dataset import Dataset

    items = []
    for sop_class, sop_instance in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
        items.append(item)
    return items


def code_item(name: str) -> Dataset:
    """An item for a code of the DICOM dictionary, for example "SpatialResampling"."""
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    code, item = getattr(codes.DCM, name), Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def decimals(values: Iterable[float]) -> list:
    """Numbers as DICOM decimal strings, with all the digits that 16 characters hold."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value) + 0.0, auto_format=True) for value in values]


def save(dataset: Dataset, path: Path) -> Path:
    """Write a dataset as a DICOM file, explicit VR, little endian."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filewriter import dcmwrite
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(path, FileDataset(path, dataset, file_meta=meta, preamble=b"\0" * 128), enforce_file_format=True)
    return Path(path)
