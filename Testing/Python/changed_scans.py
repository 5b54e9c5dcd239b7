"""Two scans of one body, 6 mm apart, with a vertebra in which a dense lesion has come: arrays, nodes, a result."""

import numpy as np

SHAPE, SPACING_MM, SHIFT_VOXELS = (40, 60, 60), 2.0, 3
SHIFT_MM = SHIFT_VOXELS * SPACING_MM
LESION_KJI, LESION_MM, LESION_HU = (20, 36, 32), 7.0, 250


def arrays():
    """Baseline and follow-up, HU [k, j, i]: the follow-up lies SHIFT_MM further along i."""
    k, j, i = np.indices(SHAPE)
    rng = np.random.default_rng(7)
    body = ((i - 30) / 26) ** 2 + ((j - 30) / 24) ** 2 < 1
    bone, marrow = ((abs(i - 30) < 12 - n) & (abs(j - 36) < 10 - n) & (abs(k - 20) < 15 - n) for n in (0, 1))
    hu = np.select([marrow, bone, body], [150.0, 900.0, 40.0], -1000.0)
    away = sum((n - c) ** 2 for n, c in zip((k, j, i), LESION_KJI, strict=True)) * SPACING_MM**2
    changed = np.where(away <= LESION_MM**2, hu + LESION_HU, hu)
    scans = [(each + rng.normal(0, 12, SHAPE)).round().astype(np.int16) for each in (hu, changed)]
    return scans[0], np.roll(scans[1], SHIFT_VOXELS, axis=2)


def lesion_ras():
    """The centre of the lesion on the baseline, RAS, mm."""
    k, j, i = LESION_KJI
    return (-i * SPACING_MM, -j * SPACING_MM, k * SPACING_MM)


def add_scans():
    """Add both as volume nodes; return them."""
    import slicer

    to_ras = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])
    names = ("Baseline", "Follow-up")
    return [
        slicer.util.addVolumeFromArray(array, ijkToRAS=to_ras, name=name)
        for array, name in zip(arrays(), names, strict=True)
    ]


def add_result():
    """Add both scans under a result that puts them on each other; return its transform node."""
    import SimpleITK as sitk
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    fixed, moving = add_scans()
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((SHIFT_MM, 0.0, 0.0))
    result = addTransformNode(shift, "Result")
    result.SetAttribute(RESULT_ATTRIBUTE, "refinement")
    result.SetNodeReferenceID(result.GetFixedNodeReferenceRole(), fixed.GetID())
    result.SetNodeReferenceID(result.GetMovingNodeReferenceRole(), moving.GetID())
    setTransformOn(result, True)
    return result


def compare(result):
    """Compare the scans of a result in this process, as the worker does; return the pipeline's Changes."""
    from LongitudinalRegistrationLib.pipeline.changes import Labelled, find_all_changes
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf, movingOf
    from LongitudinalRegistrationSlicer.results.transforms import itkTransformFromNode
    from TableRemovalSlicer.volumes import imageFromVolumeNode

    scans = (Labelled(imageFromVolumeNode(node)) for node in (fixedOf(result), movingOf(result)))
    return find_all_changes(*scans, itkTransformFromNode(result))
