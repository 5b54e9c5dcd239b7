"""Slice views of the stand-in: made offscreen, placed in mm, rendered to arrays."""

import contextlib
import dataclasses
import os
import sys
import unittest.mock

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

AXIAL, SAGITTAL, CORONAL = "Axial", "Sagittal", "Coronal"


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a slice view shows: the point in its middle (RAS, mm), and its width and height in mm and pixels."""

    centre_ras: tuple
    width_mm: float
    height_mm: float
    width_px: int
    height_px: int


def makeSliceView(host, name, orientation):
    """Return trame-slicer's slice view of that name (made on first use) in an orientation."""
    from trame_slicer.views import ViewLayoutDefinition, ViewProps
    from trame_slicer.views.view_layout_definition import ViewType

    with _quietStderr(), _unrendered():
        view = host.core.view_manager.create_view(
            ViewLayoutDefinition(name, ViewType.SLICE_VIEW, ViewProps(orientation=orientation))
        )
    view.set_render_blocked(True)
    return view


def makeThreeDView(host, name):
    """Return trame-slicer's 3-D view of that name (made on first use)."""
    from trame_slicer.views import ViewLayoutDefinition, ViewProps
    from trame_slicer.views.view_layout_definition import ViewType

    with _quietStderr(), _unrendered():
        view = host.core.view_manager.create_view(ViewLayoutDefinition(name, ViewType.THREE_D_VIEW, ViewProps()))
    view.set_render_blocked(True)
    return view


def place(view, frame):
    """Centre the view's slice on the frame's point with the frame's size."""
    view.render_window().SetSize(frame.width_px, frame.height_px)
    node = view.get_view_node()
    node.SetDimensions(frame.width_px, frame.height_px, 1)
    node.SetFieldOfView(frame.width_mm, frame.height_mm, 1.0)
    node.JumpSliceByCentering(*frame.centre_ras)


def renderArray(view):
    """Return the view's picture as a uint8 array [row, column, 3], first row on top."""
    if view.get_view_node().IsA("vtkMRMLSliceNode"):
        view.render_window().SetSize(*view.get_view_node().GetDimensions()[:2])
    view.render_window().Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(view.render_window())
    grabber.ReadFrontBufferOff()
    grabber.ShouldRerenderOff()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    return np.ascontiguousarray(pixels[::-1, :, :3])


@contextlib.contextmanager
def _unrendered():
    """Keep trame-slicer's views from drawing themselves at every step of their making."""
    from trame_slicer.views import AbstractView

    with unittest.mock.patch.object(AbstractView, "render", lambda view: None):
        yield


@contextlib.contextmanager
def _quietStderr():
    """Drop what a graphics driver writes to file descriptor 2 while it looks for a display."""
    sys.stderr.flush()
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
