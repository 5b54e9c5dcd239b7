"""The legend of colours, drawn into a slice view's picture: a bar with ticks and numbers on a dark plate."""

import dataclasses
import functools

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

PLATE, INK = (20, 20, 20), 255
PLATE_OPACITY = 0.72
FONT_PX, MARGIN_PX, PAD_PX, BAR_PX, TICK_PX, GAP_PX = 13, 6, 6, 14, 4, 4
LONGEST_BAR_PX, SHORTEST_VIEW_PX = 140, 110


@dataclasses.dataclass(frozen=True)
class Legend:
    """titles: lines of text above the bars; bars: for each one a title, and its colours from bottom to top (r, g, b
    0..255); ticks: places along the bars, 0..1, and their texts; extra: a colour and its name, or None."""

    titles: tuple
    bars: tuple
    ticks: tuple
    extra: tuple = ()


def drawLegend(picture, legend, left=False):
    """Draw a Legend into the lower right (or left) corner of a picture, uint8 [y, x, 3], y upwards, where it fits."""
    height, width = picture.shape[:2]
    if height < SHORTEST_VIEW_PX:
        return picture
    plate, opacity = _plate(legend, min(LONGEST_BAR_PX, height // 3) if legend.bars else 0)
    tall, wide = opacity.shape[:2]
    if tall + 2 * MARGIN_PX > height or wide + 2 * MARGIN_PX > width:
        return picture
    start = MARGIN_PX if left else width - MARGIN_PX - wide
    corner = picture[MARGIN_PX : MARGIN_PX + tall, start : start + wide]
    corner[:] = corner * (1 - opacity) + plate * opacity
    return picture


@functools.lru_cache(maxsize=16)
def _plate(legend, barPx):
    """Return the legend's picture, float32 [y, x, 3], and its opacity [y, x, 1]."""
    titles, extra = [_text(title) for title in legend.titles], [_text(name) for _colour, name in legend.extra]
    heads = [_text(name) if name else np.zeros((0, 0), np.float32) for name, _colours in legend.bars]
    numbers = [_text(text) for _place, text in legend.ticks]
    step = max([BAR_PX, *(head.shape[1] for head in heads)]) + GAP_PX
    line = FONT_PX + GAP_PX
    widths = [len(heads) * step + TICK_PX + GAP_PX + max([0, *(number.shape[1] for number in numbers)])]
    widths += [text.shape[1] for text in titles] + [BAR_PX + GAP_PX + text.shape[1] for text in extra]
    headLines = int(any(head.size for head in heads))
    bottom = PAD_PX + FONT_PX // 2 + len(extra) * line
    tall = bottom + barPx + FONT_PX // 2 + GAP_PX + (len(titles) + headLines) * line + PAD_PX
    plate = np.empty((tall, max(widths) + 2 * PAD_PX, 3), np.float32)
    plate[:] = PLATE
    opacity = np.full((*plate.shape[:2], 1), PLATE_OPACITY, np.float32)
    for index, (_name, colours) in enumerate(legend.bars):
        left = PAD_PX + index * step
        rows = np.minimum(np.arange(barPx) * len(colours) // barPx, len(colours) - 1)
        plate[bottom : bottom + barPx, left : left + BAR_PX] = np.asarray(colours, np.float32)[rows][:, None]
        opacity[bottom : bottom + barPx, left : left + BAR_PX] = 1
        _write(plate, opacity, heads[index], left + (BAR_PX - heads[index].shape[1]) // 2, bottom + barPx + line // 2)
    tickLeft = PAD_PX + len(heads) * step - GAP_PX
    for (place, _number), number in zip(legend.ticks, numbers, strict=True):
        y = bottom + round(place * (barPx - 1))
        plate[y, tickLeft : tickLeft + TICK_PX], opacity[y, tickLeft : tickLeft + TICK_PX] = INK, 1
        _write(plate, opacity, number, tickLeft + TICK_PX + GAP_PX, y - number.shape[0] // 2)
    for index, title in enumerate(reversed(titles)):
        _write(plate, opacity, title, PAD_PX, tall - PAD_PX - (len(titles) - index) * line)
    for index, ((colour, _name), text) in enumerate(zip(legend.extra, extra, strict=True)):
        y = PAD_PX + index * line
        plate[y : y + FONT_PX - 2, PAD_PX : PAD_PX + BAR_PX] = colour
        opacity[y : y + FONT_PX - 2, PAD_PX : PAD_PX + BAR_PX] = 1
        _write(plate, opacity, text, PAD_PX + BAR_PX + GAP_PX, y)
    return plate, opacity


def _write(plate, opacity, text, left, bottom):
    tall, wide = text.shape
    part = np.s_[bottom : bottom + tall, left : left + wide]
    ink = text[..., None]
    plate[part] = plate[part] * (1 - ink) + INK * ink
    opacity[part] = np.maximum(opacity[part], ink)


@functools.lru_cache(maxsize=128)
def _text(text):
    """Return how much ink a line of text has, float32 [y, x], 0..1, y upwards; its height is the font's."""
    style, image = vtk.vtkTextProperty(), vtk.vtkImageData()
    style.SetFontSize(FONT_PX)
    style.SetColor(1, 1, 1)
    style.SetFontFamilyToArial()
    size = [0, 0]
    if not vtk.vtkTextRenderer.GetInstance().RenderString(style, text, image, size, 72):
        return np.zeros((FONT_PX, 1), np.float32)
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    ink = pixels[..., -1].astype(np.float32) / 255
    columns = np.flatnonzero(ink.any(axis=0))
    return ink[: size[1], : columns[-1] + 1] if len(columns) else ink[:, :1]
