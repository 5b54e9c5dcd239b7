"""Renders the picture of the vertebrae over time in docs/changes.md: a synthetic patient on three visits.

python Testing/Host/screenshots_over_time.py [--folder FOLDER]
"""

import argparse
import sys
from dataclasses import asdict
from functools import reduce
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "docs" / "pictures" / "changes"
SEED, SIZE_PX, SLICES, WIDTH_PX = 3, 192, 96, 300
SHOWN = (("mean_hu", "body"), ("change_hu", "body"), ("front_mm", "whole"))


def visits():
    """Return the patient's visits, as phantom.cohort.CohortScan, the first one first."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions
    from LongitudinalRegistrationLib.phantom.cohort import CohortOptions, patient_scans, plan_cohort

    options = CohortOptions(patients=1, scans=3, folds=1, phantom=PhantomOptions(SIZE_PX, SLICES))
    (plan,) = plan_cohort(SEED, options)
    return list(patient_scans(SEED, plan, options))


def addResults(scans):
    """Add the scans, and a result for each follow-up, whose vertebrae are compared; return the last result."""
    from LongitudinalRegistrationLib.changes.vertebra_changes import vertebra_changes
    from LongitudinalRegistrationLib.system.files import without_nan
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setChanges
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode
    from TableRemovalSlicer.volumes import addVolumeNode

    nodes = [addVolumeNode(made.scan.image, f"CT {made.visit.day}") for made in scans]
    first = scans[0].scan
    for node, made in zip(nodes[1:], scans[1:], strict=True):
        follow = made.scan
        found = vertebra_changes(first.image, follow.image, made.truth, first.vertebrae, follow.vertebrae)
        result = addTransformNode(made.truth, node.GetName())
        result.SetAttribute(RESULT_ATTRIBUTE, "refinement")
        result.SetNodeReferenceID(result.GetFixedNodeReferenceRole(), nodes[0].GetID())
        result.SetNodeReferenceID(result.GetMovingNodeReferenceRole(), node.GetID())
        setChanges(result, {"vertebrae": [without_nan(asdict(each)) for each in found]})
    return result


def pictures(result):
    """Return pictures of the table, one for each figure of SHOWN."""
    import slicer
    from LongitudinalRegistrationSlicer.changes.vertebra_course import FIGURES, PARTS
    from LongitudinalRegistrationWidgets.vertebra_course import VertebraCourse

    resources = HERE.parents[1] / "LongitudinalRegistration" / "Resources"
    course = VertebraCourse(lambda name: str(resources / name), lambda value: None, lambda chart: None)
    course.setResult(result)
    course.widget.show()
    found = []
    for figure, part in SHOWN:
        course.ui.courseFigureComboBox.setCurrentIndex([each.key for each in FIGURES].index(figure))
        course.ui.coursePartComboBox.setCurrentIndex(list(PARTS).index(part))
        course.widget.resize(WIDTH_PX, 10)
        for _turn in range(10):
            slicer.app.processEvents()
        found.append(course.widget.grab().toImage().copy())
    return found


def main():
    """Render into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from slicerhost import boot

    boot()
    import slicer
    from screenshots_registration import beside

    slicer.mrmlScene.Clear(0)
    path = options.folder / "vertebrae-over-time.png"
    reduce(beside, pictures(addResults(visits()))).save(str(path))
    print(path)


if __name__ == "__main__":
    main()
