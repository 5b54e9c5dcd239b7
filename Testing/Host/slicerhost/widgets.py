"""The ctk and qMRML widgets that the modules' .ui files use, and no others."""

import functools
import types

import slicer
from PySide6.QtCore import Property, QRect, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

UNLIMITED_HEIGHT = 16777215
HEADER_HEIGHT = 26


def makeCtkModule():
    """Return the module `ctk`; a name it does not have raises AttributeError with a clear message."""

    class CtkModule(types.ModuleType):
        def __getattr__(self, name):
            raise AttributeError(f"ctk.{name} is not in the stand-in for Slicer (Testing/Host/README.md)")

    module = CtkModule("ctk")
    module.ctkCollapsibleButton = ctkCollapsibleButton
    module.ctkSliderWidget = ctkSliderWidget
    return module


def customWidgets():
    """Return the classes a .ui file may name, by class name."""
    classes = (ctkCollapsibleButton, ctkSliderWidget, qMRMLWidget, qMRMLNodeComboBox, qMRMLTableView)
    return {widgetClass.__name__: widgetClass for widgetClass in classes}


class ctkCollapsibleButton(QWidget):
    """A titled group that folds away on a click on its title."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._text, self._collapsed = "", False
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(QSizePolicy.Minimum, QSizePolicy.Preferred)

    def _getText(self):
        return self._text

    def _setText(self, text):
        self._text = text
        self.update()

    def _getCollapsed(self):
        return self._collapsed

    def _setCollapsed(self, collapsed):
        self._collapsed = collapsed
        self.setMaximumHeight(HEADER_HEIGHT if collapsed else UNLIMITED_HEIGHT)
        self.contentsCollapsed.emit(collapsed)

    text = Property(str, _getText, _setText)
    collapsed = Property(bool, _getCollapsed, _setCollapsed)

    def mousePressEvent(self, event):
        if event.position().y() < HEADER_HEIGHT:
            self.collapsed = not self.collapsed

    def paintEvent(self, event):
        painter = QPainter(self)
        title = QRect(0, 1, self.property("size").width(), HEADER_HEIGHT - 4)
        painter.fillRect(title, QColor(0, 0, 0, 26))
        arrow = "\u25b6" if self._collapsed else "\u25bc"
        painter.drawText(title.adjusted(8, 0, 0, 0), Qt.AlignVCenter | Qt.AlignLeft, f"{arrow}  {self._text}")
        painter.end()


class ctkSliderWidget(QWidget):
    """A slider and a spin box with the same floating point value."""

    valueChanged = Signal(float)
    STEPS = 1000

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider, self._box = QSlider(Qt.Horizontal, self), QDoubleSpinBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._slider.setRange(0, self.STEPS)
        self._slider.sliderMoved.connect(self._onSlider)
        self._box.valueChanged.connect(self._onBox)

    def _onSlider(self, step):
        low, high = self._box.property("minimum"), self._box.property("maximum")
        self._box.setValue(low + (high - low) * step / self.STEPS)

    def _onBox(self, value):
        low, high = self._box.property("minimum"), self._box.property("maximum")
        self._slider.setValue(round(self.STEPS * (value - low) / (high - low)) if high > low else 0)
        self.valueChanged.emit(value)

    def _boxProperty(kind, name):  # noqa: N805 - used while the class is made
        return Property(
            kind,
            lambda self: self._box.property(name),
            lambda self, value: self._box.setProperty(name, value),
        )

    value = _boxProperty(float, "value")
    minimum = _boxProperty(float, "minimum")
    maximum = _boxProperty(float, "maximum")
    singleStep = _boxProperty(float, "singleStep")
    decimals = _boxProperty(int, "decimals")
    suffix = _boxProperty(str, "suffix")


class qMRMLWidget(QWidget):
    """A widget that knows the scene."""

    mrmlSceneChanged = Signal(object)
    slicerSignals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene):
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class qMRMLNodeComboBox(qMRMLWidget):
    """Chooses a node of given classes."""

    currentNodeChanged = Signal(object)
    slicerSignals = (*qMRMLWidget.slicerSignals, "currentNodeChanged(vtkMRMLNode*)")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._types, self._observers, self._nodes, self._current = [], [], [], None
        self.destroyed.connect(functools.partial(_removeObservers, self._observers))
        self._noneEnabled, self._noneDisplay, self._children = False, "None", True
        self._plain = dict.fromkeys(("addEnabled", "removeEnabled", "renameEnabled", "editEnabled"), True)
        self._box = QComboBox(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.activated.connect(lambda index: self.setCurrentNode(self._nodes[index]))

    def setMRMLScene(self, scene):
        _removeObservers(self._observers)
        super().setMRMLScene(scene)
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
                self._observers.append((scene, scene.AddObserver(event, lambda caller, event: self._refresh())))
        self._refresh()

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node):
        if node is not None and node not in self._nodes:
            return
        changed = node is not self._current
        self._current = node
        self._box.setCurrentIndex(self._nodes.index(node) if node in self._nodes else -1)
        if changed:
            self.currentNodeChanged.emit(node)

    def setCurrentNodeID(self, nodeID):
        self.setCurrentNode(self._scene.GetNodeByID(nodeID) if nodeID else None)

    def _accepts(self, node):
        if node.GetHideFromEditors():
            return False
        name = node.GetClassName()
        return any(name == kind or (self._children and node.IsA(kind)) for kind in self._types)

    def _refresh(self):
        row = self._nodes.index(self._current) if self._current in self._nodes else 0
        nodes = self._scene.GetNodes() if self._scene is not None else None
        every = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())] if nodes else []
        self._nodes = ([None] if self._noneEnabled else []) + [node for node in every if self._accepts(node)]
        self._box.clear()
        self._box.addItems([self._noneDisplay if node is None else node.GetName() for node in self._nodes])
        current = self._current
        if current not in self._nodes:
            isClosing = self._scene is None or self._scene.IsBatchProcessing()
            current = self._nodes[0 if isClosing else min(row, len(self._nodes) - 1)] if self._nodes else None
        self._box.setCurrentIndex(self._nodes.index(current) if current in self._nodes else -1)
        if current is not self._current:
            self._current = current
            self.currentNodeChanged.emit(current)

    def _setter(attribute):  # noqa: N805 - used while the class is made
        def write(self, value):
            setattr(self, attribute, value)
            self._refresh()

        return write

    def _flag(name):  # noqa: N805 - used while the class is made
        return Property(bool, lambda self: self._plain[name], lambda self, on: self._plain.update({name: on}))

    nodeTypes = Property("QStringList", lambda self: self._types, _setter("_types"))
    noneEnabled = Property(bool, lambda self: self._noneEnabled, _setter("_noneEnabled"))
    noneDisplay = Property(str, lambda self: self._noneDisplay, _setter("_noneDisplay"))
    showChildNodeTypes = Property(bool, lambda self: self._children, _setter("_children"))
    addEnabled, removeEnabled = _flag("addEnabled"), _flag("removeEnabled")
    renameEnabled, editEnabled = _flag("renameEnabled"), _flag("editEnabled")

    @property
    def currentNodeID(self):
        return self._current.GetID() if self._current is not None else ""


def _removeObservers(observers, *_):
    while observers:
        scene, tag = observers.pop()
        scene.RemoveObserver(tag)


class qMRMLTableView(QTableWidget):
    """Shows a vtkMRMLTableNode, its first row being the column names."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None

    def setMRMLScene(self, scene):
        pass

    def mrmlTableNode(self):
        return self._node

    def setMRMLTableNode(self, node):
        self._node = node
        table = node.GetTable() if node is not None else slicer.vtkMRMLTableNode().GetTable()
        columns, rows = table.GetNumberOfColumns(), table.GetNumberOfRows()
        self.setColumnCount(columns)
        self.setRowCount(rows)
        self.setHorizontalHeaderLabels([table.GetColumnName(column) for column in range(columns)])
        for row in range(rows):
            for column in range(columns):
                self.setItem(row, column, QTableWidgetItem(table.GetValue(row, column).ToString()))
