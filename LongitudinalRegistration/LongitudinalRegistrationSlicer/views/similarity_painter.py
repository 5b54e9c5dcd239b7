"""The painter that shows in a slice view how alike the scans are from place to place: local SSIM and local NCC.

What is alike stays clear, what is not is covered: from light to dark orange. The maps are made when they are first
asked for, within about a second.
"""

import numpy as np

from LongitudinalRegistrationSlicer.results.nodes import fixedOf, registeredOf
from LongitudinalRegistrationSlicer.views.lattice import Lattice, bordered
from LongitudinalRegistrationSlicer.views.legend import Legend
from LongitudinalRegistrationSlicer.views.upsampling import blended, coarsePointsOf

SSIM, NCC = "Local SSIM", "Local NCC"
MAPS = (SSIM, NCC)
UNLIKE, ALIKE = np.array((150.0, 40.0, 0.0), np.float32), np.array((255.0, 225.0, 140.0), np.float32)
OPACITY = 0.85
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class SimilarityPainter:
    """mode: one of MAPS, or anything else for nothing."""

    def __init__(self, result):
        self._result, self._maps, self._of = result, {}, None
        self.mode = ""

    def prepare(self):
        """Make the maps, unless they are made or there is no registered volume yet."""
        wanted = self._wanted()
        if wanted is not None and wanted != self._of:
            self._maps, self._of = _similarityLattices(fixedOf(self._result), registeredOf(self._result)), wanted

    def _wanted(self):
        """Return what the maps are to be of, or None while there is no registered volume."""
        registered = registeredOf(self._result)
        if registered is None or registered.GetImageData() is None or fixedOf(self._result) is None:
            return None
        return registered.GetID(), registered.GetImageData().GetMTime()

    def __call__(self, frame, picture):
        """Return the picture of a slice_overlay.Frame with the map over it."""
        if self.mode not in MAPS or frame.background is None or not self._isMade():
            return picture
        values = self._maps[self.mode].sample(coarsePointsOf(frame))
        likeness = np.clip(values[..., 0] / np.maximum(values[..., 1], 1e-3), 0, 1)
        return blended(picture, _colours(likeness), (1 - likeness) * values[..., 1] * np.float32(OPACITY))

    def legend(self):
        """Return the Legend of what is shown, or None."""
        if self.mode not in MAPS:
            return None
        if not self._isMade():
            return Legend((self.mode, "not computed yet" if self._wanted() else "no registered volume"))
        bar = tuple(tuple(colour) for colour in _colours(np.linspace(0, 1, 64, dtype=np.float32)))
        return Legend((self.mode,), (("", bar),), ((0.0, "0"), (0.5, "0.5"), (1.0, "1")))

    def _isMade(self):
        return self._of is not None and self._of == self._wanted()


def _colours(likeness):
    return UNLIKE + (ALIKE - UNLIKE) * likeness[..., None]


def _similarityLattices(fixed, registered):
    """Return a Lattice for each of MAPS: the likeness times, and whether it is known (0 or 1)."""
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.evaluation.similarity_maps import similarity_maps
    from LongitudinalRegistrationLib.scan.geometry import voxel_matrix
    from TableRemovalSlicer.volumes import imageFromVolumeNode

    found = similarity_maps(imageFromVolumeNode(fixed), imageFromVolumeNode(registered))
    lattices = {}
    for mode, image in ((SSIM, found.ssim), (NCC, found.ncc)):
        values = sitk.GetArrayFromImage(image)
        known = np.isfinite(values).astype(np.float32)
        pair = np.stack([np.nan_to_num(values) * known, known], axis=-1)
        lattices[mode] = Lattice(*bordered(pair, LPS_TO_RAS @ voxel_matrix(image)))
    return lattices
