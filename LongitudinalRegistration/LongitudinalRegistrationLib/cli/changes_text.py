"""What `longct changes` says of its results."""

from __future__ import annotations

from collections.abc import Sequence

from .follow_ups import Visits

SHOWN = 10


def text_of(content: dict) -> str:
    """Say what a comparison has found.

    Parameters
    ----------
    content
        As from changes.content, with "folder" and "dicom_folder".

    Returns
    -------
    str
        The findings, a line each, the surest first; notes; where the files are.
    """
    lines = _findings(content)
    if content["dicom_folder"]:
        lines.append(f"DICOM         {content['dicom_folder']}")
    return "\n".join([*lines, *_ending(content)])


def text_of_all(visits: Visits, contents: Sequence[dict]) -> str:
    """Say what the comparisons with several follow-ups have found; see text_of.

    Parameters
    ----------
    visits
        The follow-ups.
    contents
        One each.

    Returns
    -------
    str
        A paragraph each.
    """
    days = visits.days or (None,) * len(visits.names)
    lines = []
    for number, content in enumerate(contents, start=1):
        after = f", {days[number]} days after the baseline" if days[number] is not None else ""
        lines += [f"{number}: {visits.names[number]}{after}", *_findings(content), ""]
    if any(content["vertebrae"] for content in contents):
        lines.append("Vertebrae over time: vertebra_course.csv")
    return "\n".join([*lines, *_ending(contents[0])])


def _findings(content: dict) -> list[str]:
    found = content["findings"]
    lines = [f"{len(found)} changes, noise {content['noise_hu']:.0f} HU, trust {content['trust']:.2f}"]
    for each in found[:SHOWN]:
        before, after = each["diameter_before_mm"], each["diameter_after_mm"]
        words = (
            f"{each['number']:>3} {each['kind']:<7} {each['place']:<28} {each['volume_ml']:6.2f} ml "
            f"{each['mean_change_hu']:+5.0f} HU  {before:.0f} -> {after:.0f} mm  confidence {each['confidence']:.2f}"
        )
        lines.append(words + (f"  ({each['caution']}?)" if each["caution"] else ""))
    if len(found) > SHOWN:
        lines.append(f"    and {len(found) - SHOWN} more in findings.csv")
    return lines + [f"Note: {words}" for words in content["warnings"]]


def _ending(content: dict) -> list[str]:
    return ["No diagnosis: every change is for a reader to judge.", f"Results       {content['folder']}"]
