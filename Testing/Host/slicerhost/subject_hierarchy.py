"""The subject hierarchy as the application keeps it, and its complaints.

Every data node that lists show becomes an item when it is added; a hidden one does not
(qSlicerSubjectHierarchyPluginLogic::onNodeAdded). A segmentation node is observed whether hidden or not
(qSlicerSegmentationsModule::onNodeAdded), and each change of its segments or its display is an error in the log as
long as it has no item (qSlicerSubjectHierarchySegmentationsPlugin).
"""

import slicer
import vtk

DATA_CLASSES = (
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTransformNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLModelNode",
    "vtkMRMLTableNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLTextNode",
)
"""Classes for which one of Slicer's plugins makes an item."""
NOT_FOUND = "Unable to find subject hierarchy item for segmentation node  {name}  so per-segment subject hierarchy node"
COMPLAINTS = {
    "SegmentAdded": "Failed to access subject hierarchy item for segmentation node  {name}",
    "SegmentRemoved": "Subject hierarchy item cannot be found for segmentation node  {name}",
    "SegmentModified": NOT_FOUND + " cannot be created",
    "DisplayModifiedEvent": NOT_FOUND + " cannot be created",
}


class SubjectHierarchy:
    """Follows a scene from now on; `errorLog` gets the complaints."""

    def __init__(self, scene, errorLog):
        self._scene, self._errorLog = scene, errorLog
        scene.AddObserver(scene.NodeAddedEvent, self._onNodeAdded)
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)
        scene.AddObserver(scene.EndImportEvent, lambda caller, event: self._addMissing())
        scene.AddObserver(scene.EndCloseEvent, lambda caller, event: self._hierarchy())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node):
        if node.IsA("vtkMRMLSegmentationNode"):
            self._observe(node)
        if not self._scene.IsImporting():
            self._addItem(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node):
        """Take the node's item away, as qSlicerSubjectHierarchyPluginLogic does."""
        if self._scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        item = self._hierarchy().GetItemByDataNode(node)
        if item:
            self._hierarchy().RemoveItem(item, False, False)

    def _addMissing(self):
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        nodes = self._scene.GetNodes()
        for node in [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]:
            self._addItem(node)

    def _addItem(self, node):
        wanted = not node.GetHideFromEditors() and any(node.IsA(name) for name in DATA_CLASSES)
        if wanted and not self._hierarchy().GetItemByDataNode(node):
            self._hierarchy().CreateItem(self._hierarchy().GetSceneItemID(), node)

    def _hierarchy(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    def _observe(self, node):
        for name, complaint in COMPLAINTS.items():
            owner = slicer.vtkMRMLSegmentationNode if name.endswith("Event") else slicer.vtkSegmentation
            node.AddObserver(getattr(owner, name), lambda caller, event, text=complaint: self._check(caller, text))

    def _check(self, node, complaint):
        if not self._scene.IsImporting() and not self._hierarchy().GetItemByDataNode(node):
            self._errorLog.add(complaint.format(name=node.GetName()))
