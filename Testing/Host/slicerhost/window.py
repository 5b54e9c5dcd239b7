"""The application's main window: the module panel on the left, the views of the layout beside it.

Opened, it takes the place of the layout manager without a window (layout.py): layouts come from Slicer's own
vtkMRMLLayoutLogic, their views are real widgets, and Qt gives them their sizes when events are processed. Closed, it
takes its views and nodes with it.
"""

import contextlib
import types
import xml.etree.ElementTree as ElementTree

import shiboken6
import slicer
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import QSize, Qt

from .layout import LayoutManager
from .pythonqt import giveManners
from .view_widgets import OtherViewWidget, SliceViewWidget, ThreeDViewWidget
from .views import makeSliceView, makeThreeDView

NAME = "qSlicerMainWindow"
SPACING = 6
LEAST_HEIGHT_PX = 72
BARS_PX = 80
"""The height that menu bar and tool bars take from views and panel."""
SLICE, THREE_D = "vtkMRMLSliceNode", "vtkMRMLViewNode"
OWN_CLASSES = (
    "vtkMRMLAbstractViewNode",
    "vtkMRMLSliceCompositeNode",
    "vtkMRMLSliceDisplayNode",
    "vtkMRMLCameraNode",
    "vtkMRMLLayoutNode",
)
"""The nodes that are there for the views, which go with them."""


class ModulePanel(QtWidgets.QScrollArea):
    """qSlicerModulePanel: as wide as the module's panel must be, never scrolled sideways."""

    def __init__(self):
        super().__init__()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(QtWidgets.QWidget())
        QtWidgets.QVBoxLayout(self.widget())
        self.widget().layout().addStretch(1)

    def minimumSizeHint(self):
        module, bar = self.widget().property("minimumSizeHint"), self.verticalScrollBar().property("sizeHint")
        return QSize(module.width() + bar.width(), LEAST_HEIGHT_PX)

    def setModule(self, panel):
        """Show a module's panel (a QWidget)."""
        panel.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self.widget().layout().insertWidget(0, panel)
        panel.show()
        self.updateGeometry()


class MainWindow(QtWidgets.QMainWindow):
    """The window, not shown; `viewport` is where the views are."""

    def __init__(self):
        super().__init__()
        self.setAttribute(Qt.WA_DontShowOnScreen)
        self.setObjectName(NAME)
        self.isPictured = False
        self.viewport = QtWidgets.QFrame(self)
        self.setCentralWidget(self.viewport)
        self.panel = ModulePanel()
        dock = QtWidgets.QDockWidget("Module Panel", self)
        dock.setObjectName("PanelDockWidget")
        dock.setWidget(self.panel)
        self.addDockWidget(Qt.LeftDockWidgetArea, dock)
        bars = QtWidgets.QToolBar(self)
        bars.setFixedHeight(BARS_PX)
        self.addToolBar(bars)

    def settle(self):
        """Process events until the window and its views have the sizes that they keep."""
        size = None
        while size != (size := (self.property("size"), self.viewport.property("size"))):
            slicer.app.processEvents()

    def picture(self):
        """Return the window's picture (QPixmap). Only now do the views draw themselves: it takes them long."""
        self.isPictured = True
        try:
            return self.grab()
        finally:
            self.isPictured = False


