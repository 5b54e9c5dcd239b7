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

    def saveScene(self, folder):
        from slicerhost.scene_files import saveScene

        saveScene(folder / "story.mrml")

    def loadScene(self, folder):
        from slicerhost.scene_files import loadScene

        loadScene(folder / "story.mrml")

    def picture(self, path):
        """None: each takes the software renderer seconds."""


def test_the_story_goes_through_in_the_stand_in(monkeypatch, tmp_path):
    from slicerhost.window import mainWindow

    host = boot()
    from LongitudinalRegistrationSlicer.module import logic

    monkeypatch.syspath_prepend(str(ROOT / "Testing" / "Slicer"))
    monkeypatch.setattr(logic, "workerCommand", lambda: STAND_IN)
    import slicer
    import story

    host.core.scene.Clear(0)
    slicer.app.errorLogModel().clear()
    with mainWindow(1600, 900) as window:
        application = StandIn(host, window)
        try:
            rows = story.run(story.Story(application, tmp_path, pair()), lambda number, name: None)
        finally:
            application.close()
            host.core.scene.Clear(0)
    assert not any(problem for *_, problem in rows), story.table(rows)
    assert slicer.app.errorLogModel().texts() == []
