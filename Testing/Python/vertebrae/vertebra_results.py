"""Results with vertebra labels: blocks down the middle of two scans that lie 6 mm apart."""

import numpy as np

SHIFT_MM = 6.0
SPACING_MM = 3.0
BOTH, BASELINE, FOLLOW_UP = "both", "baseline only", "follow-up only"
SCORES = {
    18: (BASELINE, None, None, None),
    19: (BOTH, (0.5, 0.9), (10.0, 1.5), (8.0, 1.0)),
    20: (BOTH, (0.625, 0.75), (9.0, 4.0), (10.0, 2.5)),
    21: (BOTH, (0.7, 0.6), (12.0, 11.0), (2.5, 9.5)),
    22: (FOLLOW_UP, None, None, None),
}


VOLUMES_ML = {19: (41.23, 43.5), 22: (38.0, 36.96)}


def report_of_scores():
    def steps(pair):
        return dict(zip(("before", "after"), pair or (None, None), strict=True))

    vertebrae = {
        str(value): {"status": status, "dsc": steps(dsc), "hd95_mm": steps(hd95), "centroid_mm": steps(centroid)}
        for value, (status, dsc, hd95, centroid) in SCORES.items()
    }
    for value, volumes in VOLUMES_ML.items():
        vertebrae[str(value)]["volume_ml"] = steps(volumes)
    return {"method": "cost-volume", "vertebrae": vertebrae, "dsc": {v: dict(e["dsc"]) for v, e in vertebrae.items()}}


def label_array(values):
    """Blocks of 12 x 24 x 24 mm down the middle."""
    array = np.zeros((40, 40, 40), np.uint8)
    for value in values:
        start = 34 - 6 * (value - 17)
        array[start : start + 4, 16:24, 16:24] = value
    return array


def add_volume(array, name, shift=0.0, class_name="vtkMRMLScalarVolumeNode"):
    import slicer

    matrix = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])
    matrix[0, 3] = matrix[2, 3] = shift
    return slicer.util.addVolumeFromArray(array, ijkToRAS=matrix, name=name, nodeClassName=class_name)


def make_result(report=None, segmentations=False, method="cost-volume", scans=None):
    """A result of two scans of which one lies 6 mm to the right and above; its transform puts that right."""
    import SimpleITK as sitk
    import slicer
    from LongitudinalRegistrationSlicer.results import nodes as results
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode
    from LongitudinalRegistrationSlicer.vertebrae import scores

    transform = sitk.AffineTransform(3)
    transform.SetTranslation((-SHIFT_MM, 0.0, SHIFT_MM))
    node = addTransformNode(transform, "result")
    node.SetAttribute(RESULT_ATTRIBUTE, method)
    if scans is None:
        scans = []
        for name, shift, missing in (("fixed", 0.0, 22), ("moving", SHIFT_MM, 18)):
            array = label_array([value for value in SCORES if value != missing])
            labels = add_volume(array, f"{name} labels", shift, "vtkMRMLLabelMapVolumeNode")
            if segmentations:
                labels = as_segmentation(labels)
            scans.append((add_volume((array > 0).astype(np.int16) * 500 - 300, name, shift), labels))
        for moved in scans[1]:
            moved.SetAndObserveTransformNodeID(node.GetID())
    for role, scan in ((node.GetFixedNodeReferenceRole(), scans[0]), (node.GetMovingNodeReferenceRole(), scans[1])):
        node.SetNodeReferenceID(role, scan[0].GetID())
    node.SetNodeReferenceID(results.FIXED_LABELS_ROLE, scans[0][1].GetID())
    node.SetNodeReferenceID(results.MOVING_LABELS_ROLE, scans[1][1].GetID())
    results.setReport(node, report or report_of_scores())
    table = scores.addScores(report or report_of_scores(), {}, "moving")
    if table is not None:
        node.SetNodeReferenceID(results.SCORES_ROLE, table.GetID())
    slicer.app.processEvents()
    return node


def as_segmentation(labels):
    import slicer
    from LongitudinalRegistrationLib.scan.labels import label_name

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", labels.GetName())
    node.CreateDefaultDisplayNodes()
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    for index in range(node.GetSegmentation().GetNumberOfSegments()):
        segment = node.GetSegmentation().GetNthSegment(index)
        segment.SetName(f"vertebrae_{label_name(segment.GetLabelValue())}")
        segment.SetColor(0.0, 1.0, 0.0)
    slicer.mrmlScene.RemoveNode(labels)
    return node


def texts(section, column=0):
    """The texts in a column of a section's table."""
    table = section.ui.scoresTable
    items = [table.item(row, column) for row in range(table.rowCount)]
    return ["" if item is None else item.text() for item in items]
