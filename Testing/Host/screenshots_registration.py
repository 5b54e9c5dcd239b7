"""Renders the pictures of docs/walk-through.md: the panel beside its views, overlays, displacements, vertebrae.

    python Testing/Host/screenshots_registration.py BASELINE FOLLOWUP [FOLDER]

BASELINE and FOLLOWUP are CT volumes of one patient; FOLDER defaults to docs/pictures/walk-through. The picture of the
vertebrae is of the synthetic patient 1, whose labels are known.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "docs" / "pictures" / "walk-through"
VIEW_PX, TILE_PX, PANEL_PX, PX_3D = 430, 400, 440, 600


class Studio:
    """The module's panel on one pair, registered by the real process, beside its views."""

    def __init__(self, volumes):
        from slicerhost import boot

        self.host = boot()
        import slicer
        from slicerhost.application import makePanel
        from TableRemovalSlicer.volumes import addVolumeNode

        slicer.mrmlScene.Clear(0)
        for name, image in volumes.items():
            kind = "vtkMRMLLabelMapVolumeNode" if "vertebrae" in name else "vtkMRMLScalarVolumeNode"
            addVolumeNode(image, name, kind)
        self.panel = makePanel(self.host.modules["LongitudinalRegistration"])
        self._wait(lambda: self.panel.logic._job.ready)
        self.panel.ui.registerButton.click()
        self._wait(lambda: not self.panel.logic.needsPolling)
        self.panel.results.comparisonSection.ui.arrangeButton.click()
        self.size(VIEW_PX)

    @property
    def comparison(self):
        """The arranged views."""
        return self.panel.results.comparisonSection.comparison

    def close(self):
        """Leave the module."""
        from slicerhost.application import closePanel

        closePanel(self.panel)

    def views(self):
        """Return a picture of the eight views, a row an orientation."""
        from LongitudinalRegistrationSlicer.views import layout

        titles = layout.COLUMNS
        return sheet([[(self.view(column, row), titles[column]) for column in titles] for row in layout.ROWS])

    def view(self, column, row, px=None):
        """Return the picture of one view, uint8 [row, column, 3], at another size where one is given."""
        from LongitudinalRegistrationSlicer.views import layout
        from slicerhost import views

        if px:
            self.size(px)
        return views.renderArray(self._find(layout.viewName(column, row)))

    def view3D(self, px):
        """Return the picture of the 3-D view, uint8 [row, column, 3]."""
        from LongitudinalRegistrationSlicer.views import layout
        from slicerhost import views

        view = self._find(layout.VIEW_3D)
        view.render_window().SetSize(px, px)
        layout.lookFromTheFront()
        return views.renderArray(view)

    def _find(self, name):
        return next(view for view in self.host.core.view_manager.get_views() if view.get_singleton_tag() == name)

    def panelPicture(self, groups, height):
        """Return the panel with these groups open, cut to a height."""
        import qt
        import slicer

        for section in (self.panel, *self.panel.results.sections):
            for name, group in vars(section.ui).items():
                if name.endswith("CollapsibleButton"):
                    group.collapsed = name.removesuffix("CollapsibleButton") not in groups
        for section in self.panel.results.sections:
            section.widget.collapsed = section.widget.name.removesuffix("CollapsibleButton") not in groups
        column = self.panel.parent
        column.setFixedWidth(PANEL_PX)
        column.resize(PANEL_PX, height)
        column.show()
        for _turn in range(5):
            slicer.app.processEvents()
        return column.grab().toImage().convertToFormat(qt.QImage.Format_RGB888)

    def size(self, px):
        """Give all slice views this width and height in pixels; they show the middle of the whole baseline then."""
        from LongitudinalRegistrationSlicer.views import layout

        for row in layout.ROWS:
            for column in layout.COLUMNS:
                # The window first: names of vertebrae are placed in its pixels.
                self._find(layout.viewName(column, row)).render_window().SetSize(px, px)
                layout.sliceNode(column, row).SetDimensions(px, px, 1)
        self.comparison.fit()

    def _wait(self, until):
        from slicerhost.application import letRun

        letRun(self.panel, until)
        for _turn in range(4):
            self.panel.onTimer()


