"""The picture of a registration: fixed, moving and registered scan as the slice views show them."""

import os
import tempfile

from LongitudinalRegistrationLib.methods.registry import title_of
from PIL import Image, ImageDraw, ImageFont

from .boot import boot

TITLES = {"fixed": "Fixed (baseline)", "moving": "Moving (follow-up, as scanned)", "registered": "Registered"}
GAP_PX = 6
TITLE_PX = 34
SCALE_BAR_MM = 50
INK, PALE, PAPER = (255, 255, 255), (190, 196, 204), (18, 20, 24)


def render_registration_picture(
    fixed_path, moving_path, result_folder, png_path, fixed_labels_path=None, moving_labels_path=None
):
    """Write the PNG: axial above, sagittal below; fixed, moving (as scanned) and registered side by side.

    All six views have the same scale, window 1800 and level 400; vertebra outlines in one colour per vertebra;
    arrows on the registered scan show its deformation in mm. The paths may also be sitk.Images (labels: None
    where there are none); `result_folder` is what `longct register` wrote. Returns the path.
    """
    host = boot(loadModules=False)
    from .comparison import COLUMNS, ROWS, showComparison

    host.core.scene.Clear(0)
    comparison = showComparison(host, fixed_path, moving_path, result_folder, fixed_labels_path, moving_labels_path)
    arrays = {place: comparison.renderArray(*place) for place in comparison.views}
    page = _compose(arrays, comparison, ROWS, COLUMNS)
    _write(page, os.fspath(png_path))
    return png_path


def _compose(arrays, comparison, rows, columns):
    widths = [arrays[rows[0], column].shape[1] for column in columns]
    heights = [arrays[row, columns[0]].shape[0] for row in rows]
    footer = 96 if comparison.colours else 64
    size = (sum(widths) + GAP_PX * (len(columns) + 1), TITLE_PX + sum(heights) + GAP_PX * len(rows) + footer)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for c, column in enumerate(columns):
        left = GAP_PX + sum(widths[:c]) + GAP_PX * c
        draw.text((left + widths[c] / 2, TITLE_PX / 2), TITLES[column], INK, _font(18), anchor="mm")
        for r, row in enumerate(rows):
            top = TITLE_PX + sum(heights[:r]) + GAP_PX * r
            page.paste(Image.fromarray(arrays[row, column]), (left, top))
            _annotate(draw, (left, top), row, comparison.frames[row, column])
    _drawFooter(draw, (GAP_PX * 2, size[1] - footer + 10), comparison)
    return page


def _annotate(draw, corner, row, frame):
    left, top = corner
    right, bottom = left + frame.width_px, top + frame.height_px
    letters = ("R", "L", "A", "P") if row == "Axial" else ("A", "P", "S", "I")
    middle = ((left + right) / 2, (top + bottom) / 2)
    spots = ((left + 12, middle[1]), (right - 12, middle[1]), (middle[0], top + 12), (middle[0], bottom - 12))
    for letter, spot in zip(letters, spots, strict=True):
        draw.text(spot, letter, PALE, _font(14), anchor="mm")
    draw.text((left + 8, top + 8), row.lower(), PALE, _font(14))
    length = SCALE_BAR_MM * frame.width_px / frame.width_mm
    draw.line([(right - 14 - length, bottom - 14), (right - 14, bottom - 14)], INK, 3)
    draw.text((right - 14 - length / 2, bottom - 20), f"{SCALE_BAR_MM} mm", INK, _font(13), anchor="mb")


def _drawFooter(draw, corner, comparison):
    left, top = corner
    draw.text((left, top), "   ".join(_facts(comparison)), INK, _font(16))
    if not comparison.colours:
        return
    from LongitudinalRegistrationLib.scan.labels import label_name

    x, y = left, top + 34
    for value, colour in comparison.colours.items():
        draw.rectangle([x, y + 3, x + 14, y + 17], fill=tuple(int(255 * part) for part in colour))
        name = label_name(value)
        draw.text((x + 20, y), name, INK, _font(16))
        x += 20 + int(draw.textlength(name, _font(16))) + 24


def _facts(comparison):
    """Return the sentences of the footer: method, DSC before and after, arrows, window."""
    from LongitudinalRegistrationSlicer.vertebrae.scores import meanDice

    report = comparison.report
    facts = [f"Method: {title_of(report.get('method', 'unknown'))}"]
    dice = meanDice(report)
    if dice:
        facts.append(f"Mean DSC: {dice[0]:.2f} before, {dice[1]:.2f} after")
    arrows = comparison.arrows
    length = "true length" if arrows.factor == 1 else f"drawn {arrows.factor} times as long"
    facts.append(f"Arrows: deformation beside the affine, up to {arrows.longest_mm:.0f} mm, {length}")
    facts.append("Window 1800, level 400")
    return facts


def _font(size):
    from matplotlib import get_data_path

    return ImageFont.truetype(os.path.join(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _write(page, path):
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(suffix=".png", dir=folder)
    os.close(handle)
    try:
        page.save(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
