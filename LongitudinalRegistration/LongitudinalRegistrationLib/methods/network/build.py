"""Build a network by its name; imports Keras only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def build_network(
    name: str,
    shape: tuple[int | None, int | None, int | None] = (None, None, None),
    flow_resolution: str = "half",
    leaky_slope: float = 0.2,
    compute: str = "float32",
) -> keras.Model:
    """Build a network; see build_cvpyramid, build_lkpyramid and build_vxm2.

    Only the last of them takes a resolution and a slope.

    Parameters
    ----------
    name
        One of NETWORKS.
    shape
        Input size [k, j, i]; None: any.
    flow_resolution
        "half" or "full": of the flow against the input.
    leaky_slope
        Slope of the activations below zero.
    compute
        One of compute.COMPUTE.

    Raises
    ------
    ValueError
        If the name is unknown or a size does not fit the network.
    """
    if name == "cvpyramid":
        from .architectures.cvpyramid import build_cvpyramid

        return build_cvpyramid(shape, compute)
    if name == "lkpyramid":
        from .architectures.lkpyramid import build_lkpyramid

        return build_lkpyramid(shape, compute)
    if name == "vxm2":
        from .architectures.vxm2 import build_vxm2

        return build_vxm2(shape, flow_resolution, leaky_slope, compute)
    raise ValueError(f"there is no network {name!r}")
