"""Legends of colours for a slice view's corners: a bar with ticks and numbers on a dark plate."""

import dataclasses
import functools

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

PLATE, INK = (20, 20, 20), 255
PLATE_OPACITY = 0.72
FONT_PX, MARGIN_PX, PAD_PX, BAR_PX, TICK_PX, GAP_PX = 13, 6, 6, 14, 4, 4
LONGEST_BAR_PX, SHORTEST_VIEW_PX, WIDEST_SHARE = 120, 110, 1 / 3
LINE_PX = FONT_PX + GAP_PX


@dataclasses.dataclass(frozen=True)
class Legend:
    """titles: lines of text on top; bars: for each a title, and its colours from bottom to top (r, g, b, 0..255);
    ticks: places along the bars, 0..1, and their texts; patches: below the bars, a colour and its name each; top:
    whether it belongs into the upper corner of a view, not into the lower one."""

    titles: tuple
    bars: tuple = ()
    ticks: tuple = ()
    patches: tuple = ()
    top: bool = False


@dataclasses.dataclass(frozen=True)
class PlacedLegend:
    """A legend's picture, uint8 [y, x, 4] with y upwards, red, green, blue and opacity, and the pixel of the view that
    its lower left one lies on."""

    pixels: np.ndarray
    left: int
    bottom: int


def placedLegends(legends, width, height):
    """Return the PlacedLegend of each Legend that fits into a view of width x height pixels.

    They lie in its right corners, one towards the middle of the other; the left corners are taken, by what the view
    shows and by Slicer's own annotation. In a narrow view colours have their names, and no titles: the spine is there.
    """
    placed, used = [], {True: MARGIN_PX, False: MARGIN_PX}
    for legend in legends if height >= SHORTEST_VIEW_PX else ():
        barPx = min(LONGEST_BAR_PX, height // 4) if legend.bars else 0
        pixels = _plate(legend, barPx)
        if pixels.shape[1] > WIDEST_SHARE * width and legend.patches:
            pixels = _plate(dataclasses.replace(legend, titles=()), barPx)
        tall, wide = pixels.shape[:2]
        if tall + sum(used.values()) > height or wide + 2 * MARGIN_PX > width:
            continue
        bottom = height - used[True] - tall if legend.top else used[False]
        placed.append(PlacedLegend(pixels, width - MARGIN_PX - wide, bottom))
        used[legend.top] += tall + MARGIN_PX
    return placed


class _Plate:
    """colours, float32 [y, x, 3], and how much they cover what is behind, float32 [y, x, 1], 0..1."""

    def __init__(self, tall, wide):
        self.colours = np.empty((tall, wide, 3), np.float32)
        self.colours[:] = PLATE
        self.opacity = np.full((tall, wide, 1), PLATE_OPACITY, np.float32)

    def fill(self, left, bottom, wide, colours):
        """Fill rows from the bottom on with colours [rows, 3]."""
        part = np.s_[bottom : bottom + len(colours), left : left + wide]
        self.colours[part] = np.asarray(colours, np.float32)[:, None]
        self.opacity[part] = 1

    def write(self, text, left, bottom):
        """Write a text that _text returned."""
        ink = text[..., None]
        part = np.s_[bottom : bottom + ink.shape[0], left : left + ink.shape[1]]
        self.colours[part] += (INK - self.colours[part]) * ink
        self.opacity[part] = np.maximum(self.opacity[part], ink)

    def pixels(self):
        """Return it as uint8 [y, x, 4]."""
        return np.round(np.concatenate([self.colours, 255 * self.opacity], axis=-1)).astype(np.uint8)


@functools.lru_cache(maxsize=16)
def _plate(legend, barPx):
    """Return a legend's picture, uint8 [y, x, 4]."""
    column = max([BAR_PX, *(_text(name).shape[1] for name, _colours in legend.bars)]) + GAP_PX
    foot = PAD_PX + len(legend.patches) * LINE_PX + (FONT_PX // 2 if legend.bars else 0)
    head = (len(legend.titles) + any(name for name, _colours in legend.bars)) * LINE_PX + PAD_PX
    gap = FONT_PX // 2 + GAP_PX if legend.bars else 0
    plate = _Plate(foot + barPx + gap + head, _width(legend, column) + 2 * PAD_PX)
    for index, patch in enumerate(legend.patches):
        _addPatch(plate, PAD_PX + index * LINE_PX, *patch)
    for index, bar in enumerate(legend.bars):
        _addBar(plate, PAD_PX + index * column, foot, barPx, *bar)
    for place, name in legend.ticks:
        _addTick(plate, PAD_PX + len(legend.bars) * column - GAP_PX, foot + round(place * (barPx - 1)), name)
    top = len(plate.opacity) - PAD_PX
    for index, title in enumerate(legend.titles, start=1):
        plate.write(_text(title), PAD_PX, top - index * LINE_PX)
    return plate.pixels()


def _width(legend, column):
    bars = len(legend.bars) * column
    numbers = [bars + TICK_PX + GAP_PX + _text(name).shape[1] for _place, name in legend.ticks]
    patches = [BAR_PX + GAP_PX + _text(name).shape[1] for _colour, name in legend.patches]
    return max([bars, *numbers, *patches, *(_text(title).shape[1] for title in legend.titles)])


def _addPatch(plate, bottom, colour, name):
    plate.fill(PAD_PX, bottom, BAR_PX, [colour] * (FONT_PX - 2))
    plate.write(_text(name), PAD_PX + BAR_PX + GAP_PX, bottom)


def _addBar(plate, left, bottom, tall, name, colours):
    plate.fill(left, bottom, BAR_PX, np.asarray(colours)[np.arange(tall) * len(colours) // tall])
    if name:
        text = _text(name)
        plate.write(text, left + (BAR_PX - text.shape[1]) // 2, bottom + tall + LINE_PX // 2)


def _addTick(plate, left, y, name):
    plate.fill(left, y, TICK_PX, [(INK,) * 3])
    text = _text(name)
    plate.write(text, left + TICK_PX + GAP_PX, y - text.shape[0] // 2)


@functools.lru_cache(maxsize=128)
def _text(text):
    """Return how much ink a line of text has, float32 [y, x], 0..1, y upwards; its height is the font's."""
    style, image = vtk.vtkTextProperty(), vtk.vtkImageData()
    style.SetFontSize(FONT_PX)
    style.SetColor(1, 1, 1)
    style.SetFontFamilyToArial()
    size = [0, 0]
    if not text or not vtk.vtkTextRenderer.GetInstance().RenderString(style, text, image, size, 72):
        return np.zeros((FONT_PX, 1), np.float32)
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    ink = pixels[..., -1].astype(np.float32) / 255
    columns = np.flatnonzero(ink.any(axis=0))
    return ink[: size[1], : columns[-1] + 1] if len(columns) else ink[:, :1]
