"""Pictures for the report page: fixed, moving and registered scan in two planes, as PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import box_of_image, parts_of, sample, whole
from ..scan.geometry import bounds_of
from ..scan.grid import AIR_HU

BONE_WINDOW_HU = (-500.0, 1300.0)
PIXEL_MM, CLOSE_PIXEL_MM = 1.0, 0.5
SHOWN_HU = -300.0
MARGIN_MM = 10
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLANES = {"axial": 2, "sagittal": 0}


def report_pictures(
    fixed: sitk.Image, moving: sitk.Image, registered: sitk.Image, point: tuple[float, float, float]
) -> dict[str, bytes]:
    """Caption to PNG: an axial and a sagittal plane through a point, bone window (1800/400 HU): the three scans, and
    the baseline in red under the registered scan in cyan, which give grey where they agree.

    Seen as radiologists do: the patient's right on the left, front at the top (axial) or on the left (sagittal).

    Parameters
    ----------
    fixed, moving, registered
        Scans, HU. The moving one is shown where it lies before the registration.
    point
        LPS, mm.

    Returns
    -------
    dict
        Caption to PNG file.
    """
    pictures = {}
    for plane, axis in PLANES.items():
        reference = _plane(fixed, axis, point)
        near = (_near(scan, reference) for scan in (fixed, moving, registered))
        images = [_flat(sample(part, reference, outside=AIR_HU), axis) for part in near]
        rows, columns = _shown(images[0])
        baseline, before, after = (_windowed(image[rows, columns]) for image in images)
        elsewhere = "" if (images[1] > SHOWN_HU).any() else " (lies elsewhere)"
        shown = {
            "baseline": baseline,
            f"follow-up before{elsewhere}": before,
            "follow-up registered": after,
            "baseline red, registered cyan": np.stack([baseline, after, after], axis=-1),
        }
        pictures.update({f"{plane.capitalize()}: {name}": png(picture) for name, picture in shown.items()})
    return pictures


def central_point(
    common_centre: tuple[float, float, float], fixed_labels: sitk.Image | None
) -> tuple[float, float, float]:
    """Find where to look: the middle of the labels, or else of what both scans show.

    Parameters
    ----------
    common_centre
        The middle of what both scans show, LPS mm.
    fixed_labels
        0 where nothing is; None: there are none.

    Returns
    -------
    x, y, z
        LPS, mm.
    """
    if fixed_labels is not None:
        used = np.argwhere(sitk.GetArrayViewFromImage(fixed_labels) > 0)
        if len(used):
            return fixed_labels.TransformContinuousIndexToPhysicalPoint(np.median(used, axis=0)[::-1].tolist())
    return common_centre


def _plane(fixed: sitk.Image, axis: int, point: tuple[float, float, float]) -> sitk.Image:
    """An empty plane of 1 mm pixels across a scan, normal to an LPS axis, through a point."""
    low, high = bounds_of(fixed)
    pixels = np.maximum(np.round((high - low) / PIXEL_MM).astype(int) + 1, 1)
    pixels[axis], low[axis] = 1, point[axis]
    reference = sitk.Image(pixels.tolist(), sitk.sitkUInt8)
    reference.SetSpacing([PIXEL_MM] * 3)
    reference.SetOrigin(low.tolist())
    return reference


def _near(scan: sitk.Image, plane: sitk.Image) -> sitk.Image:
    """The part of a scan around a plane, and a voxel more; whoever looks at a scan that is being written copies it."""
    parts = parts_of(None)
    assert parts is not None
    box, size = box_of_image(parts, plane, whole(plane), scan), scan.GetSize()
    first = [max(min(start - 1, count - 1), 0) for start, count in zip(box.start[::-1], size, strict=True)]
    stop = [min(max(end + 1, low + 1), count) for end, low, count in zip(box.stop[::-1], first, size, strict=True)]
    i, j, k = (slice(low, end) for low, end in zip(first, stop, strict=True))
    return scan[i, j, k]


def _flat(values: np.ndarray, axis: int) -> np.ndarray:
    """The plane as a picture, rows from top to bottom."""
    return values[0] if axis == 2 else values[::-1, :, 0]


def _shown(picture: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that show anything but air, and a margin."""
    sides = []
    for axis in (1, 0):
        used = np.flatnonzero((picture > SHOWN_HU).any(axis=axis))
        first, last = (used[0], used[-1]) if used.size else (0, picture.shape[1 - axis])
        sides.append(slice(max(int(first) - MARGIN_MM, 0), int(last) + 1 + MARGIN_MM))
    return sides[0], sides[1]


def _windowed(picture: np.ndarray) -> np.ndarray:
    low, high = BONE_WINDOW_HU
    return (255 * np.clip((picture - low) / (high - low), 0, 1)).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    """Encode a picture as a PNG file.

    Parameters
    ----------
    picture
        [y, x] or, in colours, [y, x, 3] as red, green, blue; uint8.

    Returns
    -------
    bytes
        The file.
    """
    height, width = picture.shape[:2]
    colour_type = 2 if picture.ndim == 3 else 0
    lines = np.zeros((height, 1 + picture[0].size), np.uint8)
    lines[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b"")
    return PNG_SIGNATURE + b"".join(_png_part(name, content) for name, content in parts)


def _png_part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def close_up(
    image: sitk.Image,
    point: tuple[float, float, float],
    transform: sitk.Transform | None = None,
    side_mm: float = 60.0,
) -> bytes:
    """Picture an axial square around a point, bone window (1800/400 HU), seen as radiologists do.

    Parameters
    ----------
    image
        HU, any grid.
    point
        Its middle, LPS, mm.
    transform
        Points of the square to points of the image, LPS, mm; None: the same points.
    side_mm
        Of the square.

    Returns
    -------
    bytes
        PNG file, square.
    """
    pixels = round(side_mm / CLOSE_PIXEL_MM)
    reference = sitk.Image([pixels, pixels, 1], sitk.sitkUInt8)
    reference.SetSpacing([CLOSE_PIXEL_MM, CLOSE_PIXEL_MM, 1.0])
    reference.SetOrigin([point[0] - side_mm / 2, point[1] - side_mm / 2, point[2]])
    return png(_windowed(_flat(sample(image, reference, transform, outside=AIR_HU), 2)))
