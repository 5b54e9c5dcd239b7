"""The settings that the panel shows, kept in the scene."""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

from TableRemovalSlicer.parameters import METHODS


@parameterNodeWrapper
class TableRemovalParameterNode:
    """Settings of the whole scan; `seedColumn` and `seedRow` are pixels, `threshold` is T_G in [0, 1].

    The overrides of single slices are kept with the volume: see TableRemovalSlicer.scan_memory.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    method: Annotated[str, Choice(list(METHODS))] = "Robust"
    automaticThreshold: bool = True
    threshold: Annotated[float, WithinRange(0.001, 1.0), Default(0.13)]
    automaticSeed: bool = True
    seedColumn: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedRow: Annotated[int, WithinRange(0, 100000), Default(256)]
    seedSize: Annotated[int, WithinRange(1, 1000), Default(50)]
    fillHu: Annotated[float, WithinRange(-32768, 32767), Default(-1024.0)]
    softEdge: Annotated[float, WithinRange(0, 50), Default(0.0)]
    crop: bool = False
    cropMargin: Annotated[float, WithinRange(0, 500), Default(10.0)]
