"""A document as a PDF file, A4."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from TableRemovalLib.errors import InputError

from .document import Cell, Document, Section

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

MISSING = (
    "A PDF file needs reportlab: pip install reportlab; in Slicer's Python console "
    'slicer.util.pip_install("reportlab"). The HTML page has the same content and can be printed.'
)
MARGIN_MM, PICTURE_MM, FIRST_COLUMN = 15.0, 22.0, 1.6
SMALL_PT = 8.0
COLOURS = {"good": "#d3e6f5", "check": "#fdf0c2", "poor": "#f9d2bd"}
INK, RULE = "#1a1a1a", "#bbbbbb"
DRAWN = str.maketrans({"→": "->", "\N{MINUS SIGN}": "-", "≥": ">=", "≤": "<="})
"""What PDF's own fonts lack, and what stands in its place."""


def document_pdf(document: Document) -> bytes:
    """Make the PDF file of a document.

    Parameters
    ----------
    document
        Any texts, PNG pictures.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    InputError
        If reportlab is missing; it says what to install.
    """
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.units import mm
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
    except ImportError as error:
        raise InputError(MISSING) from error
    styles, parts = _styles(), []
    parts.append(Paragraph(_text(document.title), styles["title"]))
    if document.level:
        words = f"<b>{_text(document.level.capitalize())}</b>: {_text(' '.join(document.reasons))}"
        parts.append(Paragraph(words, styles[document.level]))
    width = A4[0] - 2 * MARGIN_MM * mm
    for section in document.sections:
        parts += _section(section, styles, width)
    parts += [Spacer(0, 4 * mm), Paragraph(_text(document.footer), styles["small"])]
    file = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN_MM * mm)
    SimpleDocTemplate(file, pagesize=A4, title=document.title, author="", creator="longct", **margins).build(parts)
    return file.getvalue()


def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    plain = ParagraphStyle("plain", fontName="Helvetica", fontSize=9, leading=12, textColor=INK, spaceAfter=3)
    made = {
        "plain": plain,
        "title": ParagraphStyle("title", plain, fontName="Helvetica-Bold", fontSize=15, leading=19, spaceAfter=6),
        "heading": ParagraphStyle("heading", plain, fontName="Helvetica-Bold", fontSize=11, spaceBefore=8),
        "small": ParagraphStyle("small", plain, fontSize=SMALL_PT, leading=10, spaceAfter=0),
        "head": ParagraphStyle("head", plain, fontName="Helvetica-Bold", fontSize=SMALL_PT, leading=10, spaceAfter=0),
    }
    for level, colour in COLOURS.items():
        made[level] = ParagraphStyle(level, plain, backColor=colour, borderPadding=4, spaceBefore=4, spaceAfter=8)
    return made


def _section(section: Section, styles: dict[str, Any], width: float) -> list[Flowable]:
    """Heading and sentences, and the table, whose pages repeat its header."""
    from reportlab.platypus import Paragraph, Table

    parts: list[Flowable] = [Paragraph(_text(section.title), styles["heading"])]
    parts += [Paragraph(_text(sentence), styles["plain"]) for sentence in section.sentences]
    if section.header:
        cells = [[Paragraph(_text(title), styles["head"]) for title in section.header]]
        cells += [[_cell(cell, styles) for cell in row] for row in section.rows]
        rules = [
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ]
        parts.append(Table(cells, colWidths=_widths(section, width), repeatRows=1, style=rules))
    return parts


def _widths(section: Section, width: float) -> list[float]:
    """Widths of the columns: pictures as wide as they are, the first column wider than the others."""
    from reportlab.lib.units import mm

    first_row = section.rows[0] if section.rows else ("",) * len(section.header)
    pictures = [isinstance(cell, bytes) for cell in first_row]
    taken = sum(pictures) * (PICTURE_MM + 2) * mm
    unit = (width - taken) / (len(pictures) - sum(pictures) + FIRST_COLUMN - 1)
    return [
        (PICTURE_MM + 2) * mm if is_picture else unit * (FIRST_COLUMN if n == 0 else 1)
        for n, is_picture in enumerate(pictures)
    ]


def _cell(cell: Cell, styles: dict[str, Any]) -> Flowable:
    from reportlab.lib.units import mm
    from reportlab.platypus import Image, Paragraph

    if isinstance(cell, bytes):
        return Image(io.BytesIO(cell), width=PICTURE_MM * mm, height=PICTURE_MM * mm)
    return Paragraph(_text(cell), styles["small"])


def _text(text: str) -> str:
    """Escape what reportlab would read as markup."""
    return escape(text.translate(DRAWN))
