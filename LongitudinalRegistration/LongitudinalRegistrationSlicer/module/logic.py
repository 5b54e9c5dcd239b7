"""The module's logic: two scans in; transform, registered volume and scores out."""

from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from TableRemovalSlicer.kept_nodes import keptNode
from TableRemovalSlicer.packages import moduleCommand

from LongitudinalRegistrationSlicer.changes.decisions import Decisions
from LongitudinalRegistrationSlicer.changes.findings import ACCEPTED, OPEN, REJECTED, findingsOf
from LongitudinalRegistrationSlicer.changes.lesion_chart import updateLesionChart
from LongitudinalRegistrationSlicer.changes.lesions import (
    courseOf,
    courseText,
    lesionsOf,
    timePointsOf,
)
from LongitudinalRegistrationSlicer.changes.requests import BONE, ChangeRequests
from LongitudinalRegistrationSlicer.changes.vertebra_course import (
    FIGURES,
    updateVertebraCourseChart,
    vertebraCourseText,
)
from LongitudinalRegistrationSlicer.module.parameter_node import LongitudinalRegistrationParameterNode
from LongitudinalRegistrationSlicer.process.registrations import Registrations
from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
from LongitudinalRegistrationSlicer.results.belongings import belongingsOf
from LongitudinalRegistrationSlicer.results.bringing import Bringing
from LongitudinalRegistrationSlicer.results.nodes import fixedOf, setTransformOn
from LongitudinalRegistrationSlicer.vertebrae.plot import updateVertebraChart
from LongitudinalRegistrationSlicer.vertebrae.rows import rowsAsText, rowsWithMethods, saveCsv
from LongitudinalRegistrationSlicer.vertebrae.total_segmentator import segmentVertebrae
from LongitudinalRegistrationSlicer.views.arranged import ArrangedViews


def workerCommand():
    """Return the command that starts the process which registers, without its folder."""
    return moduleCommand("LongitudinalRegistrationLib.pipeline.worker")


