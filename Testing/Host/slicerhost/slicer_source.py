"""Slicer's own Python files in place of the stand-in's, from a checkout that SLICER_SOURCE names.

`slicer.util`, `slicer.i18n`, `slicer.ScriptedLoadableModule`, `slicer.parameterNodeWrapper` and `slicer.packaging` are
then Slicer's. They run as they are; widget classes that they only mention are here as names that cannot be made.
"""

import importlib.util
import os
import sys
from pathlib import Path

import slicer
from PySide6.QtWidgets import QWidget

VARIABLE = "SLICER_SOURCE"
FOLDER = Path("Base", "Python", "slicer")
BEFORE_WIDGETS = ("i18n", "util")
AFTER_WIDGETS = ("ScriptedLoadableModule", "parameterNodeWrapper", "packaging")
MENTIONED_CTK = (
    "ctkCheckBox",
    "ctkCheckablePushButton",
    "ctkColorPickerButton",
    "ctkComboBox",
    "ctkDirectoryButton",
    "ctkDoubleRangeSlider",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "ctkPathLineEdit",
    "ctkRangeWidget",
)
MENTIONED_QMRML = ("qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox")


def sourceFolder():
    """Return the folder of Slicer's Python files, or None where none is named. Raises FileNotFoundError."""
    checkout = os.environ.get(VARIABLE)
    if not checkout:
        return None
    folder = Path(checkout) / FOLDER
    if not (folder / "ScriptedLoadableModule.py").is_file():
        raise FileNotFoundError(f"{VARIABLE}={checkout} is no checkout of Slicer: it has no {FOLDER}")
    return folder


def load(names):
    """Load Slicer's files of these names as parts of the package `slicer`."""
    for name in names:
        _load(sourceFolder(), name)


def mentionWidgets(ctkModule):
    """Give `ctk` and `slicer` the names of widget classes that Slicer's files compare with."""
    for owner, names in ((ctkModule, MENTIONED_CTK), (slicer, MENTIONED_QMRML)):
        for name in names:
            if name not in vars(owner):
                setattr(owner, name, _mentioned(name))


def _mentioned(name):
    def refuse(self, *arguments):
        raise RuntimeError(f"{name} is not in the stand-in for Slicer (Testing/Host/README.md)")

    return type(name, (QWidget,), {"__init__": refuse})


def _load(folder, name):
    path = folder / name / "__init__.py"
    where = [str(path.parent)] if path.is_file() else None
    path = path if where else folder / f"{name}.py"
    full = f"slicer.{name}"
    spec = importlib.util.spec_from_file_location(full, path, submodule_search_locations=where)
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    setattr(slicer, name, module)
    spec.loader.exec_module(module)
