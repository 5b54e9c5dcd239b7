"""Options of the table removal. Imports nothing but the standard library."""

from __future__ import annotations

import math
from dataclasses import dataclass

METHODS = ("robust", "paper")


@dataclass(frozen=True)
class TableRemovalOptions:
    """What the user can choose.

    method: "robust" (3-D consistency between slices, the default) or "paper" (van Eijnatten et al. 2021,
        section 3.2.1, eq. 1, slice by slice).
    threshold: inclusion threshold T_G in [0, 1], 1 being 4095 HU. None is automatic: `paper` raises it from 0.08 to
        0.40 in steps of 0.02 until a slice has its least area, `robust` takes the half-way value between air and skin
        (-500 HU). Given, `paper` uses this value in every slice; `robust` calls tissue what is above the median
        intensity of the scan's soft tissue minus T_G * 4095 HU (0.13 is about -500 HU).
    seed_ij: column i and row j of the seed square's centre, the same in every slice. None is the slice's
        centre for `paper`, automatic for `robust`. Given, `robust` keeps the region nearest to the seed as
        the patient's trunk instead of the largest one.
    seed_size: side of the seed square in pixels.
    fill_hu: value given to everything outside the mask, HU.
    min_area_pixels: least area of the region of `paper`, in pixels. None is 6000 on a 512 x 512 grid and the
        same share of a slice (2.3 %) on others.
    """

    method: str = "robust"
    threshold: float | None = None
    seed_ij: tuple[int, int] | None = None
    seed_size: int = 50
    fill_hu: float = -1024.0
    min_area_pixels: int | None = None

    def isValid(self) -> tuple[bool, str]:  # noqa: N802
        """Return (ok, reason); the reason is one line that says what to do, empty where all is well."""
        for reason in (
            self._method_problem(),
            self._threshold_problem(),
            self._seed_problem(),
            self._rest_problem(),
        ):
            if reason:
                return False, reason
        return True, ""

    def _method_problem(self) -> str:
        if self.method in METHODS:
            return ""
        return f"unknown table removal method {self.method!r}: choose one of {', '.join(METHODS)}"

    def _threshold_problem(self) -> str:
        if self.threshold is None:
            return ""
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int | float):
            return f"threshold is {self.threshold!r}: give a number above 0 and up to 1, or none for automatic"
        if not (math.isfinite(self.threshold) and 0.0 < self.threshold <= 1.0):
            return f"threshold is {self.threshold}: give a number above 0 and up to 1, or none for automatic"
        return ""

    def _seed_problem(self) -> str:
        if not isinstance(self.seed_size, int) or self.seed_size < 1:
            return f"seed_size is {self.seed_size!r}: give a whole number of pixels, 1 or more"
        if self.seed_ij is None:
            return ""
        try:
            i, j = self.seed_ij
            inside = int(i) == i and int(j) == j and i >= 0 and j >= 0
        except (TypeError, ValueError):
            inside = False
        return "" if inside else f"seed_ij is {self.seed_ij!r}: give two pixel indices i,j (column, row), 0 or more"

    def _rest_problem(self) -> str:
        if not isinstance(self.fill_hu, int | float) or not math.isfinite(self.fill_hu):
            return f"fill_hu is {self.fill_hu!r}: give a number in HU, for example -1024"
        if self.min_area_pixels is not None and (not isinstance(self.min_area_pixels, int) or self.min_area_pixels < 1):
            return f"min_area_pixels is {self.min_area_pixels!r}: give a whole number of pixels, 1 or more"
        return ""
