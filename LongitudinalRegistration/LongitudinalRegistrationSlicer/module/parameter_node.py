"""The settings that the panel shows, kept in the scene."""

import typing
from typing import Annotated

from slicer import vtkMRMLLabelMapVolumeNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from LongitudinalRegistrationSlicer.process.request import EFFORTS, METHODS

LabelsNode = typing.Union[vtkMRMLLabelMapVolumeNode, vtkMRMLSegmentationNode, None]  # noqa: UP007


@parameterNodeWrapper
class LongitudinalRegistrationParameterNode:
    """Scans, labels and options; `matches` is which label is which (see vertebrae.label_matching), empty: by name."""

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    fixedLabels: LabelsNode
    movingLabels: LabelsNode
    matches: str = ""
    method: Annotated[str, Choice(list(METHODS))] = "Auto"
    tableRemoval: bool = True
    refinement: bool = True
    effort: Annotated[str, Choice(list(EFFORTS))] = "Fast"
    budgetSeconds: Annotated[float, WithinRange(0.1, 120)] = 20.0
