"""Takes the pictures of README and walk-throughs in Slicer: both modules as a user sees them, and a film's frames.

    Slicer --no-splash --python-script Testing/Slicer/pictures.py BASELINE FOLLOWUP SCAN --out FOLDER

BASELINE and FOLLOWUP are two CT volumes of one patient, SCAN is one with a table; the vertebrae are a phantom's, made
on the spot. It needs a main window. What it leaves in FOLDER, `Testing/pictures.py` brings into the documentation.
"""

import argparse
import pathlib
import sys
import time

import qt
import slicer

# Slicer deletes `os` from __main__, which is this file, when it loads a module: nothing here may lean on that name.
HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT = 1366, 768
PATIENCE_S, SETTLE_S = 600, 0.4
PHANTOM_SEED, PHANTOM_PX, PHANTOM_SLICES = 1, 256, 100
ARROW_SCALE, MODES_IN_FILM = 2.0, ("Flicker", "Red/cyan", "Checkerboard", "Contours")
ABDOMEN = 400, 40
OVERLAY_VIEW, REGISTERED_VIEW = "LongctOverlay1", "LongctRegistered1"


class Studio:
    """The main window as a stage: opens modules, waits, takes pictures and frames into a folder."""

    def __init__(self, folder):
        self._folder, self._frames = folder, 0
        window = slicer.util.mainWindow()
        window.showNormal()
        window.resize(WIDTH, HEIGHT)
        slicer.util.setPythonConsoleVisible(False)
        probe = slicer.util.findChild(window, "DataProbeCollapsibleWidget")
        probe.collapsed = True
        errors = next(dock for dock in window.findChildren(qt.QDockWidget) if dock.objectName == "ErrorLogDockWidget")
        for _turn in ("shown", "hidden"):
            errors.toggleViewAction().trigger()
        self.settle()

    def open(self, name):
        """Enter a module with its groups folded; return its widget."""
        slicer.util.selectModule(name)
        self.settle()
        return slicer.util.getModuleWidget(name)

    def settle(self, seconds=SETTLE_S):
        """Let Slicer lay out and draw."""
        loop = qt.QEventLoop()
        qt.QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec_()

    def wait(self, until):
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise RuntimeError(f"nothing after {PATIENCE_S} s")
            self.settle(0.05)
        self.settle()

    def lookAt(self, widget):
        """Scroll the module panel so that a widget is at its top."""
        for area in slicer.util.mainWindow().findChildren(qt.QScrollArea):
            if area.widget() is not None and area.widget().isAncestorOf(widget):
                top = widget.mapTo(area.widget(), qt.QPoint(0, 0)).y()
                area.verticalScrollBar().setValue(top)
        self.settle(0.1)

    def picture(self, name):
        """Write a picture of the main window."""
        path = self._folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        slicer.util.forceRenderAllViews()
        self.settle(0.2)
        slicer.util.mainWindow().grab().save(str(path))

    def tile(self, sheet, title, view):
        """Write a picture of a slice view alone, one of a sheet's, numbered in the order they come."""
        folder = self._folder / sheet
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("*.png"))) + 1
        slicer.util.forceRenderAllViews()
        self.settle(0.2)
        area = slicer.app.layoutManager().sliceWidget(view).sliceView()
        area.grab().save(str(folder / f"{number:02} {title.replace('/', '_')}.png"))

    def frame(self, caption, seconds):
        """Write a frame of the film; its name says when it comes, for how long it stays, and what is said about it."""
        self._frames += 1
        self.picture(f"frames/{self._frames:02} {round(1000 * seconds)} {caption.replace('/', '_')}")


def onlyOpen(ui, *groups):
    """Fold all groups of a panel but some."""
    for name, group in vars(ui).items():
        if name.endswith("CollapsibleButton"):
            group.collapsed = name.removesuffix("CollapsibleButton") not in groups


def tableRemoval(studio, path):
    """Take the pictures of Table Removal on one scan."""
    from table_removal_steps import giveOwnSeed, makeSlicesWrong, takeAllBack

    slicer.mrmlScene.Clear(0)
    scan = slicer.util.loadVolume(str(path))
    scan.GetDisplayNode().SetAutoWindowLevel(False)
    scan.GetDisplayNode().SetWindowLevel(*ABDOMEN)
    studio.frame("A CT scan, with table and blanket", 1.5)
    panel = studio.open("TableRemoval")
    ui, logic = panel.ui, panel.logic
    ui.inputSelector.setCurrentNode(scan)
    studio.wait(lambda: logic.session is not None and logic.session.ready and logic.session.current)
    session = logic.session
    middle = session.size[2] // 2
    logic.showSlice(middle)
    onlyOpen(ui, "inputs", "edit")
    studio.lookAt(ui.inputsCollapsibleButton)
    studio.picture("table/preview")
    studio.frame("Table Removal: green is kept, red is removed", 2.5)

    makeSlicesWrong(session)
    studio.wait(lambda: session.current)
    onlyOpen(ui, "inputs", "quality")
    panel._show()
    panel.qualitySection.onRow(0, 1)
    studio.picture("table/flags")

    giveOwnSeed(session, ui, logic)
    studio.wait(lambda: session.current)
    onlyOpen(ui, "inputs", "edit")
    panel._show()
    studio.picture("table/override")

    takeAllBack(session, ui)
    studio.wait(lambda: session.current)
    onlyOpen(ui, "inputs", "manual", "output")
    ui.applyButton.click()
    studio.settle()
    studio.lookAt(ui.outputCollapsibleButton)
    studio.picture("table/result")
    studio.frame("Apply: a new volume without the table", 2.0)


