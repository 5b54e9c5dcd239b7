"""PySide6 behind the name `qt`, with PythonQt's manners.

PythonQt shows Qt properties as attributes (`widget.text = "x"`), connects with `widget.connect("clicked(bool)", f)`
and has everything in one module. Here each PySide6 class gets that the first time the `qt` module is asked for it.
"""

import types
from xml.etree import ElementTree

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

_LIBRARIES = (QtCore, QtGui, QtWidgets)
_prepared = set()


class QtModule(types.ModuleType):
    """The module `qt`: every class of QtCore, QtGui and QtWidgets, and QUiLoader."""

    QUiLoader: type

    def __getattr__(self, name):
        for library in _LIBRARIES:
            if hasattr(library, name):
                value = getattr(library, name)
                if isinstance(value, type) and issubclass(value, QtCore.QObject):
                    giveManners(value)
                setattr(self, name, value)
                return value
        raise AttributeError(f"qt.{name} is not in the stand-in for Slicer (Testing/Host/README.md)")


def makeModule(customWidgets):
    """Return the module `qt`; its QUiLoader knows the custom widget classes (a dict by class name)."""
    module = QtModule("qt", "PySide6 with PythonQt's manners")
    for name in dir(QtWidgets):
        value = getattr(QtWidgets, name)
        if isinstance(value, type) and issubclass(value, QtCore.QObject):
            giveManners(value)
    giveManners(QtCore.QTimer)

    class UiLoader(_UiLoader):
        widgetClasses = customWidgets

    module.QUiLoader = UiLoader
    module.QFileDialog = _FileDialog
    return module


class _FileDialog(QtWidgets.QFileDialog):
    """Its static functions return the path alone, as PythonQt's do."""

    @staticmethod
    def getSaveFileName(*arguments):
        return QtWidgets.QFileDialog.getSaveFileName(*arguments)[0]


def giveManners(qtClass):
    """Turn the Qt properties of a class and its bases into Python properties, and give it connect/disconnect."""
    for base in qtClass.__mro__:
        if base in _prepared or not (isinstance(base, type) and issubclass(base, QtCore.QObject)):
            continue
        _prepared.add(base)
        if base is QtCore.QObject:
            base.className, base.name = _className, _property("objectName")
        base.__getattribute__ = _withOwnConnect(base.__getattribute__)
        meta = base.staticMetaObject
        for index in range(meta.propertyOffset(), meta.propertyCount()):
            name = meta.property(index).name()
            if not isinstance(base.__dict__.get(name), (property, QtCore.Property)):
                made = _property(name, base.__dict__.get(name))
                if isinstance(base.__dict__.get(name), staticmethod):
                    made.ofClass = getattr(base, name)
                setattr(base, name, made)


def _withOwnConnect(getAttribute):
    """Return an attribute look-up that finds our connect: PySide6 finds its own before a class's attribute."""

    def find(self, name):
        if name in ("connect", "disconnect"):
            return types.MethodType(_connect if name == "connect" else _disconnect, self)
        return getAttribute(self, name)

    return find


class _Property(property):
    """A property of the objects; the class has under its name its static function, as QTimer singleShot."""

    ofClass = None

    def __get__(self, instance, owner=None):
        return self.ofClass if instance is None and self.ofClass is not None else super().__get__(instance, owner)


_being_read = set()


def _property(name, method=None):
    """Return a Qt property as a Python property; `method`: what PySide6 has under the name, where it has something.

    For a widget class written in Python, Qt asks for a method of this name each time it wants to know a virtual
    property such as sizeHint, and would come here again without end: while the property is read, it gets the method.
    """

    def read(self):
        if method is None:
            return self.property(name)
        key = (id(self), name)
        if key in _being_read:
            return method.__get__(self)
        _being_read.add(key)
        try:
            return self.property(name)
        finally:
            _being_read.discard(key)

    def write(self, value):
        if not self.setProperty(name, value):
            raise TypeError(f"{type(self).__name__}.{name} cannot be set to {value!r}")

    return _Property(read, write)


def _className(self):
    return type(self).__name__


def _signal(sender, signature):
    name = signature.split("(")[0]
    normalized = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
    known = sender.metaObject().indexOfSignal(normalized) >= 0
    if not known and normalized not in getattr(sender, "slicerSignals", ()):
        raise RuntimeError(f"{type(sender).__name__} has no signal '{signature}'")
    return getattr(sender, name)


def _connect(self, signature, receiver, slot=None):
    _signal(self, signature).connect(receiver if slot is None else getattr(receiver, slot.split("(")[0]))
    return True


def _disconnect(self, signature, receiver, slot=None):
    _signal(self, signature).disconnect(receiver if slot is None else getattr(receiver, slot.split("(")[0]))
    return True


class _UiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file with the custom widgets; a property or signal these do not have is an error."""

    widgetClasses: dict = {}

    def createWidget(self, className, parent=None, name=""):
        if className in self.widgetClasses:
            widget = self.widgetClasses[className](parent)
            widget.setObjectName(name)
            return widget
        if className not in self.availableWidgets():
            raise RuntimeError(f"{className} is not in the stand-in for Slicer (Testing/Host/README.md)")
        return super().createWidget(className, parent, name)

    def load(self, device, parent=None):
        """Return the widget of a .ui file; its connections are made here, as Qt cannot see the Python signals."""
        tree = ElementTree.fromstring(bytes(device.readAll()))
        connections = tree.find("connections")
        wires = list(connections) if connections is not None else []
        if wires:
            tree.remove(connections)
        self._checkProperties(tree)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.ReadOnly)
        widget = super().load(buffer, parent)
        for wire in wires:
            sender, signal, receiver, slot = (wire.findtext(t) for t in ("sender", "signal", "receiver", "slot"))
            _connect(_named(widget, sender), signal, _named(widget, receiver), slot)
        return widget

    def _checkProperties(self, tree):
        for element in tree.iter("widget"):
            widgetClass = self.widgetClasses.get(element.get("class"))
            if widgetClass is None:
                continue
            for entry in element.findall("property"):
                known = isinstance(getattr(widgetClass, entry.get("name"), None), property | QtCore.Property)
                if not known and entry.get("stdset") != "0":
                    raise RuntimeError(f"{element.get('class')} has no property '{entry.get('name')}'")


def _named(widget, name):
    if widget.objectName == name:
        return widget
    child = widget.findChild(QtCore.QObject, name)
    if child is None:
        raise RuntimeError(f"the .ui file connects '{name}', which it does not contain")
    return child
