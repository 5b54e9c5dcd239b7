"""A report as files: JSON, the vertebrae as a table, and one page with pictures."""

from __future__ import annotations

from pathlib import Path

from ..system.files import write_json, write_text
from .content import vertebrae_csv
from .html import write_html_report

REPORT_FILES = "report.json", "vertebrae.csv", "report.html"


def write_report(folder: Path, content: dict, pictures: dict[str, bytes]) -> list[str]:
    """Write the files into a folder; vertebrae.csv only where there are vertebrae.

    Parameters
    ----------
    content
        Of report.json (see pipeline.report_content).
    pictures
        Caption to the bytes of a PNG file.

    Returns
    -------
    list
        The names of what was written.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    json_name, csv_name, page_name = REPORT_FILES
    write_json(content, folder / json_name)
    written = [json_name, page_name]
    if content.get("vertebrae"):
        write_text(vertebrae_csv(content["vertebrae"]), folder / csv_name)
        written.append(csv_name)
    write_html_report(folder / page_name, content, pictures)
    return written
