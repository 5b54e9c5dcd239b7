"""All that decides a scan's body mask: the options for the whole scan and the overrides for single slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from TableRemovalLib.options import TableRemovalOptions
from TableRemovalLib.overrides import ScanOverrides


@dataclass(frozen=True)
class EditState:
    """One state of the editing. `indices` below are the slices that a change is for; None is the whole scan."""

    options: TableRemovalOptions
    overrides: ScanOverrides

    def slice_options(self, k: int) -> TableRemovalOptions:
        """Return the options that hold in slice k: those of the whole scan, with the slice's own in their place."""
        own = self.overrides.at(k)
        return replace(
            self.options,
            seed_ij=self.options.seed_ij if own.seed_ij is None else own.seed_ij,
            seed_size=self.options.seed_size if own.seed_size is None else own.seed_size,
            threshold=self.options.threshold if own.threshold is None else own.threshold,
        )

    def with_threshold(self, threshold: float | None, indices: Iterable[int] | None = None) -> EditState:
        """Set T_G; None is automatic, for slices: as the whole scan."""
        return self._changed(indices, threshold=threshold)

    def with_seed(self, seed_ij: tuple[int, int] | None, indices: Iterable[int] | None = None) -> EditState:
        """Set the seed's column and row; None is automatic, for slices: as the whole scan."""
        return self._changed(indices, seed_ij=seed_ij)

    def with_seed_size(self, seed_size: int, indices: Iterable[int] | None = None) -> EditState:
        """Set the side of the seed square in pixels."""
        return self._changed(indices, seed_size=seed_size)

    def with_options(self, **changes: Any) -> EditState:
        """Replace options of the whole scan."""
        return replace(self, options=replace(self.options, **changes))

    def with_overrides(self, overrides: ScanOverrides) -> EditState:
        """Replace the overrides."""
        return replace(self, overrides=overrides)

    def _changed(self, indices: Iterable[int] | None, **changes: Any) -> EditState:
        if indices is None:
            return self.with_options(**changes)
        return self.with_overrides(self.overrides.changed(indices, **changes))


def with_paper_values(state: EditState) -> EditState:
    """Return the state with the paper's method and values (section 3.2.1) for the whole scan; overrides stay."""
    return state.with_options(method="paper", threshold=None, seed_ij=None, seed_size=50, min_area_pixels=None)
