"""With SLICER_SOURCE=/path/to/Slicer the stand-in runs Slicer's own Python files; so does every other test then."""

import sys

import pytest

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot, slicer_source  # noqa: E402

pytestmark = [
    pytest.mark.xdist_group("host"),
    pytest.mark.skipif(slicer_source.sourceFolder() is None, reason="SLICER_SOURCE names no checkout of Slicer"),
]


@pytest.fixture(scope="module")
def host():
    return boot()


@pytest.mark.parametrize("name", [*slicer_source.BEFORE_WIDGETS, *slicer_source.AFTER_WIDGETS])
def test_a_file_is_slicer_s_own(host, name):
    assert str(slicer_source.sourceFolder()) in sys.modules[f"slicer.{name}"].__file__


@pytest.mark.parametrize("name", ["TableRemoval", "LongitudinalRegistration"])
def test_a_module_opens_connects_its_widgets_and_passes_its_own_test(host, name):
    import slicer
    from slicerhost.application import closePanel, makePanel

    host.core.scene.Clear(0)
    panel = makePanel(host.modules[name])
    ui, parameters = panel.ui, panel.logic.getParameterNode()
    box = ui.methodComboBox
    box.setCurrentIndex(box.count - 1)
    assert parameters.method == box.itemText(box.count - 1) and slicer.selfTests[name]
    closePanel(panel)
    host.modules[name].module.runTest()
