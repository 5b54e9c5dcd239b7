"""Nodes that only a display needs: no list shows them, no file keeps them."""

import contextlib

import slicer


def addHiddenNode(className, name):
    """Add a node that no list shows and no file keeps, and return it."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return slicer.mrmlScene.AddNode(node)


def addHiddenPoints(name):
    """Add a hidden node of control points; Slicer's place tool, which is given each new one, keeps the one it had.

    It must not be left with a node that is removed later: Slicer's markups would warn of the next one.
    """
    with placeToolKept():
        return addHiddenNode("vtkMRMLMarkupsFiducialNode", name)


@contextlib.contextmanager
def placeToolKept():
    """Leave the place tool with the kind of node, and the node, that it had before."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    className, nodeID = selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()
    try:
        yield
    finally:
        if className and className != selection.GetActivePlaceNodeClassName():
            selection.SetReferenceActivePlaceNodeClassName(className)
        selection.SetReferenceActivePlaceNodeID(nodeID)


def removeNode(node):
    """Remove a node, or None, from the scene where it is still there."""
    if node is not None and node.GetScene() is not None:
        slicer.mrmlScene.RemoveNode(node)


def removeWithDisplays(node):
    """Remove a displayable node, or None, and its display nodes from the scene where they are still there."""
    if node is None or node.GetScene() is None:
        return
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    for each in (node, *displays):
        removeNode(each)