def sheet(rows):
    """Return a picture of (pixels, title) in rows as a QImage, each with its title in the corner."""
    import qt

    height, width = rows[0][0][0].shape[:2]
    image = qt.QImage(width * len(rows[0]), height * len(rows), qt.QImage.Format_RGB888)
    painter = qt.QPainter(image)
    for y, row in enumerate(rows):
        for x, (pixels, title) in enumerate(row):
            tile = qt.QImage(pixels.tobytes(), width, height, 3 * width, qt.QImage.Format_RGB888)
            painter.drawImage(x * width, y * height, tile)
            painter.setPen(qt.QColor(70, 70, 70))
            painter.drawRect(x * width, y * height, width - 1, height - 1)
            painter.setPen(qt.QColor(255, 255, 255))
            painter.drawText(x * width + 8, y * height + 18, title)
    painter.end()
    return image


def beside(left, right):
    """Return two QImages side by side."""
    import qt

    image = qt.QImage(left.width() + right.width(), max(left.height(), right.height()), qt.QImage.Format_RGB888)
    image.fill(qt.QColor(239, 239, 239))
    painter = qt.QPainter(image)
    painter.drawImage(0, 0, left)
    painter.drawImage(left.width(), 0, right)
    painter.end()
    return image


def renderPair(baseline, followup, folder):
    """Render the pictures of a pair; return their paths."""
    import SimpleITK as sitk

    read = {"Baseline": baseline, "Follow-up": followup}
    studio = Studio({name: sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkInt16) for name, path in read.items()})
    from LongitudinalRegistrationSlicer.views.comparison_painter import MODES

    comparison, displacement = studio.panel.results.comparisonSection.ui, studio.panel.results.displacementSection.ui
    paths = [folder / f"{name}.png" for name in ("panel", "overlays", "displacement", "displacement-3d")]
    comparison.modeComboBox.setCurrentText("Red/cyan")
    beside(studio.panelPicture(("inputs", "result", "comparison"), 960), studio.views()).save(str(paths[0]))
    tiles = []
    for mode in MODES:
        comparison.modeComboBox.setCurrentText(mode)
        tiles.append((studio.view("Overlay", 1, TILE_PX), mode))
    sheet([tiles[:3], tiles[3:]]).save(str(paths[1]))
    comparison.modeComboBox.setCurrentText("Off")
    tiles = []
    for combo, other in (
        (displacement.coloursComboBox, displacement.linesComboBox),
        (displacement.linesComboBox, displacement.coloursComboBox),
    ):
        other.setCurrentIndex(0)
        for index in range(1, combo.count):
            combo.setCurrentIndex(index)
            tiles.append((studio.view("Registered", 1, TILE_PX), combo.currentText))
    sheet([tiles[:3], tiles[3:6]]).save(str(paths[2]))
    displacement.scaleSlider.value = 2.0
    displacement.view3dCheckBox.checked = True
    sheet([[(studio.view3D(PX_3D), "Arrows in 3-D, twice as long as they are")]]).save(str(paths[3]))
    studio.close()
    return paths


def renderVertebrae(folder):
    """Render the picture of the vertebrae of the synthetic patient; return its path."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    patient = make_phantom(1, PhantomOptions(size=256, slices=100, samples_per_slice=3))
    volumes = {}
    for name, scan in (("Baseline", patient.baseline), ("Follow-up", patient.followup)):
        volumes[name], volumes[f"{name} vertebrae"] = scan.image, scan.vertebrae
    studio = Studio(volumes)
    section = studio.panel.results.vertebraSection
    section.ui.scoresTable.selectRow(3)
    picture = beside(studio.panelPicture(("vertebra",), 860), studio.views())
    picture.save(str(folder / "vertebrae.png"))
    studio.close()
    return folder / "vertebrae.png"


def main():
    """Render into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("baseline", type=Path, help="a CT volume")
    parser.add_argument("followup", type=Path, help="a later CT volume of the patient")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in [*renderPair(options.baseline, options.followup, options.folder), renderVertebrae(options.folder)]:
        print(path)


if __name__ == "__main__":
    main()
