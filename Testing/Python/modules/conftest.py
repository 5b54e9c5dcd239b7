"""What the tests of both panels share."""

import pytest


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
    from LongitudinalRegistrationSlicer import logic

    return lambda command: monkeypatch.setattr(logic, "workerCommand", lambda: command)
