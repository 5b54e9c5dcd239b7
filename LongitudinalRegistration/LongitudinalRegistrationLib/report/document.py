"""A report as a document: headings, sentences and tables, from which the page (HTML) and the file (PDF) are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = "str | bytes"
"""A text, or the bytes of a PNG file."""


@dataclass(frozen=True)
class Section:
    """A part of a document.

    Attributes
    ----------
    title
        Its heading.
    sentences
        What stands above the table.
    header
        Titles of the table's columns; empty: there is no table.
    rows
        Of the table: a cell each column.
    """

    title: str
    sentences: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes
    ----------
    title
        Its heading.
    level
        How far the registration can be trusted: "good", "check" or "poor"; empty: not known.
    reasons
        For the level, a sentence each.
    sections
        In order.
    footer
        The last sentence.
    """

    title: str
    level: str
    reasons: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: str
