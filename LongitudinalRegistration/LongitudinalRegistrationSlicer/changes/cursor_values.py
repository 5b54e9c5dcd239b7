"""What both scans say at one place: HU, displacement, local volume change, vertebra."""

import dataclasses
import typing

from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.displacement.description import shortDisplacement
from LongitudinalRegistrationSlicer.results.nodes import fixedOf, movingOf
from LongitudinalRegistrationSlicer.vertebrae.label_at import LabelFinder, voxelAt

NOTHING = "–"


@dataclasses.dataclass(frozen=True)
class CursorValues:
    """HU of the voxels in both scans (None: outside the scan); displacement (RAS, mm) without the affine part; Jacobian
    determinant of the whole transform (above 1: the follow-up is larger here); name of the vertebra, or ""."""

    baselineHu: typing.Any
    followUpHu: typing.Any
    displacement: tuple
    jacobian: float
    vertebra: str

    @property
    def changeHu(self):
        """Follow-up minus baseline in HU, None where one is unknown."""
        if self.baselineHu is None or self.followUpHu is None:
            return None
        return self.followUpHu - self.baselineHu

    def texts(self):
        """Return the values as short texts: vertebra (where there is one), HU and change, displacement, volume."""
        hu = _("HU {baseline} → {followUp}").format(baseline=_hu(self.baselineHu), followUp=_hu(self.followUpHu))
        if self.changeHu is not None:
            hu += f" ({_minus(f'{self.changeHu:+d}')})"
        moved = shortDisplacement(self.displacement)
        volume = _("volume {percent} %").format(percent=_minus(f"{100 * (self.jacobian - 1):+.0f}"))
        return [text for text in (self.vertebra, hu, moved, volume) if text]

    def line(self):
        """Return the values as one line."""
        return " · ".join(self.texts())


class CursorReader:
    """Reads the CursorValues of a result, a transform node, with its DisplacementSampler."""

    def __init__(self, result, sampler):
        self._result, self._sampler, self._labels = result, sampler, LabelFinder(result)

    def at(self, ras):
        """Return the CursorValues at a place of the baseline (RAS, mm)."""
        inFollowUp = self._result.GetTransformFromParent().TransformPoint(ras)
        return CursorValues(
            _whole(voxelAt(fixedOf(self._result), ras)),
            _whole(voxelAt(movingOf(self._result), inFollowUp)),
            tuple(self._sampler.displacementAt(ras)),
            float(self._sampler.jacobian([list(ras)], withAffine=True)[0]),
            self._labels.nameAt(ras),
        )


def _whole(value):
    return None if value is None else round(float(value))


def _hu(value):
    return NOTHING if value is None else _minus(str(value))


def _minus(text):
    return text.replace("-", "\N{MINUS SIGN}")
