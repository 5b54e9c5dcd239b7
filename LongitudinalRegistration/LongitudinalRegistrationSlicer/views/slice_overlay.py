"""A picture painted over one slice view's own image, anew at each render that shows something new.

Nothing goes into the scene: the layers' scalars are taken from where the view itself takes them, so that transforms,
zoom and scrolling are in them already. Arrays are in VTK's order, [y, x] with y upwards.
"""

import dataclasses
import functools
import typing

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LongitudinalRegistrationSlicer.views.compositing import grey, rgb
from LongitudinalRegistrationSlicer.views.legend import placedLegends
from LongitudinalRegistrationSlicer.views.overlay_actors import linesActor, pictureActor


@dataclasses.dataclass(frozen=True)
class Layer:
    """What one layer of a view shows: scalars [y, x] before window and level, where it has data (bool [y, x]), and its
    volume's window and level."""

    scalars: np.ndarray
    inside: np.ndarray
    window: float
    level: float

    @functools.cached_property
    def grey(self):
        """The layer through its window in grey, whatever its colour table, uint8 [y, x]; black where it has no data."""
        return np.where(self.inside, grey(self.scalars, self.window, self.level), np.uint8(0))


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a view shows now: its size in pixels, the 4 x 4 matrix from (x, y, 0, 1) in pixels to RAS in mm, and its
    layers, each a Layer or None."""

    viewName: str
    width: int
    height: int
    xyToRAS: np.ndarray
    background: typing.Any
    foreground: typing.Any

    @property
    def mmPerPixel(self):
        return float(np.linalg.norm(self.xyToRAS[:3, 0]))


@dataclasses.dataclass(frozen=True)
class Lines:
    """Line segments over a view: points [n, 2, 2] in pixels (x, y), one colour (r, g, b) or one each [n, 3], 0..1, and
    the width in pixels."""

    points: np.ndarray
    colour: typing.Any
    widthPx: float = 1.5


class SliceOverlay:
    """The overlay of one slice view.

    `painters` are called in order: painter(frame, picture) returns the picture to show, uint8 [y, x, 3]; the first
    gets the background layer in grey. `drawers` are called after them: drawer(frame) returns a list of Lines. One that
    has a method `legend` gives its legend.Legend, or None; legends lie over all else in the view.
    """

    def __init__(self, viewName):
        widget = slicer.app.layoutManager().sliceWidget(viewName)
        self.viewName = viewName
        self.painters, self.drawers = [], []
        self._view, self._logic = widget.sliceView(), widget.sliceLogic()
        self._window = self._view.renderWindow()
        self._renderer = self._window.GetRenderers().GetFirstRenderer()
        self._image, self._mapper, self._pixels = vtk.vtkImageData(), _imageMapper(), None
        self._mapper.SetInputData(self._image)
        self._lineActors, self._legendActors, self._taken = [], [], []
        self._enabled, self._revision, self._shown = False, 0, None
        self._observation = self._window.AddObserver(vtk.vtkCommand.StartEvent, self._onRender)

    def setEnabled(self, enabled):
        """Show the overlay, or the view's own image again."""
        if enabled == self._enabled:
            return
        self._enabled = enabled
        if enabled:
            self.refresh()
        else:
            self._takeAway()
            self._view.scheduleRender()

    def refresh(self):
        """Paint anew at the next render, and ask for it: to be called when a painter's settings have changed."""
        self._revision += 1
        self._view.scheduleRender()

    def remove(self):
        """Leave the view as it was."""
        self.setEnabled(False)
        if self._observation is not None:
            self._window.RemoveObserver(self._observation)
            self._observation = None

    def _takeAway(self):
        self._setActors([], [])
        for actor, mapper in self._taken:
            actor.SetMapper(mapper)
        self._taken, self._shown = [], None

    def _onRender(self, caller, event):
        if not self._enabled:
            return
        node = self._logic.GetSliceNode()
        if node is None or node.GetScene() is None:
            self._takeAway()
            self._enabled = False
            return
        self._takeOwnImage()
        state = self._state(node)
        if state != self._shown:
            self._shown = state
            self._paint(self._frame(node))
        self._bringLegendsForward()

    def _takeOwnImage(self):
        """Have the view's own image actor show the picture: whatever lies over its image lies over the picture too."""
        props = self._renderer.GetViewProps()
        for index in range(props.GetNumberOfItems()):
            actor = props.GetItemAsObject(index)
            if _showsImage(actor) and actor.GetMapper() is not self._mapper:
                self._taken.append((actor, actor.GetMapper()))
                actor.SetMapper(self._mapper)

    def _layers(self):
        return self._logic.GetBackgroundLayer(), self._logic.GetForegroundLayer()

    def _state(self, node):
        """Return what the picture depends on."""
        matrix = node.GetXYToRAS()
        elements = tuple(matrix.GetElement(row, column) for row in range(3) for column in range(4))
        return (self._revision, node.GetDimensions(), elements, *(_layerState(layer) for layer in self._layers()))

    def _frame(self, node):
        width, height = node.GetDimensions()[:2]
        background, foreground = (_readLayer(layer, width, height) for layer in self._layers())
        matrix = slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
        return Frame(self.viewName, width, height, matrix, background, foreground)

    def _paint(self, frame):
        picture = np.zeros((frame.height, frame.width, 3), np.uint8)
        if frame.background is not None:
            picture = rgb(frame.background.grey)
        for painter in self.painters:
            picture = painter(frame, picture)
        self._pixels = np.ascontiguousarray(picture)
        self._image.SetDimensions(frame.width, frame.height, 1)
        self._image.GetPointData().SetScalars(numpy_to_vtk(self._pixels.reshape(-1, 3)))
        self._image.Modified()
        lines = [lines for drawer in self.drawers for lines in drawer(frame) if len(lines.points)]
        legends = self._legends() if frame.background is not None else []
        self._setActors(lines, placedLegends(legends, frame.width, frame.height))

    def _legends(self):
        """Return the Legend of each painter and drawer that has one."""
        parts = [part for part in (*self.painters, *self.drawers) if hasattr(part, "legend")]
        return [legend for legend in (part.legend() for part in parts) if legend is not None]

    def _setActors(self, lines, legends):
        for actor in (*self._lineActors, *self._legendActors):
            self._renderer.RemoveViewProp(actor)
        self._lineActors = [linesActor(each) for each in lines]
        self._legendActors = [pictureActor(each.pixels, each.left, each.bottom) for each in legends]
        for actor in (*self._lineActors, *self._legendActors):
            self._renderer.AddViewProp(actor)

    def _bringLegendsForward(self):
        """Have the legends drawn last: outlines, names and marks that have come since would lie over them."""
        if not self._legendActors or self._renderer.GetViewProps().GetLastProp() is self._legendActors[-1]:
            return
        for actor in self._legendActors:
            self._renderer.RemoveViewProp(actor)
            self._renderer.AddViewProp(actor)


