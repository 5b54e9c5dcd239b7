"""Guesses which scans in the scene are a patient's baseline and follow-up, and which labels belong to a scan."""

import dataclasses
import re
import typing

import slicer
from LongitudinalRegistrationLib.scan.scan_dates import date_parts_in

from LongitudinalRegistrationSlicer.results.nodes import REGISTERED_ATTRIBUTE, registeredOf, resultNodes
from LongitudinalRegistrationSlicer.vertebrae.label_matching import labelsIn

AIR_HU = -200
FEWEST_SLICES = 5
DERIVED_ATTRIBUTE = "TableRemoval.Parameters"
LATER_WORDS = ("followup", "follow", "fu", "post", "current", "new", "later", "after", "second", "moving")
EARLIER_WORDS = ("baseline", "base", "bl", "prior", "previous", "pre", "old", "earlier", "before", "first", "fixed")
LABEL_WORDS = ("label", "labels", "labelmap", "seg", "segmentation", "segmentations", "vertebra", "vertebrae", "spine")
TOOL_WORDS = ("mask", "total", "totalseg", "totalsegmentator", "nii", "gz", "nrrd", "ct")


@dataclasses.dataclass(frozen=True)
class _Scan:
    """A volume node, its patient ("" where unknown), when it was made ("" where unknown; sorts as text), and which way
    its name points: -1 earlier, 1 later, 0 neither."""

    node: typing.Any
    patient: str
    date: str
    side: int


def guessPair():
    """Return (baseline, followUp): the oldest and the latest CT of one patient, or (None, None)."""
    for scans in _byPatient().values():
        if len(scans) > 1:
            return scans[0].node, scans[-1].node
    return None, None


def followUpsOf(baseline):
    """Return all CT scans of the baseline's patient that come after it, the oldest first."""
    for scans in _byPatient().values():
        nodes = [scan.node for scan in scans]
        if baseline in nodes:
            return nodes[nodes.index(baseline) + 1 :]
    return []


def guessLabels(volume):
    """Return the segmentation or label map with vertebrae made on a scan, or named as it is, or None."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    nodes = [node for node in nodes + slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if _isShown(node)]
    made = [node for node in nodes if _scanOfLabels(node) is volume]
    stem = _stem(volume.GetName())
    named = [node for node in nodes if _scanOfLabels(node) is None and stem and _stem(node.GetName()) == stem]
    return next((node for node in made + named if any(label.number for label in labelsIn(node))), None)


def _byPatient():
    """Return the scans by patient, each patient's in order; scans without a patient last, but with the patient's where
    the scene has only one."""
    patients, scans = {}, [_scanOf(node) for node in _ctVolumes()]
    known = {scan.patient for scan in scans if scan.patient}
    for scan in scans:
        patients.setdefault(scan.patient if len(known) > 1 else "", []).append(scan)
    ordered = {patient: _inOrder(scans) for patient, scans in patients.items()}
    return dict(sorted(ordered.items(), key=lambda item: not item[0]))


def _inOrder(scans):
    if all(scan.date for scan in scans):
        scans = _largestOfEachDate(scans) if all(scan.patient for scan in scans) else scans
        return sorted(scans, key=lambda scan: (scan.date, scan.side))
    return sorted(scans, key=lambda scan: scan.side)


def _largestOfEachDate(scans):
    """Return one scan for each date, the one with the most voxels, where there is more than one date."""
    largest = {}
    for scan in sorted(scans, key=lambda scan: scan.node.GetImageData().GetNumberOfPoints()):
        largest[scan.date] = scan
    return list(largest.values()) if len(largest) > 1 else scans


def _ctVolumes():
    registered = [registeredOf(result) for result in resultNodes()]
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in volumes if node not in registered and _isShown(node) and _isCt(node)]


def _isCt(node):
    image = node.GetImageData()
    if node.GetClassName() != "vtkMRMLScalarVolumeNode" or image is None:
        return False
    if node.GetAttribute(DERIVED_ATTRIBUTE) or node.GetAttribute(REGISTERED_ATTRIBUTE):
        return False
    modality = _tag(node, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName())
    if modality and modality != "CT":
        return False
    single = image.GetNumberOfScalarComponents() == 1 and image.GetDimensions()[2] >= FEWEST_SLICES
    return single and image.GetScalarRange()[0] <= AIR_HU


def _isShown(node):
    return not node.GetHideFromEditors()


def _scanOf(node):
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    patient = _tag(node, constants.GetDICOMPatientIDAttributeName())
    date = _tag(node, constants.GetDICOMStudyDateAttributeName())
    if date:
        date = re.sub(r"\D", "", date) + re.sub(r"\D", "", _tag(node, constants.GetDICOMStudyTimeAttributeName()))[:6]
    return _Scan(node, patient, date or _dateIn(node.GetName()), _sideOf(node.GetName()))


def _tag(node, name):
    """Return a DICOM attribute of a node's item in the subject hierarchy or of the nearest item above that has it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    while item and item != hierarchy.GetSceneItemID():
        if hierarchy.GetItemAttribute(item, name):
            return hierarchy.GetItemAttribute(item, name)
        item = hierarchy.GetItemParent(item)
    return ""


def _dateIn(name):
    """Return the date in a name (2019, 2019-03-01, 20190301) as digits, or the number of a time point (t0, visit 2)."""
    date = date_parts_in(name)
    if date:
        return "".join(part or "00" for part in date)
    point = re.search(r"(?<![a-z])(?:t|tp|visit|time ?point)[-_ ]?(\d{1,2})(?!\d)", name.lower())
    return f"{int(point[1]):08d}" if point else ""


def _sideOf(name):
    words = _words(name)
    if any(word in LATER_WORDS for word in words):
        return 1
    return -1 if any(word in EARLIER_WORDS for word in words) else 0


def _scanOfLabels(node):
    if not node.IsA("vtkMRMLSegmentationNode"):
        return None
    return node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())


def _stem(name):
    """Return the words of a name that say which scan it is, in one piece."""
    return " ".join(word for word in _words(name) if word not in LABEL_WORDS + TOOL_WORDS)


def _words(name):
    """Return a name's words; digits at a word's end are its own word, as in 'followup2'."""
    return re.findall(r"[a-z]+|\d+", name.lower())
