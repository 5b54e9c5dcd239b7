"""What is likely wrong with a slice of a body mask, judged by the scan alone and not by how the mask was made.

1. Soft tissue outside: the patient's skin, with the fat under it, or a limb was left out.
2. Air or foam just inside of the outline: the table, clothes, or a slice's mask at another place. In the outermost
   2 mm, where skin is partly air, that is what is darker than half-way between the two.
3. Something deep in the body and not in the mask: a hole, surrounded by it, or a leak into the lung or the bowel, which
   only a narrow way joins to the outside.
4. A region apart from the body that has no fat, as every limb has: a prosthesis that lies on the skin, a rail, a clamp,
   a strip of the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from TableRemovalLib.disc_kernels import dilate, disc_half_heights, erode, open_mask
from TableRemovalLib.label_kernels import overlaps, region_tissues
from TableRemovalLib.outline_kernels import count_dark, surrounded, threshold_slice
from TableRemovalLib.region_kernels import fill_holes, label_slice
from TableRemovalLib.regions import AIR_HU, ALL, FAT, LEAST_FAT_SHARE, LEAST_SHARES, TISSUE_BORDERS_HU

SOFT_HU = (-200.0, 200.0)
DARK_HU = -300.0
NO_SKIN_HU = -600.0
THINNEST_MM = 3.0
NEAR_MM = 3.0
SKIN_MM = 2.0
RIM_MM = 3.0
EDGE_MM = 5.0
HOLE_RADIUS_MM = 3.0
WAY_RADIUS_MM = 4.0
DEPTH_MM = 10.0
MOST_AT_SKIN_MM2 = 300.0
LEAST_FAT_AT_SKIN = 0.05
LEAST_LIMB_MM2 = 500.0
MOST_DARK_MM2 = 100.0
MOST_HOLES_MM2 = 520.0
MOST_DEEP_MM2 = 350.0
MOST_APART_MM2 = 300.0


@dataclass(frozen=True)
class OutlineFindings:
    """left_out: soft tissue lies outside. air_inside: air or foam lies just inside of the outline. hole: something deep
    in the body is not in the mask. apart: what lies apart from the body has no fat."""

    left_out: bool
    air_inside: bool
    hole: bool
    apart: bool


class OutlineChecker:
    """Checks slices of one scan; holds the working memory of one thread.

    Parameters
    ----------
    spacing_mm
        Voxel size along i, j, k, mm.
    sheets
        1 where the table's sheets lie, uint8 [j, i].
    measured
        1 where the scanner measured, uint8 [j, i].
    in_hu
        Whether intensities are HU; where not, only holes are looked for.
    """

    def __init__(
        self, spacing_mm: tuple[float, float, float], sheets: np.ndarray, measured: np.ndarray, in_hu: bool = True
    ) -> None:
        self._in_hu = in_hu
        pixel_mm = max(spacing_mm[:2])
        self._pixel_mm2 = spacing_mm[0] * spacing_mm[1]
        self._thin = disc_half_heights(THINNEST_MM / 2, spacing_mm[0], spacing_mm[1])
        self._near, self._skin, self._rim, self._hole, self._way, self._deep, edge = (
            disc_half_heights(max(radius, pixel_mm), spacing_mm[0], spacing_mm[1])
            for radius in (
                NEAR_MM,
                SKIN_MM,
                RIM_MM + 2 * pixel_mm,
                HOLE_RADIUS_MM,
                WAY_RADIUS_MM,
                DEPTH_MM,
                EDGE_MM,
            )
        )
        self._sheets = sheets
        self._spare, self._first, self._second, self._third, self._edge = (np.empty_like(sheets) for _ in range(5))
        dilate(1 - measured, edge, self._spare, self._edge)

    def check(self, image: np.ndarray, mask: np.ndarray) -> OutlineFindings:
        """Check a slice.

        Parameters
        ----------
        image
            The slice in HU, int16 or float32 [j, i].
        mask
            uint8 0/1 [j, i].

        Returns
        -------
        OutlineFindings
            What is likely wrong.
        """
        hole = self._is_hollow(mask)
        if not self._in_hu:
            return OutlineFindings(False, False, hole, False)
        return OutlineFindings(
            self._left_out(image, mask),
            self._is_dark_inside(image, mask),
            hole,
            self._is_no_limb(image, mask),
        )

    def _left_out(self, image: np.ndarray, mask: np.ndarray) -> bool:
        threshold_slice(image, *SOFT_HU, mask | self._sheets, self._first)
        open_mask(self._first, self._thin, self._spare, self._first)
        return self._is_skin(image, mask, self._first) or self._is_limb(image, self._first)

    def _is_skin(self, image: np.ndarray, mask: np.ndarray, soft: np.ndarray) -> bool:
        """Whether a region of soft tissue at the mask has fat, which a prosthesis on the skin has not."""
        count = label_slice(soft, MOST_AT_SKIN_MM2 / self._pixel_mm2, self._second)
        if count == 0:
            return False
        tissues = region_tissues(image, self._second, soft, count, TISSUE_BORDERS_HU, AIR_HU)[1:]
        dilate(mask, self._near, self._spare, self._third)
        at_skin = overlaps(self._second, self._third, count, 1)[1:, 1] > 0
        return bool((at_skin & (tissues[:, FAT] >= LEAST_FAT_AT_SKIN * tissues[:, ALL])).any())

    def _is_limb(self, image: np.ndarray, soft: np.ndarray) -> bool:
        """Whether a large region of soft tissue has the tissues of a limb; `soft` is changed."""
        fill_holes(soft)
        count = label_slice(soft, LEAST_LIMB_MM2 / self._pixel_mm2, self._second)
        if count == 0:
            return False
        tissues = region_tissues(image, self._second, soft, count, TISSUE_BORDERS_HU, AIR_HU)[1:]
        return bool(np.all([tissues[:, t] >= s * tissues[:, ALL] for t, s in LEAST_SHARES.items()], axis=0).any())

    def _is_no_limb(self, image: np.ndarray, mask: np.ndarray) -> bool:
        """Whether a region of the mask beside the largest has no fat."""
        count = label_slice(mask, MOST_APART_MM2 / self._pixel_mm2, self._second)
        if count < 2:
            return False
        tissues = region_tissues(image, self._second, mask, count, TISSUE_BORDERS_HU, AIR_HU)[1:]
        beside = np.delete(tissues, tissues[:, ALL].argmax(), axis=0)
        return bool((beside[:, FAT] < LEAST_FAT_SHARE * beside[:, ALL]).any())

    def _is_dark_inside(self, image: np.ndarray, mask: np.ndarray) -> bool:
        most = MOST_DARK_MM2 / self._pixel_mm2
        erode(mask, self._skin, self._spare, self._first)
        erode(mask, self._rim, self._spare, self._second)
        return (
            count_dark(image, self._first, self._second, self._edge, DARK_HU) > most
            or count_dark(image, mask, self._second, self._edge, NO_SKIN_HU) > most
        )

    def _is_hollow(self, mask: np.ndarray) -> bool:
        return (
            self._deep_outside(mask) * self._pixel_mm2 > MOST_DEEP_MM2
            or self._holes(mask) * self._pixel_mm2 > MOST_HOLES_MM2
        )

    def _deep_outside(self, mask: np.ndarray) -> int:
        """Pixels outside the mask that are deep inside once narrow ways are closed."""
        dilate(mask, self._way, self._spare, self._first)
        erode(self._first, self._way, self._spare, self._first)
        fill_holes(self._first)
        erode(self._first, self._deep, self._spare, self._first)
        return int(np.count_nonzero(self._first > mask))

    def _holes(self, mask: np.ndarray) -> int:
        surrounded(mask, self._first)
        if not self._first.any():
            return 0
        open_mask(self._first, self._hole, self._spare, self._first)
        return int(np.count_nonzero(self._first))
