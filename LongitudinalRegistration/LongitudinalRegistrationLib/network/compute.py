"""What convolutions compute in: bfloat16 where the processor has it, else float32."""

from __future__ import annotations

from pathlib import Path

BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}


def best_compute() -> str:
    """What this processor is best at: "bfloat16" if Linux's /proc/cpuinfo names instructions for it, else "float32".

    Without such instructions bfloat16 is slower than float32.
    """
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return "float32"
    return "bfloat16" if words & BFLOAT16_FLAGS else "float32"


def convolution_policy(compute: str):
    """The policy of a Keras layer: weights in float32, work in `compute`.

    Raises
    ------
    ValueError
        If it is neither "float32" nor "bfloat16".
    """
    import keras

    if compute not in ("float32", "bfloat16"):
        raise ValueError(f"compute must be float32 or bfloat16, not {compute!r}")
    return keras.DTypePolicy("mixed_bfloat16" if compute == "bfloat16" else "float32")
