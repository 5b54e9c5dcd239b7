"""What the tests of both panels share."""

import pytest
from table_scans import add_scan, wait


@pytest.fixture(scope="session")
def host():
    """The stand-in for Slicer with both modules loaded."""
    from slicerhost import boot

    return boot()


@pytest.fixture
def open_panel(host, scene):
    """A function that opens a module's panel on an empty scene; it is closed, and its process ended, with the test."""
    from slicerhost.application import closePanel, makePanel

    opened = []

    def make(name="LongitudinalRegistration"):
        opened.append(makePanel(host.modules[name]))
        return opened[-1]

    yield make
    for panel in opened:
        closePanel(panel)
    scene.Clear(0)


@pytest.fixture
def use_worker(monkeypatch):
    """A function that has panels start a command in place of the worker."""
    from LongitudinalRegistrationSlicer.module import logic

    return lambda command: monkeypatch.setattr(logic, "workerCommand", lambda: command)


@pytest.fixture
def views(host):
    """An axial and a sagittal view."""
    from slicerhost.views import AXIAL, SAGITTAL, makeSliceView

    return makeSliceView(host, "Red", AXIAL), makeSliceView(host, "Yellow", SAGITTAL)


@pytest.fixture
def table_panel(views, open_panel):
    """The panel of TableRemoval on an empty scene with two slice views."""
    return open_panel("TableRemoval")


@pytest.fixture
def scan(host, table_panel):
    """A volume node: an elliptic body above a table."""
    return add_scan(host)


@pytest.fixture
def session(table_panel, scan):
    """The panel's session once the whole scan has been computed."""
    table_panel.ui.inputSelector.setCurrentNode(scan)
    wait(table_panel, lambda: table_panel.logic.session.current and table_panel.logic.session.ready)
    return table_panel.logic.session