class WindowLayoutManager(LayoutManager):
    """`slicer.app.layoutManager()` of a window."""

    def __init__(self, core, viewport):
        super().__init__(core)
        self._viewport, self._widgets, self._observed, self._made = viewport, {}, [], []
        self._before = {node.GetID() for node in _ownNodes()}
        node = core.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        self._arrangementBefore = node.GetViewArrangement() if node is not None else None
        self._followed = None
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(core.scene)
        scene = core.scene
        self._observe(scene, scene.NodeAddedEvent, self._onNodeAdded)
        self._observe(scene, scene.StartCloseEvent, lambda caller, event: self._clear())
        self._observe(scene, scene.EndBatchProcessEvent, lambda caller, event: self._onEndBatch())
        self._followNode()
        self._makeWidgets()
        self._refresh()

    def _followNode(self):
        """Follow the layout node that is there now: a scene that is closed may take one and bring another."""
        if self._followed is not None:
            node, tag = self._followed
            node.RemoveObserver(tag)
        node = self._node()
        changed = vtk.vtkCommand.ModifiedEvent
        self._followed = node, node.AddObserver(changed, lambda caller, event: self._refreshUnlessBatch())

    def _observe(self, observed, event, receiver):
        self._observed.append((observed, observed.AddObserver(event, receiver)))

    def layoutLogic(self):
        return self._logic

    def viewport(self):
        return self._viewport

    def setLayout(self, number):
        self._node().SetViewArrangement(number)

    def sliceViewNames(self):
        """Return the names of all slice views there are, in the layout or not."""
        return tuple(name for (kind, name) in self._widgets if kind == SLICE)

    def sliceWidget(self, name):
        return self._widgets.get((SLICE, name))

    @property
    def threeDViewCount(self):
        return len(self._threeDWidgets())

    def _threeDWidgets(self):
        return [widget for (kind, _name), widget in self._widgets.items() if kind == THREE_D]

    def resetSliceViews(self):
        for name in self.sliceViewNames():
            self.sliceWidget(name).sliceController().fitSliceToBackground()

    def close(self):
        """Take views and nodes away that were not there before."""
        for observed, tag in (*self._observed, self._followed):
            observed.RemoveObserver(tag)
        self._clear()
        for widget in self._widgets.values():
            widget.release()
            shiboken6.delete(widget)
        self._logic.SetMRMLScene(None)
        scene, manager = self._core.scene, self._core.view_manager
        for view in self._made:
            if isinstance(view.get_view_node(), slicer.vtkMRMLSliceNode):
                self._core.app_logic.GetSliceLogics().RemoveItem(view._logic)
                view._logic.DeleteSliceModel()
                view._logic.SetMRMLScene(None)
            node = view.get_view_node()
            manager.remove_view(view.get_singleton_tag())
            _forgetScene(view)
            if node is not None and node.GetScene() is scene:
                scene.RemoveNode(node)
        for node in _ownNodes():
            if node.GetID() not in self._before:
                scene.RemoveNode(node)
        if self._arrangementBefore is not None:
            self._layoutNode().SetViewArrangement(self._arrangementBefore)

    def _node(self):
        return self._logic.GetLayoutNode()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node):
        if not self._core.scene.IsBatchProcessing() and node.IsA("vtkMRMLAbstractViewNode"):
            self._makeWidget(node)

    def _onEndBatch(self):
        self._followNode()
        self._makeWidgets()
        for name in self.sliceViewNames():
            self.sliceWidget(name).followScene()
        self._refresh()

    def _makeWidgets(self):
        for node in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode"):
            self._makeWidget(node)

    def _makeWidget(self, node):
        kind, name = node.GetClassName(), node.GetLayoutName()
        if (kind, name) in self._widgets:
            return
        host = types.SimpleNamespace(core=self._core)
        isNew = not self._core.view_manager.is_view_created(name)
        if kind == SLICE:
            with _kept(node):
                view = makeSliceView(host, name, node.GetOrientation())
                view._logic.SetSliceNode(node)
                view.set_view_node(node)
            widget = SliceViewWidget(view, self._viewport)
        elif kind == THREE_D:
            with _kept(node), slicer.app.errorLogModel().silenced():
                view = makeThreeDView(host, name)
            widget = ThreeDViewWidget(view, self._viewport)
        else:
            view, widget = None, OtherViewWidget(name, self._viewport)
        if view is not None and isNew:
            self._made.append(view)
        widget.setVisible(False)
        self._widgets[kind, name] = widget

    def _refreshUnlessBatch(self):
        if not self._core.scene.IsBatchProcessing():
            self._refresh()

    def _refresh(self):
        """Lay the views out anew, as ctkLayoutManager::refresh does each time the layout node is modified."""
        self._clear()
        description = self._node().GetCurrentLayoutDescription()
        if not description:
            return
        made = self._build(ElementTree.fromstring(description))
        if isinstance(made, QtWidgets.QWidget):
            layout = QtWidgets.QHBoxLayout()
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(made)
            made = layout
        self._viewport.setLayout(made)

    def _build(self, element):
        """Return the layout, splitter, tabs or view that an element stands for."""
        if element.tag == "view":
            return self._shownView(element)
        vertical, split = element.get("type") == "vertical", element.get("split") == "true"
        if element.get("type") == "tab":
            made = QtWidgets.QTabWidget()
        elif element.get("type") == "grid":
            made = QtWidgets.QGridLayout()
        elif split:
            made = QtWidgets.QSplitter(Qt.Vertical if vertical else Qt.Horizontal)
        else:
            made = QtWidgets.QVBoxLayout() if vertical else QtWidgets.QHBoxLayout()
        if isinstance(made, QtWidgets.QLayout):
            made.setContentsMargins(0, 0, 0, 0)
            made.setSpacing(SPACING)
        for item in element.findall("item"):
            self._add(made, self._build(item[0]), item)
        sizes = [int(item.get("splitSize", 0)) for item in element.findall("item")]
        if isinstance(made, QtWidgets.QSplitter) and any(sizes):
            made.setSizes(sizes)
        return made

    def _add(self, parent, child, item):
        isLayout = isinstance(child, QtWidgets.QLayout)
        if isinstance(parent, QtWidgets.QLayout):
            place = [int(item.get(name, "0")) for name in ("row", "column")]
            place += [int(item.get(name, "1")) for name in ("rowspan", "colspan")]
            place = place if isinstance(parent, QtWidgets.QGridLayout) else []
            (parent.addLayout if isLayout else parent.addWidget)(child, *place)
            return
        if isLayout:
            page = QtWidgets.QWidget()
            page.setLayout(child)
            child = page
        if isinstance(parent, QtWidgets.QTabWidget):
            parent.addTab(child, item.get("name", ""))
        else:
            parent.addWidget(child)

    def _shownView(self, element):
        widget = self._widgets[element.get("class"), element.get("singletontag") or element.get("type")]
        widget.setVisible(True)
        return widget

    def _clear(self):
        """Take the views out of the layout and hide them; what the layout itself consists of is deleted."""
        for widget in self._widgets.values():
            widget.setVisible(False)
            widget.setParent(self._viewport)
        layout = self._viewport.layout()
        if layout is None:
            return
        for child in self._viewport.children():
            if child is not layout and child not in self._widgets.values():
                shiboken6.delete(child)
        shiboken6.delete(layout)


