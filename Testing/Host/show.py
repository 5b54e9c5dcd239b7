"""Opens a module's panel beside the six slice views of a registration, and writes their picture.

    python Testing/Host/show.py --fixed F --moving M --result DIR [--fixed-labels L] [--moving-labels L]
                                [--picture PNG]

The mouse wheel scrolls a view's slices.
"""

import argparse
import sys

from slicerhost import boot
from slicerhost.boot import hasDisplay

REFRESH_MS = 300
VIEW_PX = 360
STEP_MM = 2.5


def makeWindow(fixed, moving, resultFolder, fixedLabels=None, movingLabels=None):
    """Return the window (a QWidget, not shown) with the registration module's panel and the six views."""
    host = boot()
    import qt
    from slicerhost.application import makePanel
    from slicerhost.comparison import COLUMNS, ROWS, showComparison

    host.core.scene.Clear(0)
    comparison = showComparison(host, fixed, moving, resultFolder, fixedLabels, movingLabels, columnPx=VIEW_PX)
    panel = makePanel(host.modules["LongitudinalRegistration"])
    parameters = panel.logic.getParameterNode()
    parameters.fixedVolume, parameters.movingVolume = (comparison.volumes[name] for name in ("fixed", "moving"))
    window = qt.QWidget()
    window.windowTitle = "Longitudinal Registration"
    layout = qt.QHBoxLayout(window)
    panel.parent.setFixedWidth(420)
    layout.addWidget(panel.parent)
    grid = qt.QGridLayout()
    layout.addLayout(grid)
    tiles = [_makeTile(comparison, row, column) for row in ROWS for column in COLUMNS]
    for number, tile in enumerate(tiles):
        grid.addWidget(tile, number // len(COLUMNS), number % len(COLUMNS))
    timer = qt.QTimer(window)
    timer.connect("timeout()", lambda: [tile.refresh() for tile in tiles])
    timer.start(REFRESH_MS)
    window.panel, window.tiles = panel, tiles
    return window


def _makeTile(comparison, row, column):
    """Return a label that shows one offscreen view, scrolls it, and renders it again where it has changed."""
    import qt

    class Tile(qt.QLabel):
        def __init__(self):
            super().__init__()
            self.view = comparison.views[row, column]
            self.logic = self.view._logic
            self.shown = None
            self.refresh()

        def refresh(self):
            composite = self.logic.GetSliceCompositeNode()
            state = (self.logic.GetSliceOffset(), composite.GetMTime())
            if state == self.shown:
                return
            self.shown = state
            pixels = comparison.renderArray(row, column)
            height, width, _ = pixels.shape
            image = qt.QImage(pixels.tobytes(), width, height, 3 * width, qt.QImage.Format_RGB888)
            painter = qt.QPainter(image)
            painter.setPen(qt.QColor(255, 255, 255))
            overlaid = bool(composite.GetForegroundVolumeID())
            painter.drawText(8, 18, "fixed with moving over it" if overlaid else column)
            painter.end()
            self.setPixmap(qt.QPixmap.fromImage(image))

        def wheelEvent(self, event):
            steps = 1 if event.angleDelta().y() > 0 else -1
            self.logic.SetSliceOffset(self.logic.GetSliceOffset() + steps * STEP_MM)
            self.refresh()

    return Tile()


def showWindow(fixed, moving, resultFolder, fixedLabels=None, movingLabels=None):
    """Show the window until it is closed. Returns the exit code."""
    window = makeWindow(fixed, moving, resultFolder, fixedLabels, movingLabels)
    window.show()
    return boot().qtApplication.exec()


def main(arguments=None):
    """Show what the command line names. Returns the exit code: 2 with neither a display nor --picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixed", required=True, help="the baseline scan: image file or DICOM folder")
    parser.add_argument("--moving", required=True, help="the follow-up scan")
    parser.add_argument("--result", required=True, help="the folder that `longct register` wrote")
    parser.add_argument("--fixed-labels", help="vertebra labels of the baseline")
    parser.add_argument("--moving-labels", help="vertebra labels of the follow-up")
    parser.add_argument("--picture", help="also write the picture of the registration to this PNG")
    parser.add_argument("--wait", action="store_true", help="get ready, and wait for a line on standard input")
    options = parser.parse_args(arguments)
    if options.wait:
        boot(loadModules=False)
        if not sys.stdin.readline():
            return 0
    inputs = (options.fixed_labels, options.moving_labels)
    if options.picture:
        from slicerhost.picture import render_registration_picture

        render_registration_picture(options.fixed, options.moving, options.result, options.picture, *inputs)
        print(f"Picture       {options.picture}", flush=True)
    if hasDisplay():
        print("Opening the module's window; close it to end.", flush=True)
        return showWindow(options.fixed, options.moving, options.result, *inputs)
    if options.picture:
        print("There is no display, so no window: the picture shows the six views.")
        return 0
    print("There is no display: the window is not shown.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