def _imageMapper():
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    return mapper


def _showsImage(actor):
    """Whether an actor is the view's own image; outlines of segments are images too, but in the foreground."""
    mapper = actor.GetMapper() if actor.IsA("vtkActor2D") else None
    if mapper is None or not mapper.IsA("vtkImageMapper"):
        return False
    return actor.GetProperty().GetDisplayLocation() == vtk.VTK_BACKGROUND_LOCATION


def _layerState(layer):
    volume = layer.GetVolumeNode() if layer is not None else None
    if volume is None or volume.GetImageData() is None or volume.GetDisplayNode() is None:
        return None
    reslice, display = layer.GetReslice(), volume.GetDisplayNode()
    reslice.Update()
    return volume.GetID(), reslice.GetOutput().GetMTime(), display.GetWindow(), display.GetLevel()


def _readLayer(layer, width, height):
    """Return a layer's Layer, or None where it has no volume, or has not been brought to the view's size yet."""
    if _layerState(layer) is None:
        return None
    display = layer.GetVolumeNode().GetDisplayNode()
    output = layer.GetReslice().GetOutput()
    if output.GetDimensions()[:2] != (width, height) or output.GetNumberOfScalarComponents() != 1:
        return None
    scalars = vtk_to_numpy(output.GetPointData().GetScalars()).reshape(-1, height, width)[0]
    return Layer(scalars, _inside(layer.GetReslice(), width, height), display.GetWindow(), display.GetLevel())


def _inside(reslice, width, height):
    """Return where the layer has data, bool [y, x]."""
    if not reslice.GetGenerateStencilOutput():
        return np.ones((height, width), bool)
    filled = vtk.vtkImageStencilToImage()
    filled.SetInputConnection(reslice.GetStencilOutputPort())
    filled.SetOutputScalarTypeToUnsignedChar()
    filled.SetInsideValue(1)
    filled.Update()
    return vtk_to_numpy(filled.GetOutput().GetPointData().GetScalars()).reshape(height, width) > 0
