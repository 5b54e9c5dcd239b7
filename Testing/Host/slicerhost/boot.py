"""Sets up the stand-in: scene, logics, views, Qt, and the names a scripted module imports."""

import contextlib
import dataclasses
import os
import sys
import types
import typing
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE_FILES = {name: ROOT / name / f"{name}.py" for name in ("TableRemoval", "LongitudinalRegistration")}
PROBES = 100
HARMLESS_QT_MESSAGES = ("propagateSizeHints", "XDG_RUNTIME_DIR", "Cannot find font directory")


@dataclasses.dataclass
class Host:
    """What `boot` made: trame-slicer's core application, the QApplication, and the modules by name."""

    core: typing.Any
    qtApplication: typing.Any
    modules: dict


_host = None


def boot(loadModules=True):
    """Set up the stand-in once and return the Host; later calls return the same.

    With `loadModules` the two scripted modules are imported as the application does at its start, which is completed
    then. A module that is loaded afterwards (`slicer.modules.addScripted`) hears nothing of the start.
    """
    global _host
    if _host is None:
        _quieten()
        core = _makeCore()
        _host = Host(core, _makeQt(), {})
        _makeNames(core, _host.qtApplication)
        _addModuleFolders()
    if loadModules:
        _loadModules()
    return _host


def hasDisplay():
    """Return whether windows can be shown on this machine."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _quieten():
    os.environ["EGL_LOG_LEVEL"] = "fatal"
    if sys.platform == "linux":
        os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
        os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;qt.qpa.*=false")
    if not hasDisplay():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def _makeCore():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vtk
        from trame_slicer.core import SlicerApp
        from trame_slicer.views import DirectViewFactory
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
    core = SlicerApp()
    vtk.vtkOutputWindow.GetInstance().SetDisplayModeToNever()
    core.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))
    return core


def _makeQt():
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtGui import QFontDatabase
    from PySide6.QtWidgets import QApplication

    qInstallMessageHandler(_showQtMessage)
    application = QApplication.instance() or QApplication(["slicerhost"])
    _refuseDamagedQt(application)
    if not QFontDatabase.families():
        _lendFont(application)
    return application


def _refuseDamagedQt(application):
    """PySide6 6.12.0 on Python 3.11 and older takes away references to None until Python aborts."""
    before = sys.getrefcount(None)
    for _attempt in range(PROBES):
        application.property("noSuchProperty")
    if before - sys.getrefcount(None) > PROBES // 2:
        raise RuntimeError("This PySide6 does not work with this Python: pip install 'PySide6-Essentials<6.12'")


def _showQtMessage(kind, context, message):
    if not any(harmless in message for harmless in HARMLESS_QT_MESSAGES):
        sys.stderr.write(message + "\n")


def _lendFont(application):
    from matplotlib import get_data_path
    from PySide6.QtGui import QFont, QFontDatabase

    number = QFontDatabase.addApplicationFont(os.path.join(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    application.setFont(QFont(QFontDatabase.applicationFontFamilies(number)[0], 9))


def _makeNames(core, qtApplication):
    import slicer
    import slicer.util

    from . import pythonqt, slicer_source, widgets

    ownFiles = slicer_source.sourceFolder() is None
    if not ownFiles:
        slicer_source.load(slicer_source.BEFORE_WIDGETS)
    sys.modules["qt"] = pythonqt.makeModule(widgets.customWidgets())
    sys.modules["ctk"] = widgets.makeCtkModule()
    for widgetClass in widgets.customWidgets().values():
        if widgetClass.__name__.startswith("qMRML"):
            setattr(slicer, widgetClass.__name__, widgetClass)
        pythonqt.giveManners(widgetClass)

    from . import application, subject_hierarchy

    slicer.mrmlScene = core.scene
    slicer.app = application.Application(core, qtApplication)
    subject_hierarchy.SubjectHierarchy(core.scene, slicer.app.errorLogModel())
    slicer.modules = application.Modules()
    slicer.modules.addCore("segmentations", core.segmentations_logic)
    slicer.modules.addCore("volumes", core.volumes_logic)
    slicer.modules.addCore("plots", _plotsLogic(core))
    if not ownFiles:
        slicer_source.mentionWidgets(sys.modules["ctk"])
        slicer_source.load(slicer_source.AFTER_WIDGETS)
        return
    _addModule("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text)

    from . import parameter_node, scripted

    _addModule("slicer.ScriptedLoadableModule", **{name: getattr(scripted, name) for name in scripted.__all__})
    wrapper = {name: getattr(parameter_node, name) for name in parameter_node.__all__}
    _addModule("slicer.parameterNodeWrapper", **wrapper)


def _plotsLogic(core):
    import slicer

    logic = slicer.vtkSlicerPlotsLogic()
    logic.SetMRMLApplicationLogic(core.app_logic)
    logic.SetMRMLScene(core.scene)
    return logic


def _addModule(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members, __all__=list(members))
    sys.modules[name] = module
    setattr(sys.modules["slicer"], name.split(".")[1], module)


def _addModuleFolders():
    for path in MODULE_FILES.values():
        with contextlib.suppress(ValueError):
            sys.path.remove(str(path.parent))
        sys.path.insert(0, str(path.parent))


def _loadModules():
    import slicer

    for name, path in MODULE_FILES.items():
        if name not in _host.modules:
            _host.modules[name] = slicer.modules.addScripted(path)
    slicer.app.completeStartup()
