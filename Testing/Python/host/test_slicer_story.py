"""Testing/Slicer's story runs: here in the stand-in, with a small program in place of the registration."""

import sys

import pytest
from places import ROOT
from small_scans import pair

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

from slicerhost import boot  # noqa: E402

pytestmark = pytest.mark.xdist_group("host")
STAND_IN = [sys.executable, "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
DEFECTS = {
    "arrange": "shows a part, and the window grows",
    "resizeWindow": "zooms",
    "saveAndReload": "comes back in a layout that nothing fills",
}
"""The steps that fail for now (see test_defects.py), and why."""


class StandIn:
    """What run_tests.Application is in Slicer."""

    def __init__(self, host, window):
        self._host, self._window, self._opened = host, window, []

    def open(self, name):
        from slicerhost.application import makePanel

        self.close()
        panel = makePanel(self._host.modules[name])
        self._window.panel.setModule(panel.parent)
        self._opened.append(panel)
        return panel

    def close(self):
        from slicerhost.application import closePanel

        while self._opened:
            closePanel(self._opened.pop())

    def saveScene(self, path):
        from slicerhost.scene_files import saveScene

        saveScene(path)

    def loadScene(self, path):
        from slicerhost.scene_files import loadScene

        loadScene(path)

    def picture(self, path):
        """None: each takes the software renderer seconds."""


def test_the_story_in_the_stand_in_fails_where_defects_are_known_and_nowhere_else(monkeypatch, tmp_path):
    from slicerhost.window import mainWindow

    host = boot()
    from LongitudinalRegistrationSlicer.module import logic

    monkeypatch.syspath_prepend(str(ROOT / "Testing" / "Slicer"))
    monkeypatch.setattr(logic, "workerCommand", lambda: STAND_IN)
    import story

    host.core.scene.Clear(0)
    with mainWindow(1600, 900) as window:
        application = StandIn(host, window)
        try:
            rows = story.run(story.Story(application, tmp_path, pair()), lambda number, name: None)
        finally:
            application.close()
            host.core.scene.Clear(0)
    assert {name for name, _spent, _fact, problem in rows if problem} == set(DEFECTS), story.table(rows)
