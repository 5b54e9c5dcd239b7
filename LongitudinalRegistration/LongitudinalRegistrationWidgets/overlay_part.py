"""What one section shows in the overlays of the views, beside what other sections show there."""


class OverlayPart:
    """Painters and drawers of one section; `onIdle()` is called when it shows nothing any more."""

    def __init__(self, onIdle=None):
        self._onIdle, self._overlays, self._own = onIdle, [], []

    def setOverlays(self, overlays):
        """Show nothing in the overlays (SliceOverlay) given before; what is shown next goes into these."""
        self._takeOut()
        for overlay in self._overlays:
            overlay.refresh()
        self._overlays = list(overlays)

    def show(self, painters, drawers=()):
        """Show these, and no longer what was shown before."""
        wasOn = bool(self._own)
        self._takeOut()
        self._own = [*painters, *drawers]
        for overlay in self._overlays:
            overlay.painters.extend(painters)
            overlay.drawers.extend(drawers)
            if self._own:
                overlay.setEnabled(True)
            if self._own or wasOn:
                overlay.refresh()
        if wasOn and not self._own and self._onIdle is not None:
            self._onIdle()

    def _takeOut(self):
        for overlay in self._overlays:
            for kept in (overlay.painters, overlay.drawers):
                kept[:] = [part for part in kept if not any(part is own for own in self._own)]
        self._own = []
