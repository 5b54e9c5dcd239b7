"""The panel's section that brings nodes across: what it lists, what its buttons do."""

import pytest
from places import RESOURCES
from scan_nodes import points

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")


@pytest.fixture
def section(result, logic):
    """The section, open, showing the result."""
    from LongitudinalRegistrationWidgets.bring_section import BringSection

    made = BringSection(lambda name: str(RESOURCES / name), logic)
    made.widget.collapsed = False
    made.setResult(result)
    yield made
    made.cleanup()


def listed(section):
    """Names and ticks, as they are shown."""
    import qt

    items = [section.ui.belongingsList.item(row) for row in range(section.ui.belongingsList.count)]
    return {item.text(): item.checkState() == qt.Qt.Checked for item in items}


def tick(section, name):
    import qt

    section.ui.belongingsList.findItems(name, qt.Qt.MatchExactly)[0].setCheckState(qt.Qt.Checked)


def test_what_belongs_to_the_scan_is_ticked_and_another_direction_lists_the_other_scan(section):
    assert listed(section) == {"Follow-up": True} and section.ui.bringButton.enabled
    section.ui.directionComboBox.setCurrentIndex(1)
    assert listed(section) == {"Baseline": True} and section.towards == "follow-up"


def test_a_node_that_comes_is_listed_and_one_that_goes_is_not_brought(section):
    import slicer

    node = points("landmarks")
    assert "landmarks" not in listed(section)
    section.sceneChanged()
    section.goOn()
    assert listed(section) == {"Follow-up": True, "landmarks": False}
    tick(section, "landmarks")
    section.sceneChanged()
    section.goOn()
    assert listed(section)["landmarks"]
    slicer.mrmlScene.RemoveNode(node)
    assert node not in section.chosen()


def test_bring_makes_what_is_ticked_and_undo_takes_it_back(section):
    import slicer

    points("landmarks")
    section.update()
    tick(section, "landmarks")
    assert not section.ui.undoBringButton.enabled
    section.ui.bringButton.click()
    made = slicer.util.getNode("landmarks on Baseline")
    assert made is not None and slicer.util.getNode("Follow-up on Baseline") is not None
    assert "landmarks on Baseline" in section.ui.broughtLabel.text and "landmarks on Baseline" not in listed(section)
    section.ui.undoBringButton.click()
    assert slicer.mrmlScene.GetFirstNodeByName("landmarks on Baseline") is None
    assert not section.ui.undoBringButton.enabled and slicer.util.getNode("landmarks") is not None


def test_with_nothing_ticked_or_no_result_nothing_can_be_brought(section):
    import qt

    section.ui.belongingsList.item(0).setCheckState(qt.Qt.Unchecked)
    assert not section.ui.bringButton.enabled
    section.setResult(None)
    assert section.widget.isHidden() and not listed(section) and not section.ui.bringButton.enabled
