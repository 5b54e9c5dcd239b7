"""`slicer.parameterNodeWrapper`: typed parameter nodes and their connection to widgets.

Types: bool, int, float, str, node classes and unions of them. Annotations: Default, WithinRange, Minimum, Maximum,
Choice. Widgets: QCheckBox, QSpinBox, QDoubleSpinBox, ctkSliderWidget, QComboBox, QLineEdit, qMRMLNodeComboBox.
"""

import dataclasses
import typing

import ctk
import qt
import slicer
import vtk

__all__ = ["parameterNodeWrapper", "Default", "WithinRange", "Minimum", "Maximum", "Choice"]

PROPERTY = "SlicerParameterName"


@dataclasses.dataclass
class Default:
    value: typing.Any


@dataclasses.dataclass
class WithinRange:
    minimum: float
    maximum: float

    def check(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclasses.dataclass
class Minimum:
    minimum: float

    def check(self, value):
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


@dataclasses.dataclass
class Maximum:
    maximum: float

    def check(self, value):
        if value > self.maximum:
            raise ValueError(f"Value must be greater than {self.maximum}, is {value}")


class Choice:
    def __init__(self, choices):
        self.choices = list(choices)

    def check(self, value):
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


class _Parameter:
    """One typed entry of a parameter node: a text parameter, or a node reference."""

    def __init__(self, name, hint, default):
        self.name, self.kind = name, hint
        self.annotations = getattr(hint, "__metadata__", ())
        if self.annotations:
            self.kind = typing.get_args(hint)[0]
        kinds = [k for k in typing.get_args(self.kind) if k is not type(None)] or [self.kind]
        self.nodeClasses = [k.__name__ for k in kinds if issubclass(k, slicer.vtkMRMLNode)]
        if not self.nodeClasses and self.kind not in (bool, int, float, str):
            raise TypeError(f"parameter '{name}': {hint} is not in the stand-in for Slicer")
        self.default = default
        if default is None and not self.nodeClasses:
            choice = self.find(Choice)
            given = self.find(Default)
            self.default = given.value if given else choice.choices[0] if choice else self.kind()

    def find(self, annotation):
        return next((a for a in self.annotations if isinstance(a, annotation)), None)

    def read(self, node):
        if self.nodeClasses:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return text == "True" if self.kind is bool else self.kind(text)

    def write(self, node, value):
        if self.nodeClasses:
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        value = self.kind(value)
        for annotation in self.annotations:
            if hasattr(annotation, "check"):
                annotation.check(value)
        node.SetParameter(self.name, str(value))

    def isIn(self, node):
        return bool(self.nodeClasses or node.GetParameter(self.name))


class _WrapperMethods:
    """What every wrapped parameter node can do."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._guis, self._updating = {}, False
        for parameter in self.allParameters.values():
            if not parameter.isIn(parameterNode):
                parameter.write(parameterNode, parameter.default)

    def connectGui(self, gui):
        """Connect each widget of `gui` whose SlicerParameterName names a parameter; returns a tag."""
        tag, pairs = len(self._guis), []
        for widget in vars(gui).values():
            name = widget.property(PROPERTY)
            if name:
                if name not in self.allParameters:
                    raise ValueError(f"'{widget.objectName}' wants the parameter '{name}', which does not exist")
                pairs.append((self.allParameters[name], widget))
        for parameter, widget in pairs:
            _adapt(widget, parameter)
            _write(widget, parameter.read(self.parameterNode))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show(pairs))
        wires = [(_changed(w), self._reader(p, w)) for p, w in pairs]
        for signal, slot in wires:
            signal.connect(slot)
        self._guis[tag] = (observer, wires)
        return tag

    def disconnectGui(self, tag):
        observer, wires = self._guis.pop(tag)
        self.RemoveObserver(observer)
        for signal, slot in wires:
            signal.disconnect(slot)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def _show(self, pairs):
        if self._updating:
            return
        self._updating = True
        try:
            for parameter, widget in pairs:
                _write(widget, parameter.read(self.parameterNode))
        finally:
            self._updating = False

    def _reader(self, parameter, widget):
        def slot(*_):
            if not self._updating:
                parameter.write(self.parameterNode, _read(widget))

        return slot


def parameterNodeWrapper(cls):
    """Make a typed view of a vtkMRMLScriptedModuleNode from a class with annotated members."""
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: _Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}
    members = {name: property(p_read(p), p_write(p)) for name, p in parameters.items()}
    return type(cls.__name__, (_WrapperMethods,), {**members, "allParameters": parameters, "__doc__": cls.__doc__})


def p_read(parameter):
    return lambda self: parameter.read(self.parameterNode)


def p_write(parameter):
    return lambda self, value: parameter.write(self.parameterNode, value)


def _adapt(widget, parameter):
    if isinstance(widget, slicer.qMRMLNodeComboBox):
        widget.nodeTypes = parameter.nodeClasses
    if isinstance(widget, qt.QComboBox):
        widget.clear()
        widget.addItems([str(choice) for choice in parameter.find(Choice).choices])
    for limits in (parameter.find(WithinRange), parameter.find(Minimum), parameter.find(Maximum)):
        if limits is not None and hasattr(limits, "minimum"):
            widget.minimum = limits.minimum
        if limits is not None and hasattr(limits, "maximum"):
            widget.maximum = limits.maximum


def _changed(widget):
    if isinstance(widget, qt.QCheckBox):
        return widget.toggled
    if isinstance(widget, slicer.qMRMLNodeComboBox):
        return widget.currentNodeChanged
    if isinstance(widget, qt.QComboBox):
        return widget.currentIndexChanged
    if isinstance(widget, qt.QLineEdit):
        return widget.textChanged
    if isinstance(widget, (qt.QSpinBox, qt.QDoubleSpinBox, ctk.ctkSliderWidget)):
        return widget.valueChanged
    raise RuntimeError(f"{type(widget).__name__} cannot hold a parameter in the stand-in for Slicer")


def _read(widget):
    if isinstance(widget, qt.QCheckBox):
        return widget.checked
    if isinstance(widget, slicer.qMRMLNodeComboBox):
        return widget.currentNode()
    if isinstance(widget, qt.QComboBox):
        return widget.currentText
    return widget.text if isinstance(widget, qt.QLineEdit) else widget.value


def _write(widget, value):
    if isinstance(widget, qt.QCheckBox):
        widget.checked = value
    elif isinstance(widget, slicer.qMRMLNodeComboBox):
        widget.setCurrentNode(value)
    elif isinstance(widget, qt.QComboBox):
        widget.setCurrentIndex(widget.findText(str(value)))
    elif isinstance(widget, qt.QLineEdit):
        widget.text = value
    else:
        widget.value = value
