"""`slicer.app.layoutManager()`: layouts, and the slice views that they hold, made offscreen."""

import types
import xml.etree.ElementTree as ElementTree

import slicer

from .named import Named
from .views import makeSliceView, makeThreeDView

VIEW_PX, DESKTOP_PX = 256, 1920


class LayoutManager(Named):
    """The slice views there are. Views of the layout that is set are made when they are asked for, and stay."""

    place = "slicer.app.layoutManager()"

    def __init__(self, core):
        self._core = core

    def sliceViewNames(self):
        """Return the names of the views in the layout that is set; of all views where none of ours is."""
        named = self._inLayout()
        made = tuple(view.get_singleton_tag() for view in self._core.view_manager.get_slice_views())
        return tuple(name for name in made if name in named) or made

    def sliceWidget(self, name):
        """Return the widget of a slice view, or None: sliceLogic, sliceView, mrmlSliceNode."""
        self._makeMissing()
        return self._madeSliceWidget(name)

    def _madeSliceWidget(self, name):
        for view in self._core.view_manager.get_slice_views():
            if view.get_singleton_tag() == name:
                return SliceWidget(view)
        return None

    def viewport(self):
        """Return what has a desktop's width: no window holds the views."""
        return types.SimpleNamespace(width=DESKTOP_PX)

    def layoutLogic(self):
        """Return what has GetLayoutNode."""
        return types.SimpleNamespace(GetLayoutNode=self._layoutNode)

    def setLayout(self, number):
        """Set a layout."""
        self._layoutNode().SetViewArrangement(number)

    def _makeMissing(self):
        host = types.SimpleNamespace(core=self._core)
        for name in self._inLayout("vtkMRMLViewNode"):
            if not any(widget.name == name for widget in self._threeDWidgets()):
                makeThreeDView(host, name).render_window().SetSize(VIEW_PX, VIEW_PX)
        for name, orientation in self._inLayout().items():
            if self._madeSliceWidget(name) is None:
                view = makeSliceView(host, name, orientation)
                view.render_window().SetSize(VIEW_PX, VIEW_PX)
                view.get_view_node().SetDimensions(VIEW_PX, VIEW_PX, 1)

    @property
    def threeDViewCount(self):
        self._makeMissing()
        return len(self._threeDWidgets())

    def threeDWidget(self, index):
        return self._threeDWidgets()[index]

    def _threeDWidgets(self):
        return [ThreeDWidget(view) for view in self._core.view_manager.get_threed_views()]

    def mrmlSliceLogics(self):
        return self._core.app_logic.GetSliceLogics()

    def resetSliceViews(self):
        for view in self._core.view_manager.get_slice_views():
            view.fit_view_to_content()

    def _layoutNode(self):
        node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        return node or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode")

    def _inLayout(self, viewClass="vtkMRMLSliceNode"):
        """Return the orientations of the views of a class in the current layout, by name."""
        node = self._layoutNode()
        known = node.IsLayoutDescription(node.GetViewArrangement())
        description = node.GetLayoutDescription(node.GetViewArrangement()) if known else ""
        views = ElementTree.fromstring(description or "<layout/>").iter("view")
        return {
            view.get("singletontag"): view.findtext("property[@name='orientation']")
            for view in views
            if view.get("class") == viewClass
        }


class SliceWidget(Named):
    """qMRMLSliceWidget."""

    place = "qMRMLSliceWidget"

    def __init__(self, view):
        self._view = view

    def sliceLogic(self):
        return self._view._logic

    def mrmlSliceNode(self):
        return self._view.get_view_node()

    def sliceController(self):
        """Return what has the slider of the offset, which nobody sees."""
        return types.SimpleNamespace(sliceOffsetSlider=lambda: types.SimpleNamespace(setVisible=lambda on: None))

    def sliceView(self):
        return types.SimpleNamespace(
            renderWindow=self._view.render_window,
            scheduleRender=self._view.schedule_render,
            forceRender=self._view.render,
        )


class ThreeDWidget(Named):
    """qMRMLThreeDWidget."""

    place = "qMRMLThreeDWidget"
    sides = ("Left", "Right", "Posterior", "Anterior", "Inferior", "Superior")

    def __init__(self, view):
        self._view, self.name = view, view.get_singleton_tag()

    def mrmlViewNode(self):
        return self._view.get_view_node()

    def threeDView(self):
        return types.SimpleNamespace(
            rotateToViewAxis=self._rotateToViewAxis,
            resetFocalPoint=self._view.reset_focal_point,
            resetCamera=self._view.reset_camera,
        )

    def _rotateToViewAxis(self, axis):
        self._view.get_camera_node().RotateTo(getattr(slicer.vtkMRMLCameraNode, self.sides[axis]))
