"""Options of the change map and of its findings."""

from __future__ import annotations

from dataclasses import dataclass

BONE, EVERYWHERE = "bone", "everywhere"
REGIONS = (BONE, EVERYWHERE)
WIDE, LESS_WHERE_WIDE = 5, 1.0


@dataclass(frozen=True)
class ChangeOptions:
    """Options of change_map.

    Attributes
    ----------
    region
        "bone" or "everywhere" (in the body): where changes are looked for.
    spacing_mm
        Finest voxels of the map; along each axis the map has the coarser scan's spacing where that is larger.
    smoothing_mm
        Standard deviation of the Gaussian that both scans are seen through: noise and what is smaller is averaged away.
    correct_contrast
        Whether contrast phase and kernel are taken out: an offset per tissue, and a gain in bone.
    registration_error_mm
        How far off the registration is expected to be, beside half a voxel; at least, where a map of it is given.
    """

    region: str = BONE
    spacing_mm: float = 1.5
    smoothing_mm: float = 1.5
    correct_contrast: bool = True
    registration_error_mm: float = 0.85

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if self.region not in REGIONS:
            return False, f"region must be one of {', '.join(REGIONS)}, not {self.region}."
        for name, low, high in (("spacing_mm", 0.5, 5.0), ("smoothing_mm", 0.0, 5.0), ("registration_error_mm", 0, 10)):
            value = getattr(self, name)
            if not low <= value <= high:
                return False, f"{name} must be from {low:g} to {high:g}, not {value:g}."
        return True, ""


@dataclass(frozen=True)
class FindingOptions:
    """Options of find_changes; all of them can be moved without a new map.

    Attributes
    ----------
    threshold
        Least significance of a change (how many standard deviations it is off what noise and registration explain);
        one less where a change is WIDE times as large as the least volume: noise is rarely wide.
    change_hu
        Least change, HU.
    volume_ml
        Least volume of a finding.
    most
        How many findings are listed at most, the surest first.
    """

    threshold: float = 4.0
    change_hu: float = 40.0
    volume_ml: float = 0.1
    most: int = 50

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if self.threshold <= 0:
            return False, f"threshold must be more than 0, not {self.threshold:g}."
        if self.change_hu < 0:
            return False, f"change_hu must be 0 or more, not {self.change_hu:g}."
        if self.volume_ml < 0:
            return False, f"volume_ml must be 0 or more, not {self.volume_ml:g}."
        if self.most < 1:
            return False, f"most must be 1 or more, not {self.most}."
        return True, ""
