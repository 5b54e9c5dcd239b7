"""The module's own test, which runs in Slicer and in the stand-in alike."""

import time

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from TableRemovalSlicer.child_process import pythonExecutable

from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic
from LongitudinalRegistrationSlicer.process.job import State
from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE


class LongitudinalRegistrationTest(ScriptedLoadableModuleTest):
    """Results, cancelling and refusals; a small program takes the place of the registration."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_resultComesIntoTheScene, self.test_cancel, self.test_refusalSaysWhatToDo):
            self.setUp()
            test()

    def test_resultComesIntoTheScene(self):
        """The transform moves points by 6 mm, the moving volume is under it, the table has the score."""
        logic = self._makeLogic()
        request = self._makeRequest("Auto")
        self._run(logic, request)
        self.assertEqual((logic.state, logic.statusText().count("0.50")), (State.DONE, 1))
        transform = logic.results.transform
        point = transform.GetTransformFromParent().TransformPoint((0.0, 0.0, 0.0))
        self.assertTrue(np.allclose(point, (-6.0, 0.0, 0.0)))
        self.assertIs(request.moving.GetParentTransformNode(), transform)
        self.assertIs(transform.GetNodeReference(transform.GetFixedNodeReferenceRole()), request.fixed)
        self.assertTrue(transform.GetAttribute(RESULT_ATTRIBUTE))
        registered = slicer.util.arrayFromVolume(logic.results.registered)
        fixed = slicer.util.arrayFromVolume(request.fixed)
        self.assertEqual(np.abs(registered[:, :, 5:-5].astype(int) - fixed[:, :, 5:-5]).max(), 0)
        self.assertEqual(logic.results.scores.GetTable().GetValue(0, 0).ToString(), "L1")

    def test_cancel(self):
        """A cancelled job leaves the scene as it was; the end leaves no folder."""
        logic = self._makeLogic()
        request = self._makeRequest("NiftyReg")
        logic.startRegistration(request)
        folder = logic._job.folder
        logic.cancel()
        self.assertEqual(logic.state, State.CANCELLED)
        self.assertIsNone(request.moving.GetParentTransformNode())
        logic.shutDown()
        self.assertFalse(folder.exists())

    def test_refusalSaysWhatToDo(self):
        """Without scans, and with the same scan twice, the reason names the remedy."""
        logic = LongitudinalRegistrationLogic()
        self.assertIn("Select", logic.requestFrom(logic.getParameterNode()).isValid()[1])
        scan = self._makeRequest("Auto").fixed
        with self.assertRaisesRegex(ValueError, "two scans"):
            logic.startRegistration(RegistrationRequest(scan, scan))

    def _makeLogic(self):
        command = [pythonExecutable(), "-m", "LongitudinalRegistrationSlicer.process.stand_in_worker"]
        return LongitudinalRegistrationLogic(command=command)

    def _run(self, logic, request):
        logic.startRegistration(request)
        for _attempt in range(600):
            logic.poll()
            if not logic.needsPolling:
                logic.shutDown()
                return
            time.sleep(0.1)
        logic.shutDown()
        self.fail(f"the registration did not end: {logic.log}")

    def _makeRequest(self, method):
        """Return a request for two volumes; the moving one is the fixed one moved by 6 mm to the left (LPS x)."""
        array = np.random.default_rng(1).integers(-1000, 1000, (12, 40, 40)).astype(np.int16)
        nodes = []
        for name, shift in (("Baseline", 0), ("Follow-up", 2)):
            moved = np.roll(array, shift, axis=2)
            ijkToRAS = np.diag([-3.0, -3.0, 3.0, 1.0])
            nodes.append(slicer.util.addVolumeFromArray(moved, ijkToRAS=ijkToRAS, name=name))
        return RegistrationRequest(nodes[0], nodes[1], method=method)
