"""What the tests of the vertebrae share."""

import pytest
from places import RESOURCES
from vertebra_results import make_result


@pytest.fixture
def views(scene, host):
    """Views of baseline and follow-up, sagittal, through the middle of the vertebrae."""
    from slicerhost import views

    made = {}
    for name in ("Yellow", "LongctFollowUp1"):
        made[name] = views.makeSliceView(host, name, views.SAGITTAL)
        made[name].get_view_node().SetOrientation(views.SAGITTAL)
        views.place(made[name], views.Frame((-60.0, -60.0, 60.0), 130.0, 130.0, 260, 260))
    return made


@pytest.fixture
def result(scene):
    """A result with scores and label maps."""
    return make_result()


@pytest.fixture
def section(result):
    """The panel's section, showing the result."""
    from LongitudinalRegistrationWidgets.vertebra_section import VertebraSection

    section = VertebraSection(lambda name: str(RESOURCES / name))
    section.setResult(result)
    yield section
    section.cleanup()
