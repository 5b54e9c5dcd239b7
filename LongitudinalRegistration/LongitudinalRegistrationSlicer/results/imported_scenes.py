"""Tells when a scene has come from a file and is whole."""

import weakref

import slicer

_watched = weakref.WeakKeyDictionary()


def watchImportedScenes(onImported):
    """From now on call `onImported()` after each import into the application's scene, once the application has merged
    what came with what was there: not while a batch of changes goes on.

    However often this is asked for, a scene is watched once for each `onImported`. It only connects observers.
    """
    watches = _watched.setdefault(slicer.mrmlScene, {})
    if onImported not in watches:
        watches[onImported] = _Watch(slicer.mrmlScene, onImported)


class _Watch:
    def __init__(self, scene, onImported):
        self._onImported, self._isDue = onImported, False
        scene.AddObserver(scene.EndImportEvent, lambda caller, event: self._onEnd(caller, isImport=True))
        scene.AddObserver(scene.EndBatchProcessEvent, lambda caller, event: self._onEnd(caller, isImport=False))

    def _onEnd(self, scene, isImport):
        self._isDue = self._isDue or isImport
        if self._isDue and not scene.IsBatchProcessing():
            self._isDue = False
            self._onImported()
