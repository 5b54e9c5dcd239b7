"""What the convolutions of a training run compute in; what registers always computes in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

COMPUTE = ("float32", "bfloat16")


def convolution_policy(compute: str) -> keras.DTypePolicy:
    """The policy of a Keras layer: weights in float32, work in `compute`.

    Raises
    ------
    ValueError
        If it is neither "float32" nor "bfloat16".
    """
    import keras

    if compute not in COMPUTE:
        raise ValueError(f"compute must be float32 or bfloat16, not {compute!r}")
    return keras.DTypePolicy("mixed_bfloat16" if compute == "bfloat16" else "float32")
