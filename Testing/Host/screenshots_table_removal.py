"""Renders the screenshots of Table Removal: preview, flagged slices, override, result.

    python Testing/Host/screenshots_table_removal.py SCAN [FOLDER]

SCAN is a CT volume (NIfTI, NRRD, MHA); FOLDER defaults to TableRemoval/Resources/Screenshots.
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "TableRemoval" / "Resources" / "Screenshots"
VIEW_PX = 420
PANEL_PX = 470
MONTAGE_TILE_PX = 64
PATIENCE_S = 180
WINDOW, LEVEL = 1400, -150


class Studio:
    """The module's panel beside an axial and a coronal view of one scan."""

    def __init__(self, path):
        from slicerhost import boot

        self.host = boot()
        import SimpleITK as sitk
        import slicer
        from slicerhost import views
        from slicerhost.application import makePanel
        from TableRemovalSlicer.volumes import addVolumeNode

        self._makeViews(views)
        self.panel = makePanel(self.host.modules["TableRemoval"])
        image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkInt16)
        self.volume = addVolumeNode(image, Path(path).name.split(".")[0])
        self.volume.GetDisplayNode().SetAutoWindowLevel(False)
        self.volume.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)
        self._place(views, image)
        self.panel.ui.inputSelector.setCurrentNode(self.volume)
        self.wait()
        slicer.app.processEvents()

    @property
    def session(self):
        """What is being edited."""
        return self.panel.logic.session

    def wait(self):
        """Wait until the whole scan is computed and shown."""
        import slicer

        end = time.monotonic() + PATIENCE_S
        while not (self.session.ready and self.session.current):
            if time.monotonic() > end:
                raise RuntimeError(f"nothing after {PATIENCE_S} s: {self.panel.ui.previewLabel.text}")
            slicer.app.processEvents()
            self.panel.poll()
            time.sleep(0.02)
        self.panel._show()

    def save(self, path, open_groups):
        """Write one picture: the panel with these groups open, and the two views."""
        import qt
        import slicer
        from slicerhost import views

        for name, group in vars(self.panel.ui).items():
            if name.endswith("CollapsibleButton") and name != "packagesCollapsibleButton":
                group.collapsed = name.removesuffix("CollapsibleButton") not in open_groups
        column = self.panel.parent
        column.setFixedSize(PANEL_PX, 2 * VIEW_PX)
        column.show()
        for _turn in range(5):
            slicer.app.processEvents()
        picture = qt.QPixmap(PANEL_PX + VIEW_PX, 2 * VIEW_PX)
        painter = qt.QPainter(picture)
        painter.drawPixmap(0, 0, column.grab())
        for row, view in enumerate(self.views):
            pixels = views.renderArray(view)
            height, width, _channels = pixels.shape
            image = qt.QImage(pixels.tobytes(), width, height, 3 * width, qt.QImage.Format_RGB888)
            painter.drawImage(PANEL_PX, row * VIEW_PX, image)
        painter.end()
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.toImage().convertToFormat(qt.QImage.Format_RGB888).save(str(path), "PNG", 0)

    def close(self):
        """Leave the module."""
        from slicerhost.application import closePanel

        closePanel(self.panel)

    def _makeViews(self, views):
        self.views = [views.makeSliceView(self.host, "Red", views.AXIAL)]
        self.views.append(views.makeSliceView(self.host, "Green", views.CORONAL))
        for view, orientation in zip(self.views, (views.AXIAL, views.CORONAL), strict=True):
            view.get_view_node().SetOrientation(orientation)

    def _place(self, views, image):
        extent = [n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
        middle = image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()])
        centre = (-middle[0], -middle[1], middle[2])
        for view, tall in zip(self.views, (extent[1], extent[2]), strict=True):
            side = 1.03 * max(extent[0], tall)
            views.place(view, views.Frame(centre, side, side, VIEW_PX, VIEW_PX))


def render(scan, folder):
    """Render the four pictures and the montage of a scan into a folder; return their paths."""
    from table_removal_steps import giveOwnSeed, makeSlicesWrong, takeAllBack

    studio = Studio(scan)
    session, ui, logic = studio.session, studio.panel.ui, studio.panel.logic
    paths = [folder / f"{name}.png" for name in ("preview", "flags", "override", "result", "montage")]
    middle = session.size[2] // 2
    logic.showSlice(middle)
    studio.panel._show()
    studio.save(paths[0], ("inputs", "edit"))

    makeSlicesWrong(session)
    studio.wait()
    studio.panel.qualitySection.onRow(0, 1)
    studio.save(paths[1], ("inputs", "quality"))

    _saveMontage(session, paths[4])
    giveOwnSeed(session, ui, logic)
    studio.wait()
    studio.save(paths[2], ("inputs", "edit"))

    takeAllBack(session, ui)
    studio.wait()
    ui.applyButton.click()
    studio.save(paths[3], ("inputs", "manual", "output"))
    studio.close()
    return paths


def _saveMontage(session, path):
    import slicer
    from TableRemovalLib.montage import montage, write_montage

    array = slicer.util.arrayFromVolume(session.volumeNode)
    flagged = {record.index for record in session.records if record.flags}
    write_montage(path, montage(array, session.mask, flagged, MONTAGE_TILE_PX))


def main():
    """Render into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scan", type=Path, help="a CT volume")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    options = parser.parse_args()
    sys.path[:0] = [str(HERE), str(HERE.parent / "Slicer")]
    for path in render(options.scan, options.folder):
        print(path)


if __name__ == "__main__":
    main()
