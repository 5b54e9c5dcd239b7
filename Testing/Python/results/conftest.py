"""What the tests of results share."""

import numpy as np
import pytest
import SimpleITK as sitk
from scan_nodes import COUNT, SPACING, volume


@pytest.fixture
def result(scene):
    """A baseline and a follow-up under a result: a shift of 12 mm after waves of 6 mm (LPS)."""
    from LongitudinalRegistrationLib.field.transforms import compose
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    k, j, i = np.indices((COUNT,) * 3)
    field = sitk.GetImageFromArray(
        np.stack([6 * np.sin(0.3 * j), 4 * np.cos(0.25 * k), 3 * np.sin(0.2 * i)], axis=-1), isVector=True
    )
    field.SetSpacing((SPACING,) * 3)
    shift = sitk.AffineTransform(3)
    shift.SetTranslation((12.0, 0.0, -4.0))
    made = addTransformNode(compose(shift, field), "Result")
    made.SetAttribute(RESULT_ATTRIBUTE, "refinement")
    made.SetNodeReferenceID(made.GetFixedNodeReferenceRole(), volume("Baseline").GetID())
    made.SetNodeReferenceID(made.GetMovingNodeReferenceRole(), volume("Follow-up").GetID())
    setTransformOn(made, True)
    return made


@pytest.fixture
def logic(scene):
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = LongitudinalRegistrationLogic()
    yield made
    made.shutDown()
