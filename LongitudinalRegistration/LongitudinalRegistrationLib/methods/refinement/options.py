"""How much work a refinement does, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefinementLevel:
    """One level of a refinement.

    image_mm: voxels of the images compared (2, 4, 8 or 16); ratio: voxels of the field are so many times as large (2
    or 4); steps: most Gauss-Newton steps; regularisation: weight of the squared slopes of the correction against the
    image differences; corners: how many of every eight image voxels are compared (1 to 8); from_error_mm: the level is
    passed over where less error than that is expected of the start, median over the body.
    """

    image_mm: float
    ratio: int
    steps: int
    regularisation: float
    corners: int = 8
    from_error_mm: float = 0.0

    @property
    def field_mm(self) -> float:
        """Voxel size of the field, mm."""
        return self.image_mm * self.ratio


FAST = (
    RefinementLevel(8.0, 2, 3, 0.1, from_error_mm=2.0),
    RefinementLevel(4.0, 4, 3, 0.1, corners=4, from_error_mm=1.0),
    RefinementLevel(2.0, 4, 4, 0.18, corners=2),
)
COARSE = (RefinementLevel(16.0, 2, 5, 0.075), RefinementLevel(8.0, 2, 4, 0.075))
ALONE = (
    *COARSE,
    RefinementLevel(4.0, 2, 3, 0.105, corners=4),
    RefinementLevel(2.0, 4, 3, 0.21, corners=2),
)
THOROUGH = (
    RefinementLevel(4.0, 2, 4, 0.105),
    RefinementLevel(2.0, 4, 4, 0.21),
    RefinementLevel(2.0, 2, 4, 0.105),
)
EFFORTS = {"fast": FAST, "thorough": THOROUGH}
EFFORTS_ALONE = {"fast": ALONE, "thorough": COARSE + THOROUGH}
"""Without a field to start from: from coarser levels on."""


@dataclass(frozen=True)
class RefinementOptions:
    """Options of a refinement.

    effort: "fast" (for a picture at once) or "thorough" (seconds, with a finer field); iterations: of conjugate
    gradients in a step; budget_seconds: no further step is begun after it; keep_volume_factor: how many times as strong
    the regularisation is where a change of volume is kept (see refine).
    """

    effort: str = "fast"
    iterations: int = 8
    budget_seconds: float = 20.0
    keep_volume_factor: float = 50.0

    def isValid(self) -> tuple[bool, str]:
        """Check the options.

        Returns
        -------
        ok, reason
            Whether they make sense, and if not, what to change.

        Examples
        --------
        >>> RefinementOptions(iterations=0).isValid()
        (False, 'iterations and keep_volume_factor must be 1 or more, budget_seconds positive.')
        """
        if self.effort not in EFFORTS:
            return False, f"The refinement's effort must be one of {', '.join(EFFORTS)}, not {self.effort}."
        if self.iterations < 1 or self.keep_volume_factor < 1 or self.budget_seconds <= 0:
            return False, "iterations and keep_volume_factor must be 1 or more, budget_seconds positive."
        return True, ""

    def levels(self, alone: bool) -> tuple[RefinementLevel, ...]:
        """List the levels to go through.

        Parameters
        ----------
        alone
            Without a network's field to start from, thus from coarser levels on.

        Examples
        --------
        >>> [level.image_mm for level in RefinementOptions().levels(alone=True)]
        [16.0, 8.0, 4.0, 2.0]
        """
        return (EFFORTS_ALONE if alone else EFFORTS)[self.effort]
