"""A scan of an elliptic body above a table in the panel of TableRemoval, and what its preview shows."""

import time

KEPT, REMOVED, SEED = 1, 2, (4, 5)
SHAPE = (24, 128, 128)
BODY_PIXEL, TABLE_PIXEL = (64, 56), (64, 98)


def add_scan(host, name="CT"):
    node = host.modules["TableRemoval"].python.TableRemovalTest().makeScan()[0]
    node.SetName(name)
    return node


def wait(panel, until, seconds=120):
    import slicer

    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        slicer.app.processEvents()
        panel.poll()
        time.sleep(0.01)
    assert until(), panel.ui.previewLabel.text


def settled(panel):
    wait(panel, lambda: panel.logic.session.current)


def labels(session, k, pixel):
    i, j = pixel
    return int(session.overlay.array[k, j, i])
