"""Nodes that only a display needs: no list shows them, no file keeps them."""

import slicer


def addHiddenNode(className, name):
    """Add a node that no list shows and no file keeps, and return it."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return slicer.mrmlScene.AddNode(node)
