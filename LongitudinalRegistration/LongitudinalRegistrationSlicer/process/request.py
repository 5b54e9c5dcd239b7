"""What to register, and whether that makes sense; imports nothing that takes time."""

import dataclasses
import typing

from LongitudinalRegistrationLib.methods.registry import AUTO
from LongitudinalRegistrationLib.methods.registry import METHODS as REGISTRY
from slicer.i18n import tr as _
from TableRemovalSlicer.checks import transformProblem

from LongitudinalRegistrationSlicer.results.nodes import (
    MATCHES_ATTRIBUTE,
    fixedOf,
    isResult,
    labelsOf,
    methodOf,
    movingOf,
)

METHODS = {"Auto": AUTO, **{entry.title: name for name, entry in REGISTRY.items()}}
FORMER_METHODS = {"VoxelMorph": "Cost-volume network"}
"""Methods that saved scenes may name, and what they are called now."""
EFFORTS = {"Fast": "fast", "Thorough": "thorough"}


@dataclasses.dataclass(frozen=True)
class RegistrationRequest:
    """What to register: volume nodes, label map or segmentation nodes (or None), and the options.

    method: a key of METHODS; effort: a key of EFFORTS; budgetSeconds: no refinement step is begun after it; matches:
    which label is which in both scans (see label_matching), empty: by name.
    """

    fixed: typing.Any
    moving: typing.Any
    fixedLabels: typing.Any = None
    movingLabels: typing.Any = None
    method: str = "Auto"
    tableRemoval: bool = True
    refinement: bool = True
    effort: str = "Fast"
    budgetSeconds: float = 20.0
    matches: str = ""

    def __post_init__(self):
        object.__setattr__(self, "method", FORMER_METHODS.get(self.method, self.method))

    def isValid(self):
        """Return (ok, reason); the reason is one sentence that says what to do."""
        for reason in (self._selectionProblem(), self._transformProblem()):
            if reason:
                return False, reason
        return True, ""

    def forFollowUp(self, volume, labels=None):
        """Return the request for another follow-up of the same baseline."""
        return dataclasses.replace(self, moving=volume, movingLabels=labels, matches="")

    def again(self, result, method=None, effort=None):
        """Return the request for a result's own pair, with another method (a key of METHODS) or effort of EFFORTS."""
        fixedLabels, movingLabels = labelsOf(result)
        own = next(name for name, value in METHODS.items() if value == methodOf(result))
        return dataclasses.replace(
            self,
            fixed=fixedOf(result),
            moving=movingOf(result),
            fixedLabels=fixedLabels,
            movingLabels=movingLabels,
            matches=result.GetAttribute(MATCHES_ATTRIBUTE) or "",
            method=method or own,
            refinement=self.refinement or effort is not None,
            effort=effort or self.effort,
        )

    def nodes(self):
        """Return the scene's nodes that take part."""
        return [n for n in (self.fixed, self.moving, self.fixedLabels, self.movingLabels) if n is not None]

    def _selectionProblem(self):
        if self.fixed is None or self.fixed.GetImageData() is None:
            return _("Select the baseline scan.")
        if self.moving is None or self.moving.GetImageData() is None:
            return _("Select the follow-up scan.")
        if self.fixed is self.moving:
            return _("Baseline and follow-up are the same volume: select two scans.")
        if self.method not in METHODS:
            return _("Choose a method: {methods}.").format(methods=", ".join(METHODS))
        return ""

    def _transformProblem(self):
        for node, scan in (
            (self.fixed, None),
            (self.moving, self.moving),
            (self.fixedLabels, None),
            (self.movingLabels, self.moving),
        ):
            parent = node.GetParentTransformNode() if node is not None else None
            if parent is None or (isResult(parent) and scan is not None and scan.GetParentTransformNode() is parent):
                continue
            if isResult(parent):
                text = _("'{name}' is shown registered by '{transform}': switch that transform off, or remove it.")
                if scan is not None:
                    text = _("'{name}' is under '{transform}' and its scan is not: place both under it, or neither.")
                return text.format(name=node.GetName(), transform=parent.GetName())
            return transformProblem(node)
        return ""
