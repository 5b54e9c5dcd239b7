"""What a user does with both modules, step by step, on a phantom pair: in Slicer, and in the stand-in alike."""

import gc
import time

import slicer
from changes_steps import ChangesSteps

PATIENCE_S = 600
PHANTOM_SEED, PHANTOM_PX, PHANTOM_SLICES = 5, 96, 40
LEAST_SHARE = 0.9
TABLE_THRESHOLD = 0.001


class Story(ChangesSteps):
    """The steps of one run; `application` opens modules, saves and loads scenes (see run_tests.Application).

    `pair`: what make_phantom returns; made where none is given. A step returns a fact about what it has seen, and
    raises AssertionError where that is wrong.
    """

    def __init__(self, application, folder, pair=None):
        self._application, self._folder, self._pair = application, folder, pair
        self._panel, self._table, self._volumes = None, None, {}

    def steps(self):
        """Return (name, step) in order."""
        table = (self.openTableRemoval, self.preview, self.undoOverride, self.applyTableRemoval)
        registration = (
            self.openRegistration,
            self.register,
            self.arrange,
            self.resizeWindow,
            self.showOverlays,
            self.showDisplacement,
            *self.changesSteps(),
            self.clickRow,
            self.switchTransform,
            self.plot,
            self.restoreViews,
            self.saveAndReload,
            self.removeTransform,
            self.closeWhileRunning,
        )
        return [(step.__name__, step) for step in (*table, *registration)]

    # --- Table Removal

    def openTableRemoval(self):
        slicer.mrmlScene.Clear(0)
        self._addPair()
        self._table = self._application.open("TableRemoval")
        self._table.ui.inputSelector.setCurrentNode(self._volumes["baseline"])
        assert self._table.ui.applyButton.enabled, self._table.ui.applyButton.toolTip
        return f"panel at least {_leastWidth(self._table)} px wide"

    def preview(self):
        logic = self._table.logic
        self._wait(lambda: logic.session is not None and logic.session.ready and logic.session.current)
        return self._table.ui.previewLabel.text

    def undoOverride(self):
        session, ui = self._table.logic.session, self._table.ui
        ui.sliceSlider.value = 10
        before = int(session.mask(10).sum())
        session.setThreshold(TABLE_THRESHOLD, [10])
        changed = int(session.mask(10).sum())
        begun = time.monotonic()
        ui.undoButton.enabled = True
        ui.undoButton.click()
        spent = time.monotonic() - begun
        assert changed != before == int(session.mask(10).sum())
        return f"{before} pixels, {changed} with the override; undo {1000 * spent:.0f} ms"

    def applyTableRemoval(self):
        names = _volumeNames()
        self._wait(lambda: self._table.logic.session.current)
        self._table.ui.applyButton.click()
        self._wait(lambda: len(_volumeNames()) > len(names))
        return self._table.ui.statusLabel.text.splitlines()[0]

    # --- Longitudinal Registration

    def openRegistration(self):
        gc.collect()
        slicer.mrmlScene.Clear(0)
        self._addPair()
        self._panel = self._application.open("LongitudinalRegistration")
        parameters = self._panel.logic.getParameterNode()
        parameters.fixedVolume, parameters.movingVolume = self._volumes["baseline"], self._volumes["followup"]
        parameters.fixedLabels, parameters.movingLabels = (
            self._volumes["baseline labels"],
            self._volumes["followup labels"],
        )
        self._processEvents()
        assert self._panel.ui.registerButton.enabled, self._panel.ui.reasonLabel.text
        return f"panel at least {_leastWidth(self._panel)} px wide"

    def register(self):
        begun = time.monotonic()
        self._panel.ui.registerButton.click()
        click = time.monotonic() - begun
        self._wait(lambda: self._panel.result is not None)
        transform = time.monotonic() - begun
        self._wait(lambda: not self._panel.logic.needsPolling)
        scores = time.monotonic() - begun
        self._processEvents()
        return f"click {1000 * click:.0f} ms, transform {transform:.2f} s, scores {scores:.2f} s"

    def arrange(self):
        window = slicer.util.mainWindow()
        before = window.width
        self._panel.results.comparisonSection.ui.arrangeButton.click()
        self._processEvents()
        width = self._shownMm()
        assert width > LEAST_SHARE * self._extentMm(), f"views show {width:.0f} of {self._extentMm():.0f} mm"
        assert window.width <= before, f"the window grew from {before} to {window.width} px"
        return f"views show {width:.0f} mm; window {window.width} px"

    def resizeWindow(self):
        window, before = slicer.util.mainWindow(), self._shownMm()
        size = window.size
        window.resize(size.width() - 150, size.height() - 100)
        self._processEvents()
        smaller = self._shownMm()
        window.resize(size)
        self._processEvents()
        assert abs(smaller / before - 1) < 0.3, f"{before:.0f} mm became {smaller:.0f} mm"
        return f"{before:.0f} mm, {smaller:.0f} mm in the smaller window"

    def showOverlays(self):
        return self._go(self._panel.results.comparisonSection.ui.modeComboBox)

    def showDisplacement(self):
        ui = self._panel.results.displacementSection.ui
        return f"{self._go(ui.coloursComboBox)}; {self._go(ui.linesComboBox)}"

    def clickRow(self):
        table = self._panel.results.vertebraSection.ui.scoresTable
        self._wait(lambda: table.rowCount > 0)
        table.selectRow(table.rowCount - 1)
        self._processEvents()
        return f"{table.rowCount} rows"

    def switchTransform(self):
        box, moving = self._panel.results.comparisonSection.ui.transformCheckBox, self._volumes["followup"]
        box.click()
        assert moving.GetParentTransformNode() is None
        self._picture("transform off")
        box.click()
        assert moving.GetParentTransformNode() is self._panel.result
        return "off and on"

    def plot(self):
        self._panel.results.vertebraSection.ui.plotButton.click()
        self._processEvents()
        return f"layout {_layoutNumber()}"

    def restoreViews(self):
        self._panel.results.comparisonSection.ui.arrangeButton.click()
        self._panel.results.comparisonSection.ui.restoreButton.click()
        self._processEvents()
        return f"layout {_layoutNumber()}"

    def saveAndReload(self):
        self._panel.results.comparisonSection.ui.arrangeButton.click()
        self._processEvents()
        name, folder = self._panel.result.GetName(), self._folder / "scene"
        judged = self._judgements()
        folder.mkdir(exist_ok=True)
        self._application.saveScene(folder)
        arranged = _layoutNumber()
        self._application.loadScene(folder)
        self._processEvents()
        assert self._panel.result is not None and self._panel.result.GetName() == name
        assert self._judgements() == judged, f"{judged} became {self._judgements()}"
        assert _layoutNumber() != arranged, f"the scene was loaded in layout {arranged}, which nothing fills"
        return f"'{name}' is back"

    def removeTransform(self):
        result = self._panel.result
        moving = result.GetNodeReference(result.GetMovingNodeReferenceRole())
        slicer.mrmlScene.RemoveNode(result)
        self._processEvents()
        assert moving.GetParentTransformNode() is None and self._panel.result is None
        return f"status: '{self._panel.ui.statusLabel.text}'"

    def closeWhileRunning(self):
        self.openRegistration()
        self._panel.ui.registerButton.click()
        slicer.mrmlScene.Clear(0)
        self._processEvents()
        assert self._panel.result is None and not self._panel.logic.busy
        return f"status: '{self._panel.ui.statusLabel.text}'"

    # --- what the steps share

    def _addPair(self):
        """Bring the phantom's two scans and their labels into the scene."""
        from TableRemovalSlicer.volumes import addVolumeNode

        self._pair = self._pair or _makePair()
        for side, name in (("baseline", "CT 2024-03 baseline"), ("followup", "CT 2025-01 follow-up")):
            scan = getattr(self._pair, side)
            self._volumes[side] = addVolumeNode(scan.image, name)
            labels = addVolumeNode(scan.vertebrae, f"{name} vertebrae", "vtkMRMLLabelMapVolumeNode")
            self._volumes[f"{side} labels"] = labels
        slicer.util.setSliceViewerLayers(background=self._volumes["baseline"], fit=True)

    def _extentMm(self):
        """Return the baseline's shorter side in the axial plane, mm."""
        bounds = [0.0] * 6
        self._volumes["baseline"].GetRASBounds(bounds)
        return min(bounds[1] - bounds[0], bounds[3] - bounds[2])

    def _shownMm(self):
        """Return the least side, mm, of the axial views that are shown."""
        manager = slicer.app.layoutManager()
        widgets = [manager.sliceWidget(name) for name in manager.sliceViewNames()]
        nodes = [widget.mrmlSliceNode() for widget in widgets if widget.visible]
        return min(
            _mmPerPixel(node) * min(node.GetDimensions()[:2]) for node in nodes if node.GetOrientation() == "Axial"
        )

    def _go(self, box):
        """Choose every entry of a combo box, with a picture of each; end where it was."""
        before, names = box.currentIndex, []
        for index in range(box.count):
            box.setCurrentIndex(index)
            self._processEvents()
            names.append(box.itemText(index))
            self._picture(f"{box.objectName} {names[-1]}".replace("/", "-"))
        box.setCurrentIndex(before)
        return ", ".join(names)

    def _picture(self, name):
        self._application.picture(self._folder / f"{name}.png")

    def _processEvents(self):
        for _turn in range(3):
            slicer.app.processEvents()

    def _wait(self, until):
        end = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < end, f"nothing after {PATIENCE_S} s"
            slicer.app.processEvents()
            time.sleep(0.01)


