"""Changes as JSON and as tables; keys are stable, units stand in their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from ..system.files import without_nan
from .change_map import ChangeMap
from .findings import Finding, Findings
from .recist import Course
from .vertebra_changes import VertebraChange

SCHEMA = 1
REGIONS, HEIGHTS = ("whole", "body", "processes"), ("heights_before", "heights_after")
LOSS = "compression_percent", "compression_error_percent"
AXES = ("x_mm", "y_mm", "z_mm")
POSITIONS = {"position": "", "position_followup": "followup_"}


def changes_content(
    found: ChangeMap, findings: Findings, vertebrae: Sequence[VertebraChange] = (), course: Course | None = None
) -> dict[str, Any]:
    """Put what has changed into one dictionary for JSON.

    Parameters
    ----------
    found, findings
        The map and its findings.
    vertebrae
        As from vertebra_changes.
    course
        Target lesions over time; None: none are marked.

    Returns
    -------
    dict
        "schema", "noise_hu", "trust", "warnings", "corrections", "findings", "vertebrae", "recist"; keys within as the
        dataclasses' fields, positions LPS mm, None for what is not known.
    """
    return without_nan(
        {
            "schema": SCHEMA,
            "noise_hu": found.noise_hu,
            "trust": found.trust,
            "warnings": list(found.warnings),
            "corrections": [asdict(each) for each in found.corrections],
            "findings": [asdict(each) for each in findings.listed],
            "vertebrae": [asdict(each) for each in vertebrae],
            "recist": asdict(course) if course else None,
        }
    )


def finding_columns() -> list[str]:
    """Name the columns of a table of findings, in their order."""
    own = [each.name for each in fields(Finding) if each.name not in POSITIONS]
    return [*own, *(f"{prefix}{axis}" for prefix in POSITIONS.values() for axis in AXES)]


def flat_finding(content: Mapping[str, Any]) -> dict[str, Any]:
    """Make the row of a finding.

    Parameters
    ----------
    content
        The finding as changes_content has it.

    Returns
    -------
    dict
        Column to value, see finding_columns; positions as x_mm, y_mm, z_mm (LPS) and, on the follow-up, followup_x_mm
        and so on.
    """
    row = {name: value for name, value in content.items() if name not in POSITIONS}
    for name, prefix in POSITIONS.items():
        row.update(zip((f"{prefix}{axis}" for axis in AXES), content[name], strict=True))
    return row


def flat_vertebra(content: Mapping[str, Any]) -> dict[str, Any]:
    """Make the row of a vertebra.

    Parameters
    ----------
    content
        The vertebra as changes_content has it.

    Returns
    -------
    dict
        Column to value, such as body_change_hu and heights_after_front_mm; None where it is not known.
    """
    row = {"label": content["label"], "name": content["name"]}
    for group in (*REGIONS, *HEIGHTS):
        row.update({f"{group}_{name}": value for name, value in content[group].items()})
    row.update({name: content[name] for name in LOSS})
    return row
