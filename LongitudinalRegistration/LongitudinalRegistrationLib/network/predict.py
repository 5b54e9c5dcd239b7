"""One pass of a trained network: two normalised images in, a displacement field in mm out."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import SimpleITK as sitk

from ..grid import Grid
from .compute import best_compute
from .model_store import Model

TRIAL_SHAPE = (64, 48, 80)


class NetworkError(RuntimeError):
    """The network could not be loaded or run."""


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


class Predictor:
    """A network with its weights, ready to run.

    Parameters
    ----------
    model
        From find_model.
    threads
        Most threads TensorFlow may use; it counts only before TensorFlow has run the first time.
    compute
        What convolutions compute in: "float32" or "bfloat16".

    Raises
    ------
    NetworkError
        If TensorFlow does not start or the weights do not fit.
    """

    def __init__(self, model: Model, threads: int | None = None, compute: str = "float32"):
        quiet_tensorflow()
        try:
            with muted_stderr():
                import tensorflow as tf

                _bound_threads(tf, threads)
                tf.zeros(())
            from .architectures import build_network

            self.model, self._warm = model, set()
            network = build_network(model.network, compute=compute, **model.options)
            network.load_weights(model.weights)
            whole = tf.function(lambda pair: network(pair, training=False))
            start = tf.function(network.head_start) if hasattr(network, "head_start") else whole
            self._passes = {True: whole, False: start}
        except Exception as error:
            raise NetworkError(f"the network did not load ({type(error).__name__}: {error})") from error

    def warm_up(self, shape: tuple[int, int, int] | None = None, again: bool = False, to_the_end: bool = True) -> None:
        """One pass over nothing, once a shape [k, j, i]: TensorFlow traces and compiles now, not at the first scan."""
        key = tuple(shape or self.model.size[::-1]), to_the_end
        if again or key not in self._warm:
            self._passes[to_the_end](np.zeros((1, *key[0], 2), np.float32))
            self._warm.add(key)

    def field(self, fixed: np.ndarray, moving: np.ndarray, grid: Grid, to_the_end: bool = True) -> sitk.Image:
        """Predict the displacement field.

        Parameters
        ----------
        fixed, moving
            [k, j, i] on the grid, float32, [0, 1].
        to_the_end
            Whether the finest steps are done too, which a refinement of the field makes superfluous; a network without
            steps always goes to its end.

        Returns
        -------
        sitk.Image
            Vector image over the same box, on the voxels of the network's flow (coarser than the grid by a whole
            factor), mm, LPS: from a fixed point to its moving point.

        Raises
        ------
        NetworkError
            If the images hold, or the pass gives, values that are not finite, or the pass fails.
        """
        if not (np.isfinite(fixed).all() and np.isfinite(moving).all()):
            raise NetworkError("the images hold values that are not finite")
        pair = np.stack([fixed, moving], axis=-1)[None].astype(np.float32)
        try:
            flow = self._passes[to_the_end](pair).numpy()[0]
        except Exception as error:
            raise NetworkError(f"the network failed ({type(error).__name__}: {error})") from error
        if not np.isfinite(flow).all():
            raise NetworkError("the network gave values that are not finite")
        return grid.coarser(grid.size[0] // flow.shape[2]).image(flow * np.float32(grid.spacing_mm))


_loaded: dict[tuple, Predictor] = {}


def loaded_predictor(model: Model, threads: int | None = None) -> Predictor:
    """The predictor of a model, loaded once in a process; see Predictor.

    Raises
    ------
    NetworkError
        If TensorFlow does not start or the weights do not fit.
    """
    key = model.sha256, threads
    if key not in _loaded:
        _loaded[key] = Predictor(model, threads, faster_compute(model, threads))
    return _loaded[key]


def faster_compute(model: Model, threads: int | None, shape: tuple[int, int, int] = TRIAL_SHAPE) -> str:
    """What this processor is faster in: "float32", or "bfloat16" where it has instructions for that and they pay."""
    if best_compute() == "float32":
        return "float32"
    return min(("float32", "bfloat16"), key=lambda compute: _seconds_of_a_pass(model, threads, shape, compute))


def _seconds_of_a_pass(model: Model, threads: int | None, shape: tuple[int, int, int], compute: str) -> float:
    predictor = Predictor(model, threads, compute)
    predictor.warm_up(shape)
    begun = time.perf_counter()
    predictor.warm_up(shape, again=True)
    return time.perf_counter() - begun


def _bound_threads(tf, threads: int | None) -> None:
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(max(1, threads // 2))
    except RuntimeError:
        pass
