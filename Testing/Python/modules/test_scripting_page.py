"""The script repository: what it says runs, and it says something of every button."""

import re
import sys
from xml.etree import ElementTree

import pytest
from places import ROOT

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

PAGE = (ROOT / "docs" / "scripting.md").read_text(encoding="utf-8")
STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]


def test_the_examples_run_one_after_the_other(host, scene, tmp_path, monkeypatch, use_worker):
    import slicer
    from LongitudinalRegistrationSlicer.module import sample_data

    use_worker(STAND_IN)
    monkeypatch.setattr(sample_data, "SIZE_PX", 64)
    monkeypatch.setattr(sample_data, "SLICES", 24)
    monkeypatch.setattr(slicer.app, "temporaryPath", str(tmp_path))
    names = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(block, f"scripting.md, example {number + 1}", "exec"), names)
    scene.Clear(0)
    assert {path.name for path in tmp_path.iterdir()} >= {"slices.csv", "slices.png", "vertebrae.csv", "registration"}


@pytest.mark.parametrize("module", ["TableRemoval", "LongitudinalRegistration"])
def test_every_button_has_its_call_on_the_page(module):
    tables = PAGE.split("## LongitudinalRegistration")
    said = set(re.findall(r"`(\w+Button)`", tables[module == "LongitudinalRegistration"]))
    files = (ROOT / module / "Resources" / "UI").glob("*.ui")
    widgets = [widget for file in files for widget in ElementTree.parse(file).iter("widget")]
    assert {widget.get("name") for widget in widgets if widget.get("class") == "QPushButton"} == said
