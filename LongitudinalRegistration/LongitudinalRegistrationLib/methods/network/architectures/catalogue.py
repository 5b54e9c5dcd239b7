"""The networks by name, and what must be known of them before Keras is there."""

from __future__ import annotations

from collections.abc import Sequence

SPACING_MM = {"cvpyramid": 4.0, "lkpyramid": 4.0, "vxm2": 2.0}
NETWORKS = tuple(SPACING_MM)
COMPILED_NETWORKS = ("cvpyramid",)
"""Those whose shipped form runs in compiled code; the others need a runtime."""
DEFAULT_NETWORK = "cvpyramid"
DIVISOR = 16


def check_sides(shape: Sequence[int | None]) -> None:
    """Check the size [k, j, i] of an input; a side may be None (any).

    Raises
    ------
    ValueError
        If a side is no multiple of 16.
    """
    if any(n is not None and n % DIVISOR for n in shape):
        raise ValueError(f"each side of the network's input must be a multiple of {DIVISOR}, not {shape}")


def network_options(name: str, leaky_slope: float, flow_resolution: str = "half") -> dict:
    """What build_network must be told, beside name and shape, to build a trained network again."""
    return {"flow_resolution": flow_resolution, "leaky_slope": leaky_slope} if name == "vxm2" else {}


def spacing_of(name: str) -> float:
    """Voxel size, mm, of the images a network takes."""
    return SPACING_MM[name]
