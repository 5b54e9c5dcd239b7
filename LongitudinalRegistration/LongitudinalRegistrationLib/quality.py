"""Whether a registration can be trusted, and if not, why: the rules by which `auto` falls back to NiftyReg."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agreement import Agreement

MAX_NDV_PERCENT = 0.1
RANGE_FACTOR = 1.5
SIMILARITY_TOLERANCE = 0.005
# What is said of a start that may be wrong; who judges the report knows it by these words (verdict.py).
AFFINE_DOUBT = "the affine alignment may have failed"


def reason_for_doubt(
    affine: Agreement, result: Agreement, ndv_percent: float, displacement_mm: float, known_mm: float
) -> str | None:
    """Why a result should not be trusted, in words; None if nothing speaks against it.

    Parameters
    ----------
    affine, result
        Agreement of the scans after the affine step alone and of the result.
    ndv_percent
        Folded part of the body, percent.
    displacement_mm
        Largest displacement component within the body, after the affine step.
    known_mm
        The largest displacement component that the model was trained on.
    """
    least = affine.ncc - SIMILARITY_TOLERANCE, affine.local_ncc - SIMILARITY_TOLERANCE
    if result.ncc < least[0] or result.local_ncc < least[1]:
        return (
            f"the result is less similar to the fixed scan than the affine alignment alone (NCC {result.ncc:.3f} "
            f"after {affine.ncc:.3f}, local NCC {result.local_ncc:.3f} after {affine.local_ncc:.3f})"
        )
    if ndv_percent > MAX_NDV_PERCENT:
        return f"the field folds in {ndv_percent:.2f} % of the body"
    if displacement_mm > RANGE_FACTOR * known_mm:
        return f"displacements of {displacement_mm:.0f} mm are out of the range the model knows ({known_mm:.0f} mm)"
    return None
