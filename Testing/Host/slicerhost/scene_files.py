"""A scene written to files and read again, as the application's dialogs do it.

Slicer tells nobody that it is going to write a scene: qSlicerSaveDataDialog writes the data of the nodes, then
qSlicerSceneWriter sets URL and root directory, which fires nothing, and vtkMRMLScene::Commit asks each node for its
XML. StartSaveEvent and EndSaveEvent are declared in vtkMRMLScene.h; no code fires them.
"""

import slicer


def saveScene(path):
    """Write the scene (a .mrml file; a Path) and the data of its nodes beside it; return what was written."""
    scene = slicer.mrmlScene
    scene.SetRootDirectory(str(path.parent))
    _writeData(path.parent)
    scene.SetURL(str(path))
    if not scene.Commit():
        raise RuntimeError(f"{path} could not be written")
    return path.read_text()


def loadScene(path):
    """Close the scene and read the one of a .mrml file (a Path), as Slicer's "load scene" does."""
    scene = slicer.mrmlScene
    scene.SetURL(str(path))
    if not scene.Connect():
        raise RuntimeError(f"{path} could not be read")


def addScene(path):
    """Read the scene of a .mrml file (a Path) into the one that is there, as Slicer's "add data" does."""
    scene = slicer.mrmlScene
    scene.SetURL(str(path))
    if not scene.Import():
        raise RuntimeError(f"{path} could not be read")


def _writeData(folder):
    nodes = slicer.mrmlScene.GetNodes()
    for node in [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]:
        if not node.IsA("vtkMRMLStorableNode") or not node.GetSaveWithScene():
            continue
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        if storage is None:
            continue
        storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        if not storage.WriteData(node):
            raise RuntimeError(f"the data of {node.GetName()} could not be written")