class LongitudinalRegistrationLogic(Registrations, ScriptedLoadableModuleLogic):
    """Two volume nodes in; a transform node, then the registered volume and a table out (see Registrations).

    Slicer's base comes last: it passes its initialisation on to the next class, without arguments.
    """

    def __init__(self, job=None, command=None):
        ScriptedLoadableModuleLogic.__init__(self)
        Registrations.__init__(self, lambda: command or workerCommand(), job)
        self._bringing = Bringing()
        self.views = ArrangedViews()
        self._decisions = Decisions()
        self.changes = ChangeRequests(self._job, self.requestAgain, self._offerScans, self._decisions.forget)

    def getParameterNode(self):
        return LongitudinalRegistrationParameterNode(keptNode(super().getParameterNode()))

    def requestFrom(self, parameters):
        """Return the RegistrationRequest that a parameter node stands for."""
        return RegistrationRequest(
            fixed=parameters.fixedVolume,
            moving=parameters.movingVolume,
            fixedLabels=parameters.fixedLabels,
            movingLabels=parameters.movingLabels,
            method=parameters.method,
            tableRemoval=parameters.tableRemoval,
            refinement=parameters.refinement,
            effort=parameters.effort,
            budgetSeconds=parameters.budgetSeconds,
            matches=parameters.matches,
        )

    def swap(self, parameters):
        """Make the follow-up of a parameter node the baseline, and the reverse, with their labels."""
        p = parameters
        p.fixedVolume, p.movingVolume = p.movingVolume, p.fixedVolume
        p.fixedLabels, p.movingLabels = p.movingLabels, p.fixedLabels
        p.matches = ""

    def segmentVertebrae(self, parameters):
        """Have TotalSegmentator make the labels that a parameter node lacks. Raises RuntimeError where it cannot."""
        p = parameters
        if p.fixedVolume is not None and p.fixedLabels is None:
            p.fixedLabels = segmentVertebrae(p.fixedVolume)
        if p.movingVolume is not None and p.movingLabels is None:
            p.movingLabels = segmentVertebrae(p.movingVolume)

    def requestAgain(self, result, method=None, effort=None):
        """Return the request for a result's own pair, another way, with the settings of the module's parameter node.

        method: a key of request.METHODS, such as "NiftyReg"; effort: "Fast" or "Thorough"; None: as it was.
        """
        return self.requestFrom(self.getParameterNode()).again(result, method, effort)

    def setTransformOn(self, result, on):
        """Place the follow-up and its labels under a result, or where they were scanned."""
        setTransformOn(result, on)

    def saveResult(self, result, folder):
        """Write transform, registered volume, tables and report into a folder; return the names of the files.

        Raises InputError where the folder cannot be written to, has one of the files already, or a scan was removed.
        """
        from LongitudinalRegistrationSlicer.results.saving import saveResult

        return saveResult(result, folder)

    def exportDicom(self, result, folder):
        """Write registered scan and transform as DICOM into a new folder; return what was written.

        Raises InputError where pydicom is missing, the folder has content, or a scan was removed.
        """
        from LongitudinalRegistrationSlicer.results.saving import exportDicom

        return exportDicom(result, folder)

    def arrangeViews(self, result, secondOrientation="Sagittal", window="Bone"):
        """Arrange the views for a result: baseline, follow-up, registered, overlay, as many as there is room for.

        secondOrientation: "Sagittal" or "Coronal", of the second row; window: "Bone", "Soft tissue" or "Lung".
        """
        self.views.arrange(result, secondOrientation, window)

    def restoreViews(self):
        """Restore layout, volumes and windows from before the views were arranged."""
        self.views.restore()

    def scoresText(self, result, delimiter="\t"):
        """Return the vertebrae's figures with titles as text, a line each, to be pasted into a spreadsheet."""
        return rowsAsText(*rowsWithMethods(result), delimiter)

    def saveScores(self, result, path):
        """Write the vertebrae's figures as a CSV file. Raises InputError where it cannot be written."""
        saveCsv(path, *rowsWithMethods(result))

    def plotScores(self, result):
        """Plot the vertebrae's DSC before and after; return the chart node, or None where there are no scores."""
        return updateVertebraChart(result)

    def belongings(self, result, towards):
        """Return what can be brought through a result, as results.belongings.Belongings.

        towards: "baseline" or "follow-up", the scan that things are brought to.
        """
        return belongingsOf(result, towards)

    def bring(self, result, nodes, towards):
        """Bring volumes, label maps, segmentations, markups and models to the other scan; return the new nodes.

        result: a registration's transform node; towards: "baseline" (of the follow-up's nodes) or "follow-up" (of the
        baseline's, by the inverse). Originals are not changed. Raises InputError where the other scan was removed.
        """
        return self._bringing.bring(result, nodes, towards)

    @property
    def canUndoBring(self):
        """Whether something that was brought is still in the scene."""
        return self._bringing.canUndo

    def undoBring(self):
        """Remove the nodes that the last `bring` added, as far as they are still there; return how many they were."""
        return self._bringing.undo()

    def poll(self):
        """Follow the process: registrations first, then what has changed. Returns the state of the registration."""
        state = super().poll()
        self.changes.poll(self.results, self.needsPolling)
        return state

    def findChanges(self, result, region=BONE):
        """Have a result's scans compared; `poll` until not `changes.busy`. Starts the process where it does not run.

        region: "bone" or "everywhere".
        """
        self.warmUp()
        self.changes.request(result, region)

    def findings(self, result):
        """Return the findings of a result as changes.findings.SceneFinding, the surest first."""
        return findingsOf(result)

    def acceptFinding(self, result, number):
        """Mark a finding as accepted; one that is so already is open again."""
        self._toggleStatus(result, number, ACCEPTED)

    def rejectFinding(self, result, number):
        """Mark a finding as rejected; one that is so already is open again."""
        self._toggleStatus(result, number, REJECTED)

    def _toggleStatus(self, result, number, status):
        now = next(finding.status for finding in findingsOf(result) if finding.number == number)
        self._decisions.setStatus(result, number, OPEN if now == status else status)

    def nameFinding(self, result, number, name):
        """Name a finding; "": it is called by its place again."""
        self._decisions.setName(result, number, name)

    @property
    def canUndoFinding(self):
        """Whether there is an accepting, rejecting or naming to be taken back."""
        return self._decisions.canUndo

    def undoFinding(self):
        """Take the last accepting, rejecting or naming of a finding back."""
        self._decisions.undo()

    def saveChangesReport(self, result, folder, patient=None):
        """Write what has changed into a folder as a page and, where reportlab is here, a PDF file.

        Returns (names of the files, why there is no PDF file or ""). patient: stands in the title, nobody is named
        else. Raises InputError where the scans were not compared, or the folder has such a report already.
        """
        from LongitudinalRegistrationSlicer.changes.reporting import saveChangesReport

        return saveChangesReport(result, folder, patient)

    def exportFindings(self, result, folder, withNames=False):
        """Write findings as DICOM segmentation and structured report into a new folder; return the files' names.

        Raises InputError where the baseline did not come from DICOM, highdicom is missing, or there is no finding.
        """
        from LongitudinalRegistrationSlicer.changes.reporting import exportFindings

        return exportFindings(result, folder, withNames)

    def carryMark(self, result, mark, towards):
        """Carry a reader's mark to the other scan as a proposal, moved as one rigid piece; return the new node.

        mark: a segmentation, line or point list node; towards: "follow-up" (of a mark on the baseline) or "baseline".
        Raises InputError where the mark is empty, or the place lies outside the other scan.
        """
        from LongitudinalRegistrationSlicer.changes.marks import carriedMark

        return carriedMark(result, mark, towards)

    def confirmMark(self, result, mark, towards, lymphNode=False):
        """Measure a mark and what was carried from it, which the reader has corrected, each on its own scan; return all
        lesions of the baseline.

        towards: as for carryMark; lymphNode: its short axis counts. Raises InputError where nothing was carried.
        """
        from LongitudinalRegistrationSlicer.changes.confirming import confirmedLesions

        return confirmedLesions(result, mark, towards, lymphNode)

    def lesions(self, result):
        """Return the lesions of a result's baseline as changes.lesions.Lesion, of all its follow-ups."""
        return lesionsOf(fixedOf(result))

    def lesionTimePoints(self, result):
        """Return what each scan of the lesions is called, by its name: see changes.lesions.timePointsOf."""
        return timePointsOf(fixedOf(result))

    def lesionsText(self, result):
        """Return sum of diameters, percent and RECIST 1.1 category at each time point as text; "" without lesions."""
        course = courseOf(fixedOf(result))
        return courseText(course) if course is not None else ""

    def plotLesions(self, result):
        """Plot the lesions over time; return the chart node, or None where there are none."""
        return updateLesionChart(fixedOf(result))

    def vertebraCourseText(self, result, delimiter="\t"):
        """Return density, volume and height of each vertebra on all follow-ups that were compared with a result's
        baseline as text, a line a vertebra and time point; "" where there are none."""
        return vertebraCourseText(result, delimiter)

    def plotVertebraCourse(self, result, figure="mean_hu", part="body"):
        """Plot a figure of each vertebra over time; return the chart node, or None where there are none.

        figure: key of one of changes.vertebra_course.FIGURES, such as "change_hu" or "loss_percent"; part: "whole",
        "body" or "processes".
        """
        return updateVertebraCourseChart(result, next(each for each in FIGURES if each.key == figure), part)

    def forget(self):
        """The scene is closed: end what runs, and forget what was in the scene."""
        self.changes.forget()
        self._decisions.forget()
        self._bringing.forget()
        self.views.forget()
        super().forget()
