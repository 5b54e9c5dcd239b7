"""qMRMLSliceWidget and qMRMLThreeDWidget as real Qt widgets: a controller bar above a view that gets its size from Qt.

A view has no size before its layout was activated, which happens when events are processed; each resize then goes to
the slice logic, as qMRMLSliceWidget sends it on. Sizes are those of Slicer's sources (qMRMLViewControllerBar,
qMRMLSliceControllerWidget, ctkVTKAbstractView).
"""

import slicer
import vtk
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import QSize, Qt, Signal, Slot

from .corner_annotation import CornerAnnotation
from .views import renderArray
from .widgets import ctkSliderWidget

CONTROLLER_PX = 335
"""The least width of a slice view's controller, measured in Slicer 5.10 on Linux."""
BAR_SPACING, BAR_END = 2, 5
OFFSET_RANGE_MM = 999.99


class ViewArea(QtWidgets.QWidget):
    """ctkVTKAbstractView: 50 x 50 pixels at least, 300 x 300 wanted; `view` is trame-slicer's view behind it."""

    def __init__(self, view, parent):
        super().__init__(parent)
        self.view = view
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def minimumSizeHint(self):
        return QSize(50, 50)

    def sizeHint(self):
        return QSize(300, 300)

    def resizeEvent(self, event):
        self.view.render_window().SetSize(event.size().width(), event.size().height())

    def paintEvent(self, event):
        if not self.window().isPictured:
            return
        pixels = renderArray(self.view)
        height, width, _ = pixels.shape
        image = QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888)
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, image)
        painter.end()

    def renderWindow(self):
        return self.view.render_window()

    def scheduleRender(self):
        self.view.schedule_render()
        self.update()

    def forceRender(self):
        self.view.render()


class SliceViewArea(ViewArea):
    """qMRMLSliceView."""

    def __init__(self, view, parent):
        super().__init__(view, parent)
        self._annotation = CornerAnnotation(view)

    def resizeEvent(self, event):
        super().resizeEvent(event)
        self.view._logic.ResizeSliceNode(event.size().width(), event.size().height())

    def cornerAnnotation(self):
        return self._annotation.actor

    def close(self):
        self._annotation.remove()


class ThreeDViewArea(ViewArea):
    """qMRMLThreeDView."""

    sides = ("Left", "Right", "Posterior", "Anterior", "Inferior", "Superior")

    def rotateToViewAxis(self, axis):
        camera = self.view.get_camera_node()
        if camera is not None:
            camera.RotateTo(getattr(slicer.vtkMRMLCameraNode, self.sides[axis]))

    def resetFocalPoint(self):
        self.view.reset_focal_point()

    def resetCamera(self):
        self.view.reset_camera()


class ControllerBar(QtWidgets.QWidget):
    """qMRMLViewControllerBar: pin button, label, maximise button."""

    def __init__(self, parent):
        super().__init__(parent)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setSpacing(2)
        outer.setContentsMargins(0, 0, 0, 0)
        self._bar = QtWidgets.QWidget(self)
        self._bar.setAutoFillBackground(True)
        self._layout = QtWidgets.QHBoxLayout(self._bar)
        self._layout.setSpacing(BAR_SPACING)
        left, _top, right, _bottom = self._layout.getContentsMargins()
        self._layout.setContentsMargins(left, 0, right, 0)
        self._pin, self._maximize = (self._button(text) for text in ("+", "\u25a1"))
        self._label = QtWidgets.QLabel(self._bar)
        self._label.setAlignment(Qt.AlignCenter)
        self._label.setStyleSheet("color: black; background-color: transparent;")
        self._label.setMinimumWidth(self._label.fontMetrics().horizontalAdvance("XX"))
        for widget in (self._pin, self._label, self._maximize):
            self._layout.addWidget(widget)
        self._layout.addSpacing(BAR_END)
        outer.addWidget(self._bar)

    def _button(self, text):
        button = QtWidgets.QToolButton(self)
        button.setAutoRaise(True)
        button.setText(text)
        return button

    def barWidget(self):
        return self._bar

    def barLayout(self):
        return self._layout

    def pinButton(self):
        return self._pin

    def viewLabel(self):
        return self._label

    def maximizeViewButton(self):
        return self._maximize

    def showNode(self, node):
        """Show a view node's label and colour."""
        self._label.setText(node.GetLayoutLabel() or "")
        colour = QtGui.QColor.fromRgbF(*node.GetLayoutColor())
        palette = self._bar.property("palette")
        palette.setColor(QtGui.QPalette.Window, colour)
        self._bar.setPalette(palette)


