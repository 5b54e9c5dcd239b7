"""Small CT scans of one anatomy on any grid, and as files of any kind: what reading them is checked with, by points.

The anatomy is a function of LPS points: a body with a soft gradient, a spine, and one ball of metal-like density whose
place is known, so that a mirrored, shifted or sheared volume cannot pass for the right one.
"""

import struct
from itertools import permutations, product

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

MARK_MM = np.array([45.0, -30.0, 38.0])
"""Where the ball is, from the middle of the scan, LPS mm."""
DENSE_HU = 320
STUDY = generate_uid()


def anatomy(points):
    """HU at LPS points [..., 3], mm from the middle of the scan."""
    x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
    hu = np.where((x / 125) ** 2 + (y / 95) ** 2 < 1, 40.0 + 0.2 * x + 0.15 * y + 0.1 * z, -1000.0)
    hu = np.where((x / 14) ** 2 + ((y - 55) / 12) ** 2 < 1, 240.0 + 30 * np.sin(z / 9), hu)
    hu = np.where(((x + 60) / 25) ** 2 + ((y + 10) / 30) ** 2 + ((z + 20) / 40) ** 2 < 1, -60.0, hu)
    apart = (x - MARK_MM[0]) ** 2 + (y - MARK_MM[1]) ** 2 + (z - MARK_MM[2]) ** 2
    return hu + 1600.0 * np.exp(-apart / (2 * 11.0**2))


def axis_orders():
    """Return the 48 directions along LPS axes: orders and flips, as matrices (3, 3)."""
    return [
        np.eye(3)[:, list(order)] * signs for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
    ]


def grid_matrix(size, spacing, direction=None, centre=(0, 0, 0)):
    """Return the matrix (4, 4) from voxels to LPS mm of a grid around a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if direction is None else direction) * np.asarray(spacing, float)
    matrix[:3, 3] = np.asarray(centre, float) - matrix[:3, :3] @ (np.asarray(size) - 1) / 2
    return matrix


def values_on(size, matrix, centre=(0, 0, 0)):
    """Return the anatomy's HU [k, j, i], int16, at the voxels of a matrix; the middle of the anatomy is at a point."""
    i, j, k = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    points = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3] - np.asarray(centre, float)
    return np.rint(anatomy(points)).astype(np.int16).transpose(2, 1, 0)


def image_with(values, matrix):
    """Return values [k, j, i] as an image; the matrix's axes are at right angles."""
    image = sitk.GetImageFromArray(values)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    return image


def marked_scan(direction=None, extent=(270.0, 210.0, 200.0), spacing=(6.0, 7.0, 8.0), centre=(0, 0, 0)):
    """Return the anatomy on a grid: extent along LPS, spacing along the grid's own axes, mm."""
    direction = np.eye(3) if direction is None else np.asarray(direction)
    size = np.maximum(np.rint(np.abs(direction.T @ np.diag(extent)).max(axis=1) / spacing).astype(int), 2)
    matrix = grid_matrix(size, spacing, direction, centre)
    return image_with(values_on(size, matrix, centre), matrix)


def mark_of(image):
    """Return where the ball is in an image, LPS mm: the centre of what is denser than bone."""
    values = sitk.GetArrayViewFromImage(image)
    places = np.argwhere(values > DENSE_HU)[:, ::-1]
    assert len(places), "the ball is not there"
    weights = values[values > DENSE_HU].astype(float) - DENSE_HU
    return np.array(image.TransformContinuousIndexToPhysicalPoint(np.average(places, axis=0, weights=weights).tolist()))


def write_with_sform(path, values, matrix, qform=None):
    """Write values [k, j, i] as NIfTI with an sform of a matrix (LPS) of any kind, and a qform or none."""
    sitk.WriteImage(
        image_with(values, grid_matrix(values.shape[::-1], (1, 1, 1)) if qform is None else qform), str(path)
    )
    data = bytearray(path.read_bytes())
    ras = np.diag([-1.0, -1.0, 1.0]) @ matrix[:3]
    struct.pack_into(
        "<8f", data, 76, *struct.unpack_from("<f", data, 76), *np.linalg.norm(ras[:, :3], axis=0), 1, 0, 0, 0
    )
    struct.pack_into("<hh", data, 252, int(qform is not None), 2)
    struct.pack_into("<12f", data, 280, *ras.ravel())
    path.write_bytes(data)
    return path


def _general(sop_class, series, **tags):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientID, data.StudyInstanceUID, data.SeriesInstanceUID = "CT", "phantom", STUDY, series
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def _text(values):
    return [f"{value:.10g}"[:16] for value in values]


def write_series(folder, values, matrix, series=None, compress=None, of_slice=lambda k: {}, **tags):
    """Write values [k, j, i], HU, as single CT images with the places of a matrix, which may be sheared.

    of_slice: attributes by the number of the slice; None leaves it out. compress: a transfer syntax.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series, steps = series or generate_uid(), np.linalg.norm(matrix[:3, :3], axis=0)
    for k, plane in enumerate(values):
        own = of_slice(k)
        if own is None:
            continue
        data = _general(CTImageStorage, series, **tags)
        data.Rows, data.Columns = plane.shape
        data.ImagePositionPatient = _text(matrix[:3, 3] + k * matrix[:3, 2])
        data.ImageOrientationPatient = _text([*(matrix[:3, 0] / steps[0]), *(matrix[:3, 1] / steps[1])])
        data.PixelSpacing = _text([steps[1], steps[0]])
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        data.PixelData = (plane.astype(np.int32) + 1024).astype("<i2").tobytes()
        for name, value in own.items():
            setattr(data, name, value)
        if compress is not None:
            data.compress(compress)
        pydicom.dcmwrite(folder / f"{(7 * k) % len(values):03d}-{k:03d}.dcm", data, enforce_file_format=True)
    return folder


def write_enhanced(path, values, matrix, order=None, own_rescale=False, **tags):
    """Write values [k, j, i], HU, as one enhanced multi-frame CT; frames in any order, each with its own rescale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data, steps = _general(EnhancedCTImageStorage, generate_uid(), **tags), np.linalg.norm(matrix[:3, :3], axis=0)
    order = list(range(len(values)) if order is None else order)
    data.Rows, data.Columns, data.NumberOfFrames = *values.shape[1:], len(order)

    def item(**attributes):
        made = Dataset()
        for name, value in attributes.items():
            setattr(made, name, value)
        return Sequence([made])

    def rescale(intercept):
        return item(RescaleSlope=1, RescaleIntercept=intercept, RescaleType="HU")

    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=_text([steps[1], steps[0]]), SliceThickness=steps[2])
    orientation = _text([*(matrix[:3, 0] / steps[0]), *(matrix[:3, 1] / steps[1])])
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=orientation)
    if not own_rescale:
        shared.PixelValueTransformationSequence = rescale(-1024)
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames, planes = [], []
    for k in order:
        frame, intercept = Dataset(), -1024 - 10 * k if own_rescale else -1024
        frame.PlanePositionSequence = item(ImagePositionPatient=_text(matrix[:3, 3] + k * matrix[:3, 2]))
        frame.FrameContentSequence = item(FrameAcquisitionNumber=1)
        if own_rescale:
            frame.PixelValueTransformationSequence = rescale(intercept)
        frames.append(frame)
        planes.append((values[k].astype(np.int32) - intercept).astype("<i2").tobytes())
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    data.PixelData = b"".join(planes)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path
