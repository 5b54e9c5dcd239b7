"""What every control of both panels has: a tooltip, a place in the order of the Tab key, room in 300 px; its keys."""

import re
from xml.etree import ElementTree

import pytest
from places import ROOT

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

MODULES = ("TableRemoval", "LongitudinalRegistration")
UI_FILES = sorted(path for module in MODULES for path in (ROOT / module / "Resources" / "UI").glob("*.ui"))
CONTROLS = re.compile(
    "Q(PushButton|ToolButton|CheckBox|RadioButton|ComboBox|SpinBox|DoubleSpinBox|LineEdit|ListWidget|TableWidget|Slider)"
    "|ctk(SliderWidget|RangeWidget|PathLineEdit)|qMRMLNodeComboBox"
)
LATER = {"applyButton", "registerButton", "installButton", "removeButton"}
"""Controls that get their tooltip with their state, when they are shown."""
PANEL_PX, MARGINS_PX = 300, 22
SLICER_KEYS = {f"Ctrl+{key}" for key in "0123456789`BCFGHOSVWXYZ"} | {"Ctrl+Left", "Ctrl+Right"}
SLICER_VIEW_KEYS = {*"BFVRGT[]{}+-", "Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown", "Ins", "Tab"}
"""Keys of Slicer's main window and of its views (its user guide's list of shortcuts, and qSlicerMainWindow.ui)."""


def controls(path):
    """The controls of a .ui file, elements in the order of the file."""
    return [widget for widget in ElementTree.parse(path).iter("widget") if CONTROLS.fullmatch(widget.get("class"))]


def text_of(widget, name):
    return next((p.findtext("string") or "" for p in widget.findall("property") if p.get("name") == name), "")


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.stem)
def test_every_control_has_a_tooltip(path):
    bare = [c.get("name") for c in controls(path) if c.get("name") not in LATER and not text_of(c, "toolTip").strip()]
    assert not bare


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.stem)
def test_tab_goes_through_the_controls_as_they_are_read(path):
    stops = [stop.text for stop in ElementTree.parse(path).findall("tabstops/tabstop")]
    names = [control.get("name") for control in controls(path)]
    assert sorted(stops) == sorted(names) and len(stops) == len(set(stops))


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.stem)
def test_every_section_has_room_in_a_narrow_panel(host, path):
    import slicer

    widget = slicer.util.loadUI(str(path))
    assert widget.minimumSizeHint.width() <= PANEL_PX - MARGINS_PX
    widget.deleteLater()


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.stem)
def test_no_colour_is_written_into_a_panel_so_that_dark_themes_stay_legible(path):
    text = path.read_text(encoding="utf-8")
    assert "styleSheet" not in text and "<palette>" not in text and "color:" not in text


def _luminance(colour):
    """The relative luminance of "#rrggbb" (WCAG 2.1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_what_has_a_background_of_its_own_is_legible_in_every_theme():
    """Text on it has a colour of its own too, with a contrast of 4.5 at least (WCAG 2.1, AA)."""
    from LongitudinalRegistrationWidgets.result_section import COLOURS
    from LongitudinalRegistrationWidgets.vertebra_table import QUALITY_COLOURS, TEXT_COLOUR

    pairs = [(colour, "#ffffff") for colour in COLOURS.values()]
    pairs += [(colour, TEXT_COLOUR) for colour in QUALITY_COLOURS.values()]
    for background, text in pairs:
        dark, light = sorted((_luminance(background), _luminance(text)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (background, text)


@pytest.mark.parametrize("name", MODULES)
def test_controls_that_are_made_in_code_have_tooltips_too(open_panel, name, use_worker):
    """Those that the user can reach by the Tab key; the parts of a spin box or a scroll bar belong to their control."""
    import qt

    use_worker(["true"])
    panel = open_panel(name)
    reached = [
        widget
        for kind in (qt.QAbstractButton, qt.QComboBox, qt.QAbstractItemView, qt.QAbstractSlider, qt.QAbstractSpinBox)
        for widget in panel.parent.findChildren(kind)
        if widget.objectName and not widget.objectName.startswith("qt_") and not isinstance(widget, qt.QScrollBar)
    ]
    bare = [widget.objectName for widget in reached if not widget.toolTip.strip()]
    assert len(reached) > 10 and not bare


def test_no_shortcut_is_one_of_slicer_s():
    from LongitudinalRegistrationWidgets.comparison_section import FLIP_KEY, TRANSFORM_KEY, WINDOW_KEYS

    keys = {FLIP_KEY, TRANSFORM_KEY, *WINDOW_KEYS.values()}
    assert len(keys) == 2 + len(WINDOW_KEYS) and not keys & (SLICER_KEYS | SLICER_VIEW_KEYS)


@pytest.mark.parametrize("name", MODULES)
def test_the_module_names_the_paper_and_links_to_it(host, name):
    import slicer

    parent = getattr(slicer.modules, name.lower())
    assert 'href="https://arxiv.org/abs/2005.07545"' in parent.helpText and "readthedocs" in parent.helpText
    assert "Eijnatten" in parent.acknowledgementText
