"""The module's own test, which runs in Slicer and in the stand-in alike."""

import time

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from TableRemovalLib.errors import InputError

from TableRemovalSlicer.logic import TableRemovalLogic


class TableRemovalTest(ScriptedLoadableModuleTest):
    """Removal, refusals and the preview, on a scan made here."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_tableIsRemoved, self.test_refusalSaysWhatToDo, self.test_previewFollowsAndApplies):
            self.setUp()
            test()

    def test_tableIsRemoved(self):
        """An elliptic body above a flat table: the table goes, the body stays, the scan is as it was."""
        scan, body, table = self.makeScan()
        before = slicer.util.arrayFromVolume(scan).copy()
        logic = TableRemovalLogic()
        outcome = logic.process(scan, logic.optionsFrom(logic.getParameterNode()))
        after = slicer.util.arrayFromVolume(outcome.volume)
        self.assertEqual(set(np.unique(after[table])), {-1024})
        self.assertGreater(float((after[body] == before[body]).mean()), 0.99)
        self.assertTrue(np.array_equal(slicer.util.arrayFromVolume(scan), before))
        self.assertEqual(outcome.segmentation.GetSegmentation().GetNumberOfSegments(), 1)
        self.assertIn("24 slices", outcome.report)

    def test_refusalSaysWhatToDo(self):
        """Without a volume, and with one under a transform, the refusal names the remedy."""
        logic = TableRemovalLogic()
        options = logic.optionsFrom(logic.getParameterNode())
        self.assertIn("Select", logic.whyNot(None, options))
        scan = self.makeScan()[0]
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
        scan.SetAndObserveTransformNodeID(transform.GetID())
        with self.assertRaisesRegex(InputError, "harden"):
            logic.process(scan, options)

    def test_previewFollowsAndApplies(self):
        """The overlay follows the background, an override and its undo; Apply makes the result from it."""
        scan, body, table = self.makeScan()
        logic = TableRemovalLogic()
        parameters = logic.getParameterNode()
        logic.follow(scan, parameters)
        try:
            session = logic.session
            self._wait(logic.poll, lambda: session.ready and session.current)
            self.assertGreater(float((session.maskArray() == body).mean()), 0.99)
            session.showSlice(5)
            session.setThreshold(0.001, [5])
            fewer = int(session.mask(5).sum())
            self.assertLess(fewer, int(session.mask(6).sum()))
            session.undo()
            self.assertGreater(int(session.mask(5).sum()), fewer)
            self._wait(logic.poll, lambda: session.current)
            batch = logic.startBatch([scan])
            self._wait(batch.poll, lambda: batch.done)
            self.assertIn("24 slices", logic.endBatch(batch))
            after = slicer.util.arrayFromVolume(batch.outcomes[0].volume)
            self.assertEqual(set(np.unique(after[table])), {-1024})
        finally:
            logic.close()

    def _wait(self, step, done, seconds=180):
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            slicer.app.processEvents()
            step()
            time.sleep(0.02)
        self.assertTrue(done())

    def makeScan(self):
        """Return a volume node, and the arrays that are True in its body and in its table, [k, j, i]."""
        shape = (24, 128, 128)
        k, j, i = np.indices(shape)
        body = ((i - 64) / 45) ** 2 + ((j - 56) / 30) ** 2 < 1
        table = (j >= 96) & (j < 100) & (abs(i - 64) < 50)
        noise = np.random.default_rng(1).normal(0, 10, shape)
        array = np.where(body, 40, np.where(table, -200, -1000)) + noise
        ijkToRAS = np.diag([-3.0, -3.0, 4.0, 1.0])
        scan = slicer.util.addVolumeFromArray(array.astype(np.int16), ijkToRAS=ijkToRAS, name="CT")
        return scan, body, table
