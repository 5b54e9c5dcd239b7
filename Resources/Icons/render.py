"""Renders the icons' SVG sources as PNG: the Extensions Catalog shows no SVG.

python Resources/Icons/render.py
"""

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt  # noqa: E402
from PySide6.QtGui import QGuiApplication, QImage, QPainter  # noqa: E402
from PySide6.QtSvg import QSvgRenderer  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SIDE_PX = 128
MODULES = ("TableRemoval", "LongitudinalRegistration")


def render(source, target):
    """Render an SVG file into a PNG file of SIDE_PX x SIDE_PX."""
    image = QImage(SIDE_PX, SIDE_PX, QImage.Format_ARGB32)
    image.fill(Qt.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(source)).render(painter)
    painter.end()
    image.save(str(target))


if __name__ == "__main__":
    application = QGuiApplication([])
    for module in MODULES:
        icon = ROOT / module / "Resources" / "Icons" / f"{module}.svg"
        render(icon, icon.with_suffix(".png"))
    render(icon, ROOT / "Resources" / "Icons" / "LongitudinalRegistration.png")
