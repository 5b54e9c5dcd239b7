"""Fixed, moving and registered scan in six slice views: axial above, sagittal below, at one scale."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer

from . import views

WINDOW, LEVEL = 1800, 400
COLUMNS = ("fixed", "moving", "registered")
ROWS = (views.AXIAL, views.SAGITTAL)
MARGIN_MM = 16.0
LONGEST_VIEW = 1.25
BODY_HU = -200
BONE_HU = 250
COARSE_MM = 4.0
ARROWS_ACROSS = 18
BODY_SAMPLES = 4000
LARGEST_FACTOR = 5
SHORTEST_ARROW_MM = 0.3
PALETTE = (
    (0.96, 0.26, 0.21),
    (0.13, 0.75, 0.94),
    (1.00, 0.76, 0.03),
    (0.40, 0.86, 0.34),
    (0.88, 0.35, 0.85),
    (1.00, 0.53, 0.18),
    (0.36, 0.53, 1.00),
    (0.62, 0.93, 0.83),
    (0.95, 0.60, 0.70),
    (0.72, 0.66, 0.36),
)


@dataclasses.dataclass(frozen=True)
class Scan:
    """One column: the scan, its vertebra labels or None, and where its views are centred (LPS, mm)."""

    image: sitk.Image
    labels: sitk.Image
    body: tuple
    middle: np.ndarray


@dataclasses.dataclass(frozen=True)
class Arrows:
    """The display node of the deformation's arrows, the longest displacement in the body, their magnification."""

    display: object
    longest_mm: float
    factor: int


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The six views by (row, column), the volume nodes by column, what the views show, the report, the colours."""

    views: dict
    volumes: dict
    frames: dict
    report: dict
    colours: dict
    arrows: Arrows

    def renderArray(self, row, column):
        """Return one view's picture, uint8 [row, column, 3]; only the registered scan carries the arrows."""
        self.arrows.display.SetVisibility(column == "registered")
        return views.renderArray(self.views[row, column])


def showComparison(host, fixed, moving, resultFolder, fixedLabels=None, movingLabels=None, columnPx=460):
    """Put a registration's result on six slice views and return the Comparison.

    `fixed` and `moving` are image files, DICOM folders or sitk.Images, the labels are too, or None;
    `resultFolder` is what `longct register` wrote: registered.nii.gz, transform.h5, report.json, and
    registered_labels.nii.gz where there were labels. `columnPx`: width of a view in pixels.
    """
    resultFolder = Path(resultFolder)
    report = json.loads((resultFolder / "report.json").read_text())
    transform = sitk.ReadTransform(str(resultFolder / "transform.h5"))
    scans = _readScans(fixed, moving, resultFolder, fixedLabels, movingLabels, transform)
    colours = _colours(scans.values())
    frames = _frames(scans, columnPx)
    made, volumes = {}, {}
    for column, scan in scans.items():
        volumes[column] = _addVolume(scan.image, column)
        for row in ROWS:
            view = views.makeSliceView(host, f"{column}-{row}", row)
            view.get_view_node().SetOrientation(row)
            view.set_background_volume_id(volumes[column].GetID())
            views.place(view, frames[row, column])
            made[row, column] = view
        _addOutlines(scan.labels, column, colours, [made[row, column] for row in ROWS])
    arrows = _addArrows(transform, scans["fixed"], frames, [made[row, "registered"] for row in ROWS])
    return Comparison(made, volumes, frames, report, colours, arrows)


