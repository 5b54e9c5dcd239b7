"""A document as one HTML page that needs nothing else: to read, to keep, to print."""

from __future__ import annotations

import base64
from functools import cache

import jinja2
from markupsafe import Markup

from .document import Document
from .html import FOLDER, STYLE, page_environment

TEMPLATE = "document.html.j2"


def document_html(document: Document) -> str:
    """Make the page of a document.

    Parameters
    ----------
    document
        Its texts are escaped, its pictures are put into the page.

    Returns
    -------
    str
        The page.
    """
    style = Markup((FOLDER / STYLE).read_text(encoding="utf-8"))
    return _environment().get_template(TEMPLATE).render(document=document, style=style)


@cache
def _environment() -> jinja2.Environment:
    environment = page_environment()
    environment.filters["source"] = lambda data: f"data:image/png;base64,{base64.b64encode(data).decode()}"
    environment.tests["picture"] = lambda cell: isinstance(cell, bytes)
    return environment
