"""Editing one volume's body mask: the preview that follows every change, the whole scan that follows in the background.

Knows no qt: whoever has a timer calls `poll` some twenty times a second.
"""

import time

import slicer
import vtk
from slicer.i18n import tr as _
from TableRemovalLib.edit_state import EditState, with_paper_values
from TableRemovalLib.errors import InputError
from TableRemovalLib.history import History
from TableRemovalLib.overrides import ScanOverrides, pack_mask

from TableRemovalSlicer import scan_memory, segment_editor
from TableRemovalSlicer.overlay import PreviewOverlay
from TableRemovalSlicer.seed_marker import SeedMarker
from TableRemovalSlicer.views import showVolume
from TableRemovalSlicer.volumes import geometryOfVolumeNode, imageOnVolumeGrid

QUIET_S = 0.25


class EditingSession:
    """The volume, the history of its EditState, its overlay and seed marker.

    `state`, `records`, `checked`, `k` (the slice shown), `problem` (why there is no result), `remark` (on the whole
    scan), `visible` are for reading.
    `indices` below: the slices a change is for; None is the whole scan.
    """

    def __init__(self, volumeNode, options, worker, onSeedMoved=None):
        from TableRemovalLib.preview import SlicePreview, ct_view

        self.volumeNode, self._worker = volumeNode, worker
        self._imageData = volumeNode.GetImageData()
        self._array = ct_view(slicer.util.arrayFromVolume(volumeNode))
        self.size = self._imageData.GetDimensions()
        geometry = geometryOfVolumeNode(volumeNode)
        self._preview = None
        self._makePreview = lambda: SlicePreview(self._array, geometry[0])
        self._began = _state(volumeNode)
        self.problem = self.overridesProblem = self.remark = ""
        self.records, self.checked = (), scan_memory.readChecked(volumeNode)
        self.history = History(EditState(options, self._keptOverrides()))
        self.k = self.size[2] // 2
        self.editable, self.visible = True, False
        self.previewSeconds = 0.0
        self._whole = self._masks = None
        self._changedAt, self._current = 0.0, False
        self.overlay = PreviewOverlay(volumeNode)
        self.marker = SeedMarker(volumeNode, onSeedMoved or (lambda i, j: None))
        worker.takeScan(self._array, geometry)
        worker.ask(self.state)
        self._placeMarker()

    @property
    def state(self):
        """The present EditState."""
        return self.history.state

    @property
    def current(self):
        """Whether the overlay shows the whole scan under the present state."""
        return self._current

    @property
    def ready(self):
        """Whether single slices can be previewed: the compiled code is there."""
        return self._preview is not None

    def outdated(self):
        """Whether the volume is gone, or has other voxels or another place than when the session began."""
        return self.volumeNode.GetScene() is None or _state(self.volumeNode) != self._began

    def seed(self):
        """Return the seed's (column, row) that holds in the slice shown."""
        return self.state.slice_options(self.k).seed_ij or (self.size[0] // 2, self.size[1] // 2)

    def change(self, state, action=None):
        """Make `state` the present one, as one step of undo (see History.do), and show it.

        Raises InputError where the options do not fit, or overrides of another scan are in the way.
        """
        if state.overrides != self.state.overrides:
            self._checkOverrides()
        ok, reason = state.options.isValid()
        if not ok:
            raise InputError(reason)
        if self.history.do(state, action, time.monotonic()):
            self._changed()
            self.history.shown(time.monotonic())

    def setThreshold(self, threshold, indices=None, ownStep=False):
        """T_G, or None for automatic. With `ownStep` it is no part of a slider's drag."""
        self.change(self.state.with_threshold(threshold, indices), None if ownStep else f"threshold {indices}")

    def setSeed(self, seed, indices=None, ownStep=False):
        """The seed's (column, row), or None for automatic; moved into the slice where it lies outside."""
        if seed is not None:
            seed = tuple(min(max(int(n), 0), limit - 1) for n, limit in zip(seed, self.size, strict=False))
        self.change(self.state.with_seed(seed, indices), None if ownStep else f"seed {indices}")

    def setSeedSize(self, size, indices=None):
        """The side of the seed square in pixels."""
        self.change(self.state.with_seed_size(int(size), indices), f"seed size {indices}")

    def setOptions(self, **changes):
        """Options of the whole scan, see TableRemovalOptions."""
        self.change(self.state.with_options(**changes))

    def usePaperValues(self):
        """The paper's method and values for the whole scan; overrides stay."""
        self.change(with_paper_values(self.state))

    def click(self, i, j, k, indices=None):
        """Drop the kept part, or keep the removed part, at pixel (i, j) of slice k; return "keep" or "drop".

        With `indices` the same is done in those slices. Raises InputError where there is nothing at the click.
        """
        from TableRemovalLib.components import click_kind

        if not self.ready:
            raise InputError(_("the preview is not ready yet: wait until it is shown"))
        self._checkOverrides()
        kind = click_kind(self._array[k], self._mask(k), i, j)
        indices = [k] if indices is None else indices
        self.change(self.state.with_overrides(self.state.overrides.clicked(indices, kind, i, j)))
        return kind

    def copyToNeighbours(self, reach):
        """Give `reach` slices on either side of the slice shown its override."""
        self.change(self.state.with_overrides(self.state.overrides.copied(self.k, reach)))

    def clearOverrides(self, indices=None):
        """Clear the overrides of `indices`, or all, those of another scan that were in the way too."""
        if self.overridesProblem:
            self.overridesProblem = ""
            scan_memory.writeOverrides(self.volumeNode, self.state.overrides)
        self.change(self.state.with_overrides(self.state.overrides.cleared(indices)))

    def undo(self):
        """Take one step back."""
        self.history.undo()
        self._changed()

    def redo(self):
        """Take the step again."""
        self.history.redo()
        self._changed()

    def showSlice(self, k):
        """Show the preview of slice k."""
        k = min(max(int(k), 0), self.size[2] - 1)
        if k == self.k:
            return
        old, self.k = self.k, k
        if self.ready and self.editable:
            self._write(old)
        self._showPreview()

    def check(self, k, flags, done):
        """Mark flags of a slice as checked, or not."""
        marks = {(k, flag) for flag in flags}
        self.checked = self.checked | marks if done else self.checked - marks
        scan_memory.writeChecked(self.volumeNode, self.checked)

    def poll(self):
        """Look for answers from the background; return whether something has changed."""
        changed = False
        if not self.ready and self._worker.compiled():
            self._preview = self._makePreview()
            self._showPreview()
            changed = True
        if self._changedAt and time.monotonic() - self._changedAt > QUIET_S:
            self._changedAt = 0.0
            self._worker.ask(self.state)
        answer = self._worker.poll()
        if answer is not None:
            self._take(answer)
            changed = True
        return changed

    def progressText(self):
        """Return what the background does, as a sentence for the panel; empty where it does nothing."""
        if not self._worker.busy and not self._changedAt:
            return ""
        stage, fraction = self._worker.progress()
        if stage == "starting" and not self.ready:
            return _("Starting ...")
        if stage == "compiling":
            return _("Compiling the code: up to a minute on first use ...")
        if stage == "computing":
            return _("Whole scan: {percent} % ...").format(percent=round(100 * fraction))
        return _("Whole scan ...")

    def mask(self, k):
        """Return the mask (uint8 0/1 [j, i]) of slice k as the overlay shows it."""
        from TableRemovalLib.overlay_labels import is_kept

        return is_kept(self.overlay.array[k])

    def maskArray(self):
        """Return the mask (uint8 0/1 [k, j, i]) of the whole scan as the overlay shows it."""
        from TableRemovalLib.overlay_labels import is_kept

        return is_kept(self.overlay.array)

    def maskImage(self):
        """Return the same as a sitk.Image on the volume's grid."""
        return imageOnVolumeGrid(self.maskArray(), self.volumeNode)

    def toSegmentEditor(self):
        """Put the mask into the Segment Editor's segmentation and return that node."""
        return segment_editor.toSegmentEditor(self.volumeNode, self.maskImage())

    def fromSegmentEditor(self):
        """Import the edited segmentation's slices as overrides where they differ; return how many did."""
        drawn = segment_editor.editedSlices(self.volumeNode, self.mask)
        overrides = self.state.overrides
        for k, mask in drawn.items():
            overrides = overrides.changed([k], mask=pack_mask(mask), clicks=())
        self.change(self.state.with_overrides(overrides))
        segment_editor.removeEdited(self.volumeNode)
        return len(drawn)

    def show(self, visible):
        """Show the scan with overlay and seed, or hide these."""
        self.visible = visible
        if visible:
            showVolume(self.volumeNode)
        self.overlay.show(visible)
        self.marker.show(visible)

    def close(self):
        """Drop the work in the background and take overlay and seed out of the scene."""
        self._worker.drop()
        self.overlay.remove()
        self.marker.remove()

    def _keptOverrides(self):
        try:
            return scan_memory.readOverrides(self.volumeNode)
        except InputError as error:
            self.overridesProblem = str(error)
            return ScanOverrides(tuple(self.size))

    def _checkOverrides(self):
        if self.overridesProblem:
            raise InputError(self.overridesProblem)
        if not self.editable:
            raise InputError(
                _("the slices of this scan are not axial: resample it to axial slices to edit single ones")
            )

    def _changed(self):
        if not self.overridesProblem:
            scan_memory.writeOverrides(self.volumeNode, self.state.overrides)
        self._current, self._changedAt = False, time.monotonic()
        self._worker.drop()
        if not self.visible:
            self.show(True)
        self._showPreview()

    def _take(self, answer):
        from TableRemovalLib.preview import WholeScan

        self.problem, self.remark = answer.error, answer.remark
        if answer.error:
            self._current = True
            self.records = ()
            self.overlay.array[:] = 0
            self.overlay.changed()
            return
        self.records, self.editable = answer.records, answer.axial
        columns, base = self.size[0], answer.base
        self._whole = WholeScan(lambda k: _unpacked(base[k], columns), self.state.options, answer.sheets)
        self.overlay.array[:] = answer.labels
        self._current = True
        self._showPreview()

    def _showPreview(self):
        self._placeMarker()
        if not self.ready or not self.editable or self.problem:
            self.overlay.changed()
            return
        started = time.perf_counter()
        self._write(self.k)
        self._drawSeed()
        self.overlay.changed()
        self.previewSeconds = time.perf_counter() - started

    def _mask(self, k):
        return self._preview.slice_mask(k, self.state, self._whole).mask

    def _write(self, k):
        from TableRemovalLib.overlay_labels import REMOVED_ABOVE_HU, label_overlay

        label_overlay(self._array[k], self._mask(k), REMOVED_ABOVE_HU, self.overlay.array[k])

    def _drawSeed(self):
        from TableRemovalLib.overlay_labels import draw_square
        from TableRemovalLib.region_growing import seed_square

        options = self.state.slice_options(self.k)
        square = seed_square(self.size[1], self.size[0], options.seed_ij, options.seed_size)
        draw_square(self.overlay.array[self.k], square)

    def _placeMarker(self):
        self.marker.place(*self.seed(), self.k)


def _state(volumeNode):
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    place = [matrix.GetElement(row, column) for row in range(3) for column in range(4)]
    imageData = volumeNode.GetImageData()
    voxels = imageData and (imageData.GetDimensions(), imageData.GetPointData().GetScalars().GetMTime())
    return place, voxels, volumeNode.GetTransformNodeID()


def _unpacked(bits, columns):
    import numpy as np

    return np.unpackbits(bits, axis=1, count=columns)