def register(studio, panel):
    """Press the button, wait for all."""
    studio.wait(lambda: panel.ui.registerButton.enabled and panel.logic._job.ready)
    panel.ui.registerButton.click()
    studio.wait(lambda: panel.result is not None)


def showChanges(studio, panel, shown):
    """Show what has changed between the scans, or "Off", once they are compared."""
    studio.wait(lambda: panel.results.isComplete and not panel.logic.changes.busy)
    box = panel.results.changesSection.ui.showComboBox
    box.setCurrentIndex(box.findData(shown))
    studio.settle()


def comparison(studio, baseline, followup):
    """Take the pictures of a registration of two scans."""
    from LongitudinalRegistrationSlicer.views.comparison_painter import MODES

    slicer.mrmlScene.Clear(0)
    panel = studio.open("LongitudinalRegistration")
    for path, name in ((baseline, "Baseline"), (followup, "Follow-up")):
        slicer.util.loadVolume(str(path), {"name": name})
    studio.settle(1.0)
    onlyOpen(panel.ui, "inputs")
    studio.frame("Longitudinal Registration: two scans of one patient are chosen by themselves", 2.0)
    register(studio, panel)
    studio.wait(lambda: not panel.logic.needsPolling)
    results = panel.results
    for section in results.sections:
        section.widget.collapsed = section in (results.changesSection, results.displacementSection)
    section, displacement = results.comparisonSection, results.displacementSection
    showChanges(studio, panel, "Off")
    section.ui.arrangeButton.click()
    studio.settle(1.0)
    studio.lookAt(panel.ui.registerButton)
    section.ui.modeComboBox.setCurrentText("Fade")
    studio.frame("Registered: verdict, scores, arranged views", 3.0)
    section.ui.modeComboBox.setCurrentText("Red/cyan")
    studio.picture("walk-through/panel")
    for mode in MODES:
        section.ui.modeComboBox.setCurrentText(mode)
        studio.settle()
        studio.tile("walk-through/overlays", mode, OVERLAY_VIEW)
        if mode in MODES_IN_FILM:
            studio.frame(f"Overlay: {mode.lower()}", 1.2)
    section.ui.modeComboBox.setCurrentText("Off")
    displacement.widget.collapsed = False
    studio.lookAt(displacement.widget)
    boxes = displacement.ui.coloursComboBox, displacement.ui.linesComboBox
    for box, other in (boxes, reversed(boxes)):
        other.setCurrentIndex(0)
        for index in range(1, box.count):
            box.setCurrentIndex(index)
            studio.tile("walk-through/displacement", box.currentText, REGISTERED_VIEW)
    boxes[0].setCurrentText("Magnitude")
    boxes[1].setCurrentText("Arrows")
    studio.settle()
    studio.frame("Displacement of every point: colours, arrows", 2.5)
    for box in boxes:
        box.setCurrentIndex(0)
    displacement.ui.scaleSlider.value = ARROW_SCALE
    displacement.ui.view3dCheckBox.checked = True
    studio.settle(1.0)
    studio.picture("walk-through/displacement-3d")
    studio.frame("In 3-D", 2.0)
    displacement.ui.view3dCheckBox.checked = False
    section.ui.modeComboBox.setCurrentText("Fade")


def vertebrae(studio):
    """Take the pictures of a phantom: its vertebrae, and what has changed."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom
    from TableRemovalSlicer.volumes import addVolumeNode

    slicer.mrmlScene.Clear(0)
    panel = slicer.util.getModuleWidget("LongitudinalRegistration")
    pair = make_phantom(PHANTOM_SEED, PhantomOptions(size=PHANTOM_PX, slices=PHANTOM_SLICES, samples_per_slice=3))
    for scan, name in ((pair.baseline, "Baseline"), (pair.followup, "Follow-up")):
        addVolumeNode(scan.image, name)
        addVolumeNode(scan.vertebrae, f"{name} vertebrae", "vtkMRMLLabelMapVolumeNode")
    studio.settle(1.0)
    register(studio, panel)
    studio.wait(lambda: not panel.logic.needsPolling)
    showChanges(studio, panel, "Off")
    panel.results.comparisonSection.ui.arrangeButton.click()
    studio.settle(1.0)
    section = panel.results.vertebraSection
    section.ui.scoresTable.selectRow(3)
    studio.settle()
    studio.lookAt(section.widget)
    studio.picture("walk-through/vertebrae")
    studio.frame("With labels: the overlap of each vertebra, before and after", 3.5)
    changes = panel.results.changesSection
    changes.widget.collapsed = False
    section.ui.scoresTable.setCurrentCell(-1, -1)
    showChanges(studio, panel, "Density")
    changes.ui.findingsTable.selectRow(0)
    studio.settle()
    studio.lookAt(changes.widget)
    studio.frame("What has changed: denser in orange, lighter in blue, each finding in a list", 3.5)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("baseline", type=pathlib.Path)
    parser.add_argument("followup", type=pathlib.Path)
    parser.add_argument("scan", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="made where there is none")
    return parser.parse_known_args()[0]


def main():
    """Take all pictures; return the exit code."""
    options = arguments()
    sys.path.insert(0, str(HERE))
    import run_tests

    run_tests.loadModules()
    studio = Studio(options.out)
    tableRemoval(studio, options.scan)
    comparison(studio, options.baseline, options.followup)
    vertebrae(studio)
    print(f"Pictures: {options.out}")
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except Exception:
        import traceback

        traceback.print_exc()
        code = 1
    slicer.util.exit(code)
