"""Whether this processor's gradients in bfloat16 are right: compared with those in float32, at the sizes in use.

TensorFlow 2.21 gives wrong weight gradients of 3 x 3 x 3 convolutions on maps of 2 x 2 x 2 voxels on some processors
with AVX512-BF16, at times infinite ones, where everything else it computes is right. So nothing is concluded from a
processor's name: the network that is to be trained is asked for the gradients of one batch, in both types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .config import LossOptions

if TYPE_CHECKING:
    import keras

LARGEST_DEVIATION = 0.25
"""Right ones deviate by 0.003 to 0.04 of their size, wrong ones by about 1 or more."""
NEGLIGIBLE = 1e-3


def deviations(reference: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> list[float]:
    """Compare gradients with a reference, variable by variable: norm of the difference over norm of the reference.

    Where a gradient is smaller than a thousandth of the largest, it is compared with that instead.

    Parameters
    ----------
    reference, other
        An array for each variable.

    Returns
    -------
    list of float
        One for each variable; infinite where a value is not finite.

    Examples
    --------
    >>> deviations([np.array([3.0, 4.0])], [np.array([3.0, 3.5])])
    [0.1]
    """
    floor = NEGLIGIBLE * max(np.linalg.norm(values) for values in reference)
    found = []
    for right, values in zip(reference, other, strict=True):
        error = np.linalg.norm(values.astype(np.float64) - right) / max(np.linalg.norm(right), floor)
        found.append(float(error) if np.isfinite(error) else np.inf)
    return found


def wrong_in_bfloat16(gradients_in: Callable[[str], Sequence[np.ndarray]]) -> str:
    """Why bfloat16 cannot be used, in words; empty if its gradients are right.

    Parameters
    ----------
    gradients_in
        Gives the gradients of one batch, an array a variable, for "float32" and for "bfloat16".

    Returns
    -------
    str
        Words for the user, or empty.
    """
    reference = gradients_in("float32")
    found = deviations(reference, gradients_in("bfloat16"))
    worst = int(np.argmax(found))
    if found[worst] <= LARGEST_DEVIATION:
        return ""
    shape = " x ".join(str(n) for n in reference[worst].shape)
    return (
        f"gradients in bfloat16 are wrong on this processor: those of a weight of {shape} are off by "
        f"{100 * found[worst]:.0f} % of their size"
    )


def batch_gradients(
    network: keras.Model, loss: LossOptions, block: Sequence[int], batch: int, seed: int
) -> list[np.ndarray]:
    """The gradients of one batch of noise, by a step of gradient descent of length 1.

    Parameters
    ----------
    network
        As from build_network; its weights are changed.
    loss
        LossOptions.
    block
        Voxels [k, j, i].
    batch
        Samples.
    seed
        Of the noise.

    Returns
    -------
    list of numpy.ndarray
        One for each variable that is trained.
    """
    import keras
    from keras import ops

    from .stepper import compiled_model

    rng = np.random.default_rng(seed)
    images = rng.random((batch, *block, 2), np.float32)
    truth = np.concatenate(
        [rng.normal(size=(batch, *block, 3)), np.ones((batch, *block, 1))], axis=-1, dtype=np.float32
    )
    model = compiled_model(network, loss, keras.optimizers.SGD(1.0))
    before = [np.copy(ops.convert_to_numpy(v.value)) for v in network.trainable_variables]
    model.train_on_batch(images, truth)
    after = (ops.convert_to_numpy(v.value) for v in network.trainable_variables)
    return [start - end for start, end in zip(before, after, strict=True)]
