"""Write a registered scan as a DICOM series: one CT image a slice, in the follow-up's study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.owned_folders import HIDDEN_PREFIX, owned_folder

from ..system.versions import CODE_VERSION
from .headers import (
    UTF_8,
    SeriesHeader,
    check_same_patient,
    code_item,
    decimals,
    image_references,
    new_dataset,
    new_uid,
    read_series_header,
    require_pydicom,
    save,
    take_over,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SERIES_OFFSET = 1000
DESCRIPTION = "registered to baseline"
DERIVATION = f"Follow-up resampled on the baseline's grid through a deformable registration by longct {CODE_VERSION}"
_ACQUISITION = (
    "AcquisitionDate",
    "AcquisitionTime",
    "BodyPartExamined",
    "ContrastBolusAgent",
    "WindowCenter",
    "WindowWidth",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
_SAMPLES_A_SIDE = 9


def check_new_folder(folder: Path) -> None:
    """Check that a folder may be filled.

    Raises
    ------
    InputError
        If it is there already with something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and not an empty folder: choose another name.")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when all is written; nothing is left if something fails.

    Raises
    ------
    InputError
        If the folder is there already with something in it, or cannot be written to.
    """
    folder = Path(folder)
    check_new_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with owned_folder(folder.parent, HIDDEN_PREFIX) as owned:
            staged = owned / "staged"
            staged.mkdir()
            yield staged
            if folder.exists():
                folder.rmdir()
            staged.rename(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"The folder {folder} could not be written ({reason}): check free space and permissions."
        ) from error


def right_handed(image: sitk.Image) -> sitk.Image:
    """The same image in the same place, its slices in the order of the cross product of row and column direction.

    Parameters
    ----------
    image
        Any direction, left-handed too.

    Returns
    -------
    SimpleITK.Image
        The image itself where it is right-handed already.
    """
    direction = np.array(image.GetDirection()).reshape(3, 3)
    if np.linalg.det(direction) > 0:
        return image
    values = np.ascontiguousarray(sitk.GetArrayViewFromImage(image)[::-1])
    turned = sitk.GetImageFromArray(values, isVector=image.GetNumberOfComponentsPerPixel() > 1)
    turned.SetSpacing(image.GetSpacing())
    turned.SetOrigin(image.TransformIndexToPhysicalPoint((0, 0, image.GetDepth() - 1)))
    turned.SetDirection((direction * [1, 1, -1]).ravel().tolist())
    return turned


def _stored(image: sitk.Image) -> np.ndarray:
    """HU as int16 [k, j, i], rounded, clipped to what int16 holds."""
    values = sitk.GetArrayViewFromImage(image)
    if not np.isfinite(values).all():
        raise InputError("The volume has values that are no numbers (NaN or infinite): register again.")
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(values), limits.min, limits.max).astype("<i2")


def _template(source: SeriesHeader | None, reference: SeriesHeader | None, description: str | None) -> Dataset:
    """What all images of the series have in common, but for the geometry."""
    from pydicom.uid import CTImageStorage

    made = new_dataset(CTImageStorage, source, reference, SERIES_OFFSET)
    made.Modality = "CT"
    of_source = str(source.first.get("SeriesDescription", "") or "") if source else ""
    made.SeriesDescription = description[:64] if description else f"{of_source} {DESCRIPTION}"[-64:].strip()
    if description and not description.isascii():
        made.SpecificCharacterSet = UTF_8
    made.PatientPosition = ""
    take_over(made, source, _ACQUISITION)
    take_over(made, reference or source, ["PatientPosition"])
    made.FrameOfReferenceUID = (reference.frame_uid if reference else "") or new_uid()
    made.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    made.DerivationDescription = DERIVATION
    made.DerivationCodeSequence = [code_item("SpatialResampling")]
    made.KVP = made.AcquisitionNumber = None
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 1
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = 0, 1, "HU"
    return made


def _set_grid(made: Dataset, image: sitk.Image) -> None:
    right, down, apart = image.GetSpacing()
    made.Columns, made.Rows = image.GetWidth(), image.GetHeight()
    made.PixelSpacing = decimals([down, right])
    made.SliceThickness, made.SpacingBetweenSlices = decimals([apart, apart])
    direction = np.array(image.GetDirection()).reshape(3, 3)
    made.ImageOrientationPatient = decimals([*direction[:, 0], *direction[:, 1]])


def _contributing(
    image: sitk.Image, k: int, source: SeriesHeader, transform: sitk.Transform | None
) -> tuple[tuple[str, str], ...]:
    """The source images that slice k was made from: those that its points are taken to; all without a transform."""
    if transform is None:
        return source.instances
    steps = [np.linspace(0, size - 1, _SAMPLES_A_SIDE) for size in image.GetSize()[:2]]
    points = [image.TransformContinuousIndexToPhysicalPoint((i, j, float(k))) for j in steps[1] for i in steps[0]]
    reached = np.array([transform.TransformPoint(point) for point in points]) @ np.array(source.normal)
    heights = np.array(source.heights_mm)
    margin = float(np.median(np.diff(heights))) if heights.size > 1 else np.inf
    inside = np.flatnonzero((heights > reached.min() - margin) & (heights < reached.max() + margin))
    return tuple(source.instances[n] for n in inside)


def export_series(
    image: sitk.Image,
    folder: Path,
    source: SeriesHeader | None = None,
    reference: SeriesHeader | None = None,
    description: str | None = None,
    transform: sitk.Transform | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> SeriesHeader:
    """Write a registered scan as a series of CT images, int16, one HU a step, explicit VR little endian.

    Patient and study are those of the source, the frame of reference is that of the reference, in whose space the
    registered scan lies; without them they are empty or new. The source's acquisition date, contrast agent and window
    are kept; tube voltage and the like are left empty.

    Parameters
    ----------
    image
        HU, LPS mm; values are rounded and clipped to [-32768, 32767].
    folder
        New, or empty.
    source, reference
        The follow-up's and the baseline's series.
    description
        Series description, at most 64 characters (default: the source's, and "registered to baseline").
    transform
        Fixed points to moving points, LPS mm; with it each slice names only the source images that it came from.
    progress
        Called with the part done, 0 to 1.

    Returns
    -------
    SeriesHeader
        Of the new series, as it reads back.

    Raises
    ------
    InputError
        If pydicom is missing, the image is no volume, the series are of different patients, or the folder has
        content or cannot be written to.
    """
    require_pydicom()
    check_same_patient(source, reference)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Only a 3-D volume with one value a voxel can be a CT series.")
    image = right_handed(image)
    values = _stored(image)
    made = _template(source, reference, description)
    _set_grid(made, image)
    count = image.GetDepth()
    with new_folder(folder) as staged:
        for k in range(count):
            made.SOPInstanceUID, made.InstanceNumber = new_uid(), k + 1
            made.ImagePositionPatient = decimals(image.TransformIndexToPhysicalPoint((0, 0, k)))
            origins = _contributing(image, k, source, transform) if source else ()
            if origins:
                made.SourceImageSequence = image_references(origins)
            elif "SourceImageSequence" in made:
                del made.SourceImageSequence
            made.PixelData = values[k].tobytes()
            save(made, staged / f"{k + 1:05d}.dcm")
            progress((k + 1) / count)
    return read_series_header(folder)