def _forgetScene(view):
    """End what a view of trame-slicer has to do with the scene; its managers would follow each change for good."""
    group = view._displayable_manager_group
    for number in range(group.GetDisplayableManagerCount()):
        group.GetNthDisplayableManager(number).SetMRMLApplicationLogic(None)
    group.SetMRMLDisplayableNode(None)
    view.finalize()


def _ownNodes():
    return [node for kind in OWN_CLASSES for node in slicer.util.getNodesByClass(kind)]


@contextlib.contextmanager
def _kept(node):
    """Keep a view node as it is: trame-slicer's view makes a node of its own, which the scene copies into this one."""
    before = type(node)()
    before.Copy(node)
    yield
    node.Copy(before)


for widgetClass in (MainWindow, ModulePanel, SliceViewWidget, ThreeDViewWidget, OtherViewWidget):
    giveManners(widgetClass)


@contextlib.contextmanager
def mainWindow(width, height):
    """A main window of a size in pixels, shown on no screen, with Slicer's conventional views; closed at the end."""
    from .boot import boot

    host = boot(loadModules=False)
    window = MainWindow()
    before = slicer.app._layoutManager
    slicer.app._layoutManager = WindowLayoutManager(host.core, window.viewport)
    window.resize(width, height)
    window.show()
    slicer.app.processEvents()
    try:
        yield window
    finally:
        slicer.app._layoutManager.close()
        slicer.app._layoutManager = before
        window.setObjectName("")
        window.close()
        window.deleteLater()
        slicer.app.processEvents()
