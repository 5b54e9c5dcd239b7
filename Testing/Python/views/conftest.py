"""What the tests of the arranged views share."""

import pytest
from comparisons import Shown, make_result


@pytest.fixture
def shown(scene, host):
    """The section with the views arranged for a result."""
    shown = Shown(host, make_result())
    yield shown
    shown.section.cleanup()


@pytest.fixture
def window(host):
    """An application's main window, active, as Slicer names it."""
    import qt
    import slicer

    window = qt.QMainWindow()
    window.setObjectName("qSlicerMainWindow")
    window.show()
    window.activateWindow()
    slicer.app.processEvents()
    yield window
    window.setObjectName("")
    window.close()
