"""`slicer.app` and `slicer.modules`: the few things of the application that modules and slicer.util ask for."""

import importlib
import os
import sys
import tempfile
import time
import types

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .error_log import ErrorLog
from .layout import LayoutManager
from .named import Named

PATIENCE_S = 300
INI = QtCore.QSettings.Format.IniFormat


class ModuleManager(Named):
    """`slicer.app.moduleManager()`: modules are never unloaded here."""

    place = "slicer.app.moduleManager()"

    def connect(self, signature, receiver):
        if signature != "moduleAboutToBeUnloaded(QString)":
            raise RuntimeError(f"{self.place} has no signal '{signature}' in the stand-in for Slicer")
        return True


class Application(Named):
    """`slicer.app`."""

    place = "slicer.app"
    applicationName = "Slicer"
    majorVersion, minorVersion, revision = 5, 10, "host"

    def __init__(self, core, qtApplication):
        self._core, self._qt = core, qtApplication
        self._layoutManager = LayoutManager(core)
        self._errorLog = ErrorLog()
        self._moduleManager = ModuleManager()
        self._settings = QtCore.QSettings(os.path.join(tempfile.gettempdir(), "no such settings.ini"), INI)
        self.temporaryPath = tempfile.gettempdir()
        self._awaitStart, self._hasStarted = [], False

    def testingEnabled(self):
        return True

    def processEvents(self, *arguments):
        self._qt.processEvents()

    def sendPostedEvents(self, receiver, kind):
        """Deliver a widget's posted events of a kind, a number of QEvent.Type; other receivers have none."""
        if isinstance(receiver, QtCore.QObject):
            self._qt.sendPostedEvents(receiver, kind)

    def layoutManager(self):
        return self._layoutManager

    def errorLogModel(self):
        return self._errorLog

    def applicationLogic(self):
        return self._core.app_logic

    def topLevelWidgets(self):
        return self._qt.topLevelWidgets()

    def setOverrideCursor(self, shape):
        self._qt.setOverrideCursor(QtGui.QCursor(shape))

    def restoreOverrideCursor(self):
        self._qt.restoreOverrideCursor()

    def pauseRender(self):
        """Nothing: views are drawn only when someone asks for their picture (views.renderArray)."""

    def resumeRender(self):
        """Nothing, as pauseRender."""

    def moduleManager(self):
        return self._moduleManager

    def userSettings(self):
        return self._settings

    def translate(self, context, text):
        return text

    def connect(self, signature, receiver):
        if signature == "startupCompleted()":
            self._awaitStart.append(receiver)
            return True
        if signature == "aboutToQuit()":
            self._qt.aboutToQuit.connect(receiver)
            return True
        raise RuntimeError(f"slicer.app has no signal '{signature}' in the stand-in for Slicer")

    def completeStartup(self):
        """Emit startupCompleted(), once: who connects to it later waits for ever, as in the application."""
        receivers, self._awaitStart = ([] if self._hasStarted else self._awaitStart), []
        self._hasStarted = True
        for receiver in receivers:
            receiver()


class Modules(Named):
    """`slicer.modules`: the core logics that are there, and the scripted modules that were loaded."""

    place = "slicer.modules"

    def addCore(self, name, logic):
        setattr(self, name, types.SimpleNamespace(name=name, logic=lambda: logic))

    def addScripted(self, path):
        """Import a scripted module's file as the application does, make its Module object, and return the record."""
        name = os.path.splitext(os.path.basename(path))[0]
        exec("import os; del os", vars(sys.modules["__main__"]))  # as qSlicerCoreApplication::setPythonOsEnviron
        record = types.SimpleNamespace(name=name, path=os.path.abspath(path), icon=None)
        python = importlib.import_module(name)
        record.python = python
        record.module = getattr(python, name)(record)
        setattr(self, name.lower(), record)
        return record


def makePanel(record):
    """Return a scripted module's widget with its panel set up, as on entering the module."""
    parent = slicer.qMRMLWidget()
    QtWidgets.QVBoxLayout(parent)
    parent.setMRMLScene(slicer.mrmlScene)
    parent.isEntered = False
    widget = getattr(record.python, record.name + "Widget")(parent)
    widget.setup()
    parent.isEntered = True
    if hasattr(widget, "enter"):
        widget.enter()
    return widget


def reloadPanel(record, panel):
    """Make a panel of makePanel anew, as the application does: nobody enters the new one, nor leaves the old."""
    parent = panel.parent
    panel.cleanup()
    for child in parent.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
        child.hide()
        parent.layout().removeWidget(child)
    widget = getattr(record.python, record.name + "Widget")(parent)
    widget.setup()
    return widget


def closePanel(panel):
    """Leave a panel of makePanel and end it, as the application does when it ends: its widgets are gone with it.

    A panel that is only left goes on listening to the scene, and makes every change to it slower.
    """
    panel.parent.isEntered = False
    panel.exit()
    panel.cleanup()
    panel.parent.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(panel.parent, QtCore.QEvent.Type.DeferredDelete)


def letRun(panel, until, patienceS=PATIENCE_S):
    """Let the registration panel's timer run until something holds. Raises RuntimeError with its log in the end."""
    end = time.monotonic() + patienceS
    while not until():
        if time.monotonic() > end:
            raise RuntimeError(f"nothing after {patienceS} s: {panel.ui.statusLabel.text} {panel.logic.log}")
        slicer.app.processEvents()
        panel.onTimer()
        time.sleep(0.01)
