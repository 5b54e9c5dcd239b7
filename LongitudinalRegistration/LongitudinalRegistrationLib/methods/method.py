"""What a method is: a way from a pair of prepared scans and a start to a displacement field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..scan.pyramid import ScanPyramid


class MethodError(RuntimeError):
    """A method did not start, or has failed: another one may do."""


class Clock(Protocol):
    """Measures the stages of the work, and is told how far each is."""

    def stage(self, name: str) -> AbstractContextManager[Callable[[float], None]]:
        """Measure a block; gives the function that takes its progress, 0 to 1."""
        ...

    def report(self) -> dict[str, float]:
        """Seconds of every stage."""
        ...


@dataclass(frozen=True)
class Problem:
    """A pair of scans as every method sees it.

    Attributes
    ----------
    fixed, moving
        The scans, prepared.
    stages
        The clock of the work.
    keep_volume
        Mask on the fixed scan's grid, uint8: lesions whose change of volume is kept. None: no such place.
    """

    fixed: ScanPyramid
    moving: ScanPyramid
    stages: Clock
    keep_volume: sitk.Image | None = None


@dataclass(frozen=True)
class Start:
    """Where a method starts: at T(x) = A(x + u(x)).

    Attributes
    ----------
    affine
        A: fixed points to moving points, LPS, mm.
    field
        u: vector image, LPS, mm, any grid over the fixed scan. None: zero.
    expected_error
        How far off the field is expected to be: image, mm, any grid over the fixed scan. None: not known.
    """

    affine: sitk.AffineTransform
    field: sitk.Image | None = None
    expected_error: sitk.Image | None = None


@dataclass(frozen=True)
class Answer:
    """What a method has found: T(x) = A(x + u(x)), fixed points to moving points.

    Attributes
    ----------
    affine
        A: that of the start, or of the method's own.
    field
        u: vector image, LPS, mm.
    network
        Name of the model that was used, if any.
    known_mm
        The largest displacement component that the model was trained on; None without a model.
    warnings
        For the user, a sentence each.
    expected_error
        How far off the field is expected to be: image, mm. None: not known.
    """

    affine: sitk.AffineTransform
    field: sitk.Image
    network: str | None = None
    known_mm: float | None = None
    warnings: tuple[str, ...] = ()
    expected_error: sitk.Image | None = None


@runtime_checkable
class Method(Protocol):
    """A method, made from the options of a registration (of which each takes what concerns it)."""

    def missing(self) -> str:
        """Why it cannot run here, and how to mend that, in words; empty if it can run."""
        ...

    def load(self) -> None:
        """Load what takes time when it is first used; called where `missing` is empty.

        Raises
        ------
        MethodError
            If that fails.
        """
        ...

    def register(self, problem: Problem, start: Start | None) -> Answer:
        """Find the displacement field.

        Parameters
        ----------
        start
            None: the method finds its own affine; only methods that are `independent` are asked to (see registry).

        Raises
        ------
        InputError
            If what the method needs is not installed.
        MethodError
            If it fails.
        """
        ...
