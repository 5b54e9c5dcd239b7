"""Tells when a scene has come from a file and is whole."""

import slicer


class ImportedScenes:
    """From now on `onImported()` is called after each import, once the application has merged what came with what was
    there: not while a batch of changes goes on."""

    def __init__(self, onImported):
        self._onImported, self._isDue = onImported, False
        scene = slicer.mrmlScene
        scene.AddObserver(scene.EndImportEvent, lambda caller, event: self._onEnd(isImport=True))
        scene.AddObserver(scene.EndBatchProcessEvent, lambda caller, event: self._onEnd(isImport=False))

    def _onEnd(self, isImport):
        self._isDue = self._isDue or isImport
        if self._isDue and not slicer.mrmlScene.IsBatchProcessing():
            self._isDue = False
            self._onImported()