def _makePair():
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    return make_phantom(PHANTOM_SEED, PhantomOptions(size=PHANTOM_PX, slices=PHANTOM_SLICES))


def _mmPerPixel(sliceNode):
    """Return the scale that a view is drawn at: its matrix may lag behind its field of view."""
    toRAS = sliceNode.GetXYToRAS()
    return sum(toRAS.GetElement(row, 0) ** 2 for row in range(3)) ** 0.5


def _leastWidth(panel):
    return panel.parent.minimumSizeHint.width()


def _layoutNumber():
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode().GetViewArrangement()


def _volumeNames():
    return [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]


def run(story, picture):
    """Take the steps; a step that fails does not keep the later ones from being tried. Return rows (name, s, fact,
    problem); `picture(number, name)` is called after each."""
    import traceback

    rows = []
    for number, (name, step) in enumerate(story.steps(), 1):
        begun, fact, problem = time.monotonic(), "", ""
        try:
            fact = step()
        except AssertionError as error:
            problem = str(error) or traceback.format_exc().splitlines()[-2].strip()
        except Exception:
            problem = traceback.format_exc().splitlines()[-1]
            traceback.print_exc()
        rows.append((name, time.monotonic() - begun, fact, problem))
        picture(number, name)
    return rows


def table(rows):
    """Return rows of `run` as text."""
    lines = [f"{'step':20} {'s':>7}  seen", "-" * 78]
    lines += [
        f"{name:20} {spent:7.2f}  {'FAILED: ' + problem if problem else fact}" for name, spent, fact, problem in rows
    ]
    return "\n".join(lines)