class SliceController(ControllerBar):
    """qMRMLSliceControllerWidget: with the button that fits, and the slider of the offset.

    The slider's values go to the slice by queued calls: a new view's first one, 0, arrives when events are processed.
    """

    _offsetChanged = Signal(float)

    def __init__(self, view, parent):
        super().__init__(parent)
        self._view = view
        self._offsetChanged.connect(self.setSliceOffsetValue, Qt.QueuedConnection)
        self._offsetChanged.emit(0.0)
        self._fit = self._button("\u2922")
        self._fit.clicked.connect(lambda _on=False: self.fitSliceToBackground())
        self._layout.insertWidget(2, self._fit)
        self._slider = ctkSliderWidget(self)
        self._slider.decimals, self._slider.suffix = 4, "mm"
        self._slider.minimum, self._slider.maximum = -OFFSET_RANGE_MM, OFFSET_RANGE_MM
        self._slider._box.setFrame(False)
        self._slider._box.setButtonSymbols(QtWidgets.QAbstractSpinBox.NoButtons)
        self._slider.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self._layout.addWidget(self._slider)
        missing = CONTROLLER_PX - self.property("minimumSizeHint").width()
        self._slider.setMinimumWidth(self._slider.property("sizeHint").width() + max(missing, 0))

    @Slot(float)
    def setSliceOffsetValue(self, offset):
        """Move the slice, mm."""
        self._view._logic.SetSliceOffset(offset)

    def fitToWindowToolButton(self):
        return self._fit

    def sliceOffsetSlider(self):
        return self._slider

    def sliceLogic(self):
        return self._view._logic

    def mrmlSliceNode(self):
        return self._view.get_view_node()

    def fitSliceToBackground(self):
        self._view._logic.FitSliceToBackground()
        self._view._logic.SnapSliceOffsetToIJK()


class ViewWidget(QtWidgets.QWidget):
    """What a layout places: a controller above a view, both in a column without margins."""

    def _stack(self, controller, area):
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(controller)
        column.addWidget(area, 1)

    def viewNode(self):
        return self.view.get_view_node()


class SliceViewWidget(ViewWidget):
    """qMRMLSliceWidget."""

    def __init__(self, view, parent):
        super().__init__(parent)
        self.view, self.name = view, view.get_singleton_tag()
        before = self.mrmlSliceNode()
        self._sizeBefore = view.render_window().GetSize(), before.GetDimensions(), before.GetFieldOfView()
        self._controller, self._area = SliceController(view, self), SliceViewArea(view, self)
        self._stack(self._controller, self._area)
        node = self.mrmlSliceNode()
        self._observation = node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._showNode())
        self._showNode()

    def sliceLogic(self):
        return self.view._logic

    def mrmlSliceNode(self):
        return self.view.get_view_node()

    def sliceView(self):
        return self._area

    def sliceController(self):
        return self._controller

    def followScene(self):
        """Take the view's size into its node, as after each batch of changes to the scene."""
        size = self._area.property("size")
        self.sliceLogic().ResizeSliceNode(size.width(), size.height())

    def release(self):
        """Leave the view as it was without a window."""
        node, tag = self._observation
        node.RemoveObserver(tag)
        self._area.close()
        size, dimensions, fieldOfView = self._sizeBefore
        self.view.render_window().SetSize(*size)
        self.mrmlSliceNode().SetDimensions(*dimensions)
        self.mrmlSliceNode().SetFieldOfView(*fieldOfView)

    def _showNode(self):
        self._controller.showNode(self.mrmlSliceNode())


class ThreeDViewWidget(ViewWidget):
    """qMRMLThreeDWidget."""

    def __init__(self, view, parent):
        super().__init__(parent)
        self.view, self.name = view, view.get_singleton_tag()
        self._sizeBefore = view.render_window().GetSize()
        self._controller, self._area = ControllerBar(self), ThreeDViewArea(view, self)
        self._stack(self._controller, self._area)
        self._controller.showNode(self.mrmlViewNode())

    def mrmlViewNode(self):
        return self.view.get_view_node()

    def threeDView(self):
        return self._area

    def threeDController(self):
        return self._controller

    def release(self):
        """Leave the view as it was without a window."""
        self.view.render_window().SetSize(*self._sizeBefore)


class OtherViewWidget(QtWidgets.QFrame):
    """A view of another kind (plot, table): its place in the layout, empty."""

    def __init__(self, name, parent):
        super().__init__(parent)
        self.name = name
        self.setMinimumSize(50, 50)

    def release(self):
        """Nothing was lent to it."""