def _readScans(fixed, moving, resultFolder, fixedLabels, movingLabels, transform):
    registeredLabels = resultFolder / "registered_labels.nii.gz"
    sources = [fixed, moving, fixedLabels, movingLabels, resultFolder / "registered.nii.gz"]
    sources.append(registeredLabels if registeredLabels.exists() else None)
    with ThreadPoolExecutor() as readers:
        fixed, moving, fixedLabels, movingLabels, registered, registeredLabels = readers.map(_read, sources)
    chosen = _middleLabel(fixedLabels, movingLabels)
    middle = _centroid(fixedLabels, chosen) if fixedLabels is not None else _boneCentre(fixed)
    if movingLabels is not None:
        movingMiddle = _centroid(movingLabels, chosen)
    else:
        movingMiddle = np.array(transform.TransformPoint(middle.tolist()))
    body = _bodyBox(fixed)
    return {
        "fixed": Scan(fixed, fixedLabels, body, middle),
        "moving": Scan(moving, movingLabels, _bodyBox(moving), movingMiddle),
        "registered": Scan(registered, registeredLabels, body, middle),
    }


def _read(source):
    if source is None or isinstance(source, sitk.Image):
        return source
    from LongitudinalRegistrationLib.scan.read import read_image

    return read_image(source)


def _labelValues(labels):
    return [] if labels is None else [int(v) for v in np.unique(sitk.GetArrayViewFromImage(labels)) if v]


def _middleLabel(*labelImages):
    """Return the label in the middle of those that all given label images have, or None."""
    given = [set(_labelValues(labels)) for labels in labelImages if labels is not None]
    common = sorted(set.intersection(*given)) if given else []
    return common[len(common) // 2] if common else None


def _centroid(labels, value):
    """Return the centre (LPS, mm) of one label, or of all where value is None."""
    array = sitk.GetArrayViewFromImage(labels)
    kji = np.argwhere(array == value if value is not None else array > 0).mean(axis=0)
    return np.array(labels.TransformContinuousIndexToPhysicalPoint(kji[::-1].tolist()))


def _coarse(image):
    steps = [max(1, round(COARSE_MM / s)) for s in image.GetSpacing()]
    return sitk.Cast(image[:: steps[0], :: steps[1], :: steps[2]], sitk.sitkFloat32)


def _boneCentre(image):
    """Return the centre (LPS, mm) of what is as dense as bone; the image's centre where nothing is."""
    coarse = _coarse(image)
    bone = np.argwhere(sitk.GetArrayViewFromImage(coarse) > BONE_HU)
    centre = bone.mean(axis=0)[::-1] if len(bone) else np.array(coarse.GetSize()) / 2
    return np.array(coarse.TransformContinuousIndexToPhysicalPoint(centre.tolist()))


def _bodyBox(image):
    """Return the lowest and highest corner (LPS, mm) of the largest object denser than air."""
    coarse = _coarse(image)
    body = sitk.BinaryMorphologicalOpening(coarse > BODY_HU, [2, 2, 0])
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(body)) == 1
    kji = np.argwhere(sitk.GetArrayViewFromImage(parts))
    low, high = (kji.min(axis=0), kji.max(axis=0)) if len(kji) else ((0, 0, 0), coarse.GetSize()[::-1])
    ends = [coarse.TransformContinuousIndexToPhysicalPoint([float(n) for n in end[::-1]]) for end in (low, high)]
    return np.min(ends, axis=0), np.max(ends, axis=0)


def _frames(scans, columnPx):
    """Return a Frame for each (row, column): one scale for all, wide and high enough for every body."""
    sizes = np.array([scan.body[1] - scan.body[0] for scan in scans.values()]).max(axis=0) + 2 * MARGIN_MM
    width = max(sizes[0], sizes[1])
    heights = {views.AXIAL: sizes[1], views.SAGITTAL: min(sizes[2], LONGEST_VIEW * width)}
    frames = {}
    for column, scan in scans.items():
        centre = (scan.body[0] + scan.body[1]) / 2
        if sizes[2] > heights[views.SAGITTAL]:
            centre[2] = scan.middle[2]
        axial = (centre[0], centre[1], scan.middle[2])
        sagittal = (scan.middle[0], centre[1], centre[2])
        for row, (left, posterior, superior) in ((views.AXIAL, axial), (views.SAGITTAL, sagittal)):
            pixels = round(columnPx * heights[row] / width)
            height = width * pixels / columnPx
            frames[row, column] = views.Frame((-left, -posterior, superior), width, height, columnPx, pixels)
    return frames


