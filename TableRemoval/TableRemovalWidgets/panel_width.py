"""How narrow a module's panel may be."""

import qt


def letShrink(panel):
    """Let a module's panel be narrower than it likes to be: Slicer's module panel forbids it, each time before it
    enters the module."""
    panel.setSizePolicy(qt.QSizePolicy.Preferred, panel.sizePolicy.verticalPolicy())
    panel.updateGeometry()
