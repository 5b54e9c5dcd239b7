"""What the application's error log shows: errors of VTK and MRML, and those that Slicer's own widgets report."""

import contextlib

import vtk

from .named import Named


class ErrorLog(Named):
    """`slicer.app.errorLogModel()`: texts, oldest first."""

    place = "slicer.app.errorLogModel()"

    def __init__(self):
        self._texts = []
        self._window = vtk.vtkOutputWindow.GetInstance()
        self._window.AddObserver("ErrorEvent", self._onError)

    def add(self, text):
        """Enter an error, as qCritical does."""
        self._texts.append(text)

    def texts(self):
        """Return all texts; Slicer's log has no such function: tests of the stand-in read it."""
        return list(self._texts)

    def logEntryCount(self):
        return len(self._texts)

    def logEntryDescription(self, row, extended=False):
        return self._texts[row]

    def clear(self):
        self._texts.clear()

    @contextlib.contextmanager
    def silenced(self):
        """Leave out what is reported meanwhile, for what the stand-in does in another order than the application."""
        count = len(self._texts)
        yield
        del self._texts[count:]

    @vtk.calldata_type(vtk.VTK_STRING)
    def _onError(self, caller, event, text):
        self.add(text.strip())
