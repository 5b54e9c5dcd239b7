"""The steps of the story that look at what has changed between the scans: findings, clicks, lesions, the report."""

import numpy as np
import slicer
import vtk

HALF_LINE_MM, LESION_MM, CLICK_ASIDE_MM = 5.0, 12.0, 10.0
MARK = "L4: 'old' lesion"


class ChangesSteps:
    """The steps, and what they need of the story: its `_panel` after a registration, arranged; its `_volumes`, `_wait`,
    `_processEvents`, and `_folder`."""

    def changesSteps(self):
        """Return the steps in order, for a result that is shown in arranged views."""
        return (
            self.compareScans,
            self.chooseFinding,
            self.judgeFinding,
            self.clickIntoView,
            self.markLine,
            self.markSegment,
            self.saveChangesReport,
        )

    def compareScans(self):
        section = self._changes()
        self._wait(lambda: section.ui.findButton.enabled)
        section.ui.findButton.click()
        assert self._panel.logic.changes.busy and not section.ui.findButton.enabled
        self._wait(lambda: section.ui.findButton.enabled)
        assert section.table.shown, section.ui.statusLabel.text
        return section.ui.statusLabel.text

    def chooseFinding(self):
        ui = self._changes().ui
        ui.findingsTable.setCurrentCell(-1, -1)
        ui.findingsTable.selectRow(0)
        self._processEvents()
        self._checkViewsAt(self._changes().table.chosen.position)
        widths = [ui.findingsTable.columnWidth(column) for column in range(ui.findingsTable.columnCount)]
        assert sum(widths) <= ui.findingsTable.viewport().width, f"{sum(widths)} px of columns"
        return ui.detailLabel.text

    def judgeFinding(self):
        """Accept, undo, reject, name, and accept."""
        ui = self._changes().ui
        marks = []
        for button in (ui.acceptButton, ui.undoFindingButton, ui.rejectButton, ui.acceptButton):
            button.click()
            marks.append(ui.findingsTable.item(0, 0).text())
        assert marks == ["✓", "", "✗", "✓"], marks
        ui.findingsTable.item(0, 1).setText("Deposit")
        assert self._changes().table.shown[0].name == ui.findingsTable.item(0, 1).text() == "Deposit"
        return f"accepted: {self._changes().table.shown[0].title}"

    def clickIntoView(self):
        """Point at a place beside the finding in the baseline's axial view, and click there."""
        from LongitudinalRegistrationSlicer.views import layout

        place = np.add(self._changes().table.shown[0].position, (CLICK_ASIDE_MM, CLICK_ASIDE_MM, 0.0))
        node = layout.sliceNode(layout.BASELINE, 1)
        toXY = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS()))
        x, y = (round(value) for value in (toXY @ (*place, 1.0))[:2].tolist())
        view = slicer.app.layoutManager().sliceWidget(node.GetLayoutName()).sliceView()
        interactor = view.renderWindow().GetInteractor()
        interactor.SetEventInformation(x, y)
        for event in (interactor.MouseMoveEvent, interactor.LeftButtonPressEvent, interactor.LeftButtonReleaseEvent):
            event()
        self._processEvents()
        text = self._changes().ui.valuesLabel.text
        self._checkViewsAt(place)
        assert text.count("HU") == 1, text
        return text

    def markLine(self):
        """Mark the finding by a line on the baseline, carry it over, confirm it, and plot it over time."""
        line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", MARK)
        place = np.array(self._changes().table.shown[0].position)
        for side in (-1, 1):
            line.AddControlPoint(*(place + (side * HALF_LINE_MM, 0.0, 0.0)).tolist())
        self._carryAndConfirm(line)
        self._panel.results.lesionsSection.ui.plotLesionsButton.click()
        self._processEvents()
        return self._panel.results.lesionsSection.ui.recistLabel.text.splitlines()[-1]

    def markSegment(self):
        """Mark it by a segment too."""
        baseline, node = (
            self._volumes["baseline"],
            slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Ball"),
        )
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(baseline)
        ball = _ball(baseline, self._changes().table.shown[0].position)
        segment = node.GetSegmentation().AddEmptySegment("Ball", "Ball")
        slicer.util.updateSegmentBinaryLabelmapFromArray(ball, node, segment, baseline)
        self._carryAndConfirm(node)
        volumes = [lesion.volumeMl for lesion in self._panel.logic.lesions(self._panel.result) if lesion.name == "Ball"]
        assert len(volumes) == 2 and min(volumes) > 0, volumes
        return f"{volumes[0]:.2f} ml, {volumes[1]:.2f} ml"

    def saveChangesReport(self):
        folder = self._folder / "changes report"
        self._changes().saveReport(str(folder))
        assert (folder / "changes.html").stat().st_size > 0
        return self._changes().ui.savedChangesLabel.text

    # --- what these steps share

    def _changes(self):
        return self._panel.results.changesSection

    def _judgements(self):
        """Return what the reader has said of findings, and the lesions, as text."""
        logic, result = self._panel.logic, self._panel.result
        said = [(finding.title, finding.status, finding.position) for finding in logic.findings(result)]
        return repr((said, logic.lesions(result)))

    def _carryAndConfirm(self, mark):
        ui, rows = self._panel.results.lesionsSection.ui, self._panel.results.lesionsSection.ui.lesionsTable.rowCount
        ui.markSelector.setCurrentNode(mark)
        ui.carryButton.click()
        assert mark.GetName() in ui.carriedLabel.text, ui.carriedLabel.text
        ui.confirmButton.click()
        assert ui.lesionsTable.rowCount == rows + 2

    def _checkViewsAt(self, place):
        """Whether the baseline's views go through a place (RAS, mm), to a millimetre and a half of their slices."""
        from LongitudinalRegistrationSlicer.views import layout

        for row in layout.ROWS:
            toRAS = slicer.util.arrayFromVTKMatrix(layout.sliceNode(layout.BASELINE, row).GetSliceToRAS())
            away = abs(float(np.dot(toRAS[:3, 2], np.subtract(place, toRAS[:3, 3]))))
            limit = 1.5 + max(self._volumes["baseline"].GetSpacing()) / 2
            assert away <= limit, f"{away:.1f} mm from the slice shown in row {row}"


def _ball(volume, centre):
    """Return a ball round a place (RAS, mm) on a volume's grid, uint8 [k, j, i]."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    toRAS = slicer.util.arrayFromVTKMatrix(matrix)
    k, j, i = np.indices(slicer.util.arrayFromVolume(volume).shape)
    places = np.stack([i, j, k], axis=-1) @ toRAS[:3, :3].T + toRAS[:3, 3]
    return np.uint8(np.linalg.norm(places - np.array(centre), axis=-1) <= LESION_MM)
