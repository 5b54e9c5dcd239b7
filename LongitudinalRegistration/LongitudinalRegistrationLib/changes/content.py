"""Changes as JSON and as tables; keys are stable, units stand in their names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from .change_map import ChangeMap
from .findings import Findings
from .recist import Course
from .vertebra_changes import VertebraChange

SCHEMA = 1


def plain(value: Any) -> Any:
    """Turn a result (dataclass, tuple, number) into what JSON holds: dictionaries and lists, None for NaN."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
        "schema", "noise_hu", "trust", "warnings", "corrections", "findings", "vertebrae", "recist"; positions LPS mm.
    """
    return {
        "schema": SCHEMA,
        "noise_hu": found.noise_hu,
        "trust": found.trust,
        "warnings": list(found.warnings),
        "corrections": plain(found.corrections),
        "findings": plain(findings.listed),
        "vertebrae": plain(tuple(vertebrae)),
        "recist": plain(course),
    }