def _colours(scans):
    values = sorted({value for scan in scans for value in _labelValues(scan.labels)})
    return {value: PALETTE[n % len(PALETTE)] for n, value in enumerate(values)}


def _addVolume(image, name):
    from TableRemovalSlicer.volumes import addVolumeNode

    node = addVolumeNode(image, name)
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(WINDOW, LEVEL)
    return node


def _addOutlines(labels, name, colours, inViews):
    if labels is None or not _labelValues(labels):
        return
    from TableRemovalSlicer.volumes import addVolumeNode

    box = np.argwhere(sitk.GetArrayViewFromImage(labels))
    low, high = (np.maximum(box.min(axis=0) - 1, 0))[::-1], box.max(axis=0)[::-1] + 2
    high = np.minimum(high, labels.GetSize())
    cropped = sitk.Cast(labels, sitk.sitkUInt8)[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    labelmap = addVolumeNode(cropped, f"{name} labels", "vtkMRMLLabelMapVolumeNode")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} vertebrae")
    segmentation.CreateDefaultDisplayNodes()
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labelmap, segmentation)
    slicer.mrmlScene.RemoveNode(labelmap)
    segments = segmentation.GetSegmentation()
    for index in range(segments.GetNumberOfSegments()):
        segment = segments.GetNthSegment(index)
        segment.SetColor(*colours[segment.GetLabelValue()])
    display = segmentation.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetSliceIntersectionThickness(2)
    for view in inViews:
        display.AddViewNodeID(view.get_view_node_id())


def _addArrows(transform, scan, frames, inViews):
    """Show the deformation (what the transform does before its affine part) as arrows; return the Arrows.

    The arrows' length is their true one times a whole number, so that a long one about spans their spacing.
    """
    from LongitudinalRegistrationSlicer.results.transforms import inOrderOfUse, vtkTransformFromITK

    parts = inOrderOfUse(transform)
    while len(parts) > 1 and parts[-1].IsLinear():
        parts = parts[:-1]
    deformation = sitk.CompositeTransform(parts[::-1])
    spacing = frames[views.AXIAL, "registered"].width_mm / ARROWS_ACROSS
    lengths = _displacements(deformation, scan.image)
    usual, longest = float(np.percentile(lengths, 95)), float(lengths.max())
    factor = int(np.clip(round(spacing / max(usual, 0.1)), 1, LARGEST_FACTOR))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "deformation")
    node.SetAndObserveTransformToParent(vtkTransformFromITK(deformation))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisualizationMode(display.VIS_MODE_GLYPH)
    display.SetGlyphType(display.GLYPH_TYPE_ARROW)
    display.SetGlyphSpacingMm(spacing)
    display.SetGlyphScalePercent(100 * factor)
    display.SetGlyphDisplayRangeMinMm(SHORTEST_ARROW_MM)
    display.SetGlyphDisplayRangeMaxMm(max(longest, 1.0))
    display.SetSliceIntersectionThickness(2)
    display.SetVisibility2D(True)
    display.SetVisibility(False)
    for view in inViews:
        display.AddViewNodeID(view.get_view_node_id())
    return Arrows(display, longest, factor)


def _displacements(transform, image):
    """Return how far (mm) a transform moves points of the body, looked at on a few of its voxels."""
    coarse = _coarse(image)
    body = np.argwhere(sitk.GetArrayViewFromImage(coarse) > BODY_HU)
    some = body[:: max(1, len(body) // BODY_SAMPLES)]
    points = [coarse.TransformContinuousIndexToPhysicalPoint(kji[::-1].astype(float).tolist()) for kji in some]
    moved = [np.subtract(transform.TransformPoint(point), point) for point in points]
    return np.linalg.norm(moved, axis=1) if moved else np.zeros(1)
