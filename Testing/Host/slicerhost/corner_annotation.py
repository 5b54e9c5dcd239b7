"""The corner annotations of slice views, as Slicer's module DataProbe writes them at its default settings: the names of
the layers in the lower left corner, Times of 14 points, anew whenever the slice logic is modified."""

import slicer
import vtk

FONT_POINTS, MARGIN_PX, LOWER_LEFT = 14, 40, 0


class CornerAnnotation:
    """The annotation of one slice view (of trame-slicer)."""

    def __init__(self, view):
        self._view = view
        self.actor = vtk.vtkCornerAnnotation()
        self.actor.SetMaximumFontSize(FONT_POINTS)
        self.actor.SetMinimumFontSize(FONT_POINTS)
        self.actor.SetNonlinearFontScaleFactor(1)
        self.actor.GetTextProperty().SetFontFamilyToTimes()
        self.actor.GetTextProperty().ShadowOn()
        view._overlay_renderer.AddViewProp(self.actor)
        self._tag = view._logic.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._write())
        self._write()

    def remove(self):
        """Take the annotation out of the view."""
        self._view._logic.RemoveObserver(self._tag)
        self._view._overlay_renderer.RemoveViewProp(self.actor)

    def _write(self):
        longest = int((self._view.render_window().GetSize()[0] - MARGIN_PX) / FONT_POINTS)
        lines = [_fit(line, longest) for line in _lines(self._view._logic.GetSliceCompositeNode())]
        self.actor.SetText(LOWER_LEFT, "".join(line + "\n" for line in lines))


def _lines(composite):
    """Return what stands in the corner, from above: label, foreground, background."""
    if composite is None:
        return []
    ids = (composite.GetLabelVolumeID(), composite.GetForegroundVolumeID(), composite.GetBackgroundVolumeID())
    label, foreground, background = (slicer.mrmlScene.GetNodeByID(name) if name else None for name in ids)
    lines = []
    if label is not None:
        lines.append(f"L: {label.GetName()} ({int(composite.GetLabelOpacity() * 100)}%)")
    if foreground is not None:
        share = f" ({int(composite.GetForegroundOpacity() * 100)}%)" if background is not None else ""
        lines.append(f"F: {foreground.GetName()}{share}")
    if background is not None:
        lines.append(f"B: {background.GetName()}")
    return lines


def _fit(text, longest):
    """Shorten a text in its middle, as the module does."""
    if len(text) <= longest:
        return text
    half = int(longest / 2)
    return text[:half] + "..." + text[-(half - 3) :]
