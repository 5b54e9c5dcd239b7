"""Passes of a network by Keras on TensorFlow: what training leaves, and the reference of the shipped form."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .model_store import Model

if TYPE_CHECKING:
    import keras


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send this process's standard error nowhere for a while; TensorFlow's C++ start-up logs there regardless."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def quiet_tensorflow() -> None:
    """Keep TensorFlow's messages off the terminal; to be called before its first import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


class KerasPasses:
    """A network with its weights in Keras, traced once for every size of input.

    Parameters
    ----------
    model
        With weights.
    threads
        Most threads TensorFlow may use; it counts only before TensorFlow has run the first time.
    """

    def __init__(self, model: Model, threads: int | None = None) -> None:
        quiet_tensorflow()
        with muted_stderr():
            import tensorflow as tf

            _bound_threads(tf, threads)
            tf.zeros(())
        from .build import build_network

        network = build_network(model.network, **model.options)
        network.load_weights(model.weights)
        self._passes = traced_passes(network)

    def __call__(self, pair: np.ndarray, to_the_end: bool = True) -> np.ndarray:
        """The flow [k, j, i, 3], voxels of the input, of a pair (1, k, j, i, 2), float32."""
        name = "head_start" if "head_start" in self._passes and not to_the_end else "flow"
        return self._passes[name](pair).numpy()[0]


def traced_passes(network: keras.Model) -> dict[str, Callable[[Any], Any]]:
    """The passes of a network: "flow" and, where it has one, "head_start".

    Returns
    -------
    dict
        Functions of TensorFlow that take a pair of images (1, k, j, i, 2), float32, of any size.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((1, None, None, None, 2), tf.float32, name="pair")]
    passes = {"flow": tf.function(lambda pair: network(pair, training=False), input_signature=signature)}
    if hasattr(network, "head_start"):
        passes["head_start"] = tf.function(network.head_start, input_signature=signature)
    return passes


def _bound_threads(tf: ModuleType, threads: int | None) -> None:
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(max(1, threads // 2))
    except RuntimeError:
        pass
