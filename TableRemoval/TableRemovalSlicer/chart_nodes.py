"""Table and chart nodes that belong to another node of the scene."""

import urllib.parse

import slicer

IN_CELLS = str.maketrans({character: f"%{ord(character):02X}" for character in '%"\\\t\n\r'})


def referencedNode(owner, role, className, name):
    """Return the node that `owner` refers to under a role; it is added to the scene at the first call."""
    node = owner.GetNodeReference(role)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(className, name)
        owner.SetNodeReferenceID(role, node.GetID())
    return node


def setColumns(tableNode, columns):
    """Replace a table node's columns, as one change; each is (empty VTK array, title, values)."""
    with slicer.util.NodeModify(tableNode):
        tableNode.RemoveAllColumns()
        for array, title, values in columns:
            array.SetName(title)
            for value in values:
                array.InsertNextValue(value)
            tableNode.AddColumn(array)


def cellText(text):
    """Return any text as a table node's file keeps it: quotation marks and the like are lost there; see textOfCell."""
    return text.translate(IN_CELLS)


def textOfCell(text):
    """Return what cellText was given."""
    return urllib.parse.unquote(text)
