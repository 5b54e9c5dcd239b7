"""What has changed between two registered scans, whole: map, findings, vertebrae."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..changes.change_map import ChangeMap, change_map
from ..changes.content import changes_content
from ..changes.findings import Findings, find_changes
from ..changes.options import ChangeOptions, FindingOptions
from ..changes.places import Anatomy
from ..changes.vertebra_changes import VertebraChange, vertebra_changes
from ..field.inverse import resampled
from ..scan.labels import look_like_vertebrae
from .memory_need import check_memory_to_compare

ONE_SIDE = "Only the {one} has labels: they were carried to the {other} along the registration."
NO_COUNTERPART = (
    "The follow-up's labels name vertebrae, the baseline's do not, so vertebrae were not compared: give the baseline "
    "labels of vertebrae too, or none."
)


@dataclass(frozen=True)
class Labelled:
    """A scan, its body (None: looked for) and its labels (None: none), all on its grid."""

    image: sitk.Image
    body: sitk.Image | None = None
    labels: sitk.Image | None = None


@dataclass(frozen=True)
class Changes:
    """What has changed.

    Attributes
    ----------
    found
        The change map.
    findings
        Its findings.
    vertebrae
        Empty without labels of vertebrae.
    warnings
        For the user, a sentence each; the map's among them.
    """

    found: ChangeMap
    findings: Findings
    vertebrae: tuple[VertebraChange, ...]
    warnings: tuple[str, ...]

    def content(self) -> dict:
        """The same as a dictionary for JSON, see changes.content."""
        return {**changes_content(self.found, self.findings, self.vertebrae), "warnings": list(self.warnings)}


def find_all_changes(
    fixed: Labelled,
    moving: Labelled,
    transform: sitk.Transform,
    options: ChangeOptions | None = None,
    finding_options: FindingOptions | None = None,
    pause: Callable[[], None] = lambda: None,
    expected_error: sitk.Image | None = None,
) -> Changes:
    """Compare two registered scans.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up. Labels of one of them are carried to the other.
    transform
        Fixed points to moving points, LPS mm.
    options, finding_options
        None: the defaults.
    pause
        Called between the steps; what it raises ends the work.
    expected_error
        How far off the transform is expected to be, see RegistrationResult. None: not known.

    Returns
    -------
    Changes
        Map, findings, vertebrae.

    Raises
    ------
    InputError
        If the options are wrong, the memory does not suffice, the scans share nothing, or there is no bone where bone
        is asked for.
    """
    options = options or ChangeOptions()
    for each in (options, finding_options or FindingOptions()):
        ok, reason = each.isValid()
        if not ok:
            raise InputError(reason)
    check_memory_to_compare(fixed.image, options)
    labels, warnings = fixed.labels, []
    if (fixed.labels is None) != (moving.labels is None):
        names = ("follow-up", "baseline") if labels is None else ("baseline", "follow-up")
        warnings.append(ONE_SIDE.format(one=names[0], other=names[1]))
    if labels is None and moving.labels is not None:
        labels = resampled(moving.labels, fixed.image, transform, labels=True)
    bone_labels = labels if labels is not None and _are_vertebrae(labels) else None
    if bone_labels is None and moving.labels is not None and _are_vertebrae(moving.labels):
        warnings.append(NO_COUNTERPART)
    bodies = fixed.body, moving.body
    found = change_map(fixed.image, moving.image, transform, options, *bodies, expected_error, bone_labels)
    pause()
    findings = find_changes(
        found, transform, finding_options, Anatomy(found.bone, labels, are_vertebrae=bone_labels is not None)
    )
    pause()
    vertebrae: tuple[VertebraChange, ...] = ()
    if bone_labels is not None:
        vertebrae = vertebra_changes(fixed.image, moving.image, transform, bone_labels, moving.labels)
    return Changes(found, findings, vertebrae, (*found.warnings, *warnings))


def _are_vertebrae(labels: sitk.Image) -> bool:
    """Whether labels name vertebrae, by their numbers and where they lie."""
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(labels)
    return look_like_vertebrae({value: statistics.GetCentroid(value) for value in statistics.GetLabels()})
