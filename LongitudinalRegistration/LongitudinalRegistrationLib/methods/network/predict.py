"""One pass of a trained network: two normalised images in, a displacement field in mm out. Always in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ...scan.grid import Grid
from ..method import MethodError
from .architectures.catalogue import DIVISOR
from .model_store import Model
from .runtime import Passes, load_passes


class NetworkError(MethodError):
    """The network could not be loaded or run."""


@dataclass(frozen=True)
class Prediction:
    """What a network says of a pair.

    Attributes
    ----------
    field
        Vector image over the box of the network's input, on the voxels of its flow (coarser by a whole factor), mm,
        LPS: from a fixed point to its moving point.
    expected_error
        How long the error of the field is expected to be: image like the field, mm; None of a network that does not
        say so.
    """

    field: sitk.Image
    expected_error: sitk.Image | None


class Predictor:
    """A network with its weights, ready to run.

    Parameters
    ----------
    model
        From find_model.
    threads
        Most threads at work; None: all cores.
    load
        What loads the model into a runtime; see runtime.load_passes.

    Raises
    ------
    NetworkError
        If the runtime does not start or the model does not fit.
    """

    def __init__(
        self, model: Model, threads: int | None = None, load: Callable[[Model, int | None], Passes] = load_passes
    ):
        self.model = model
        try:
            self._passes = load(model, threads)
            self._passes(np.zeros((1, DIVISOR, DIVISOR, DIVISOR, 2), np.float32))
        except Exception as error:
            raise NetworkError(f"the network did not load ({type(error).__name__}: {error})") from error

    def predict(self, fixed: np.ndarray, moving: np.ndarray, grid: Grid) -> Prediction:
        """Predict the displacement field, and how far off it is.

        Parameters
        ----------
        fixed, moving
            [k, j, i] on the grid, float32, [0, 1].

        Returns
        -------
        Prediction
            In mm.

        Raises
        ------
        NetworkError
            If the images hold, or the pass gives, values that are not finite, or the pass fails.
        """
        if not (np.isfinite(fixed).all() and np.isfinite(moving).all()):
            raise NetworkError("the images hold values that are not finite")
        pair = np.stack([fixed, moving], axis=-1)[None].astype(np.float32)
        try:
            flow, error = self._passes(pair)
        except Exception as failure:
            raise NetworkError(f"the network failed ({type(failure).__name__}: {failure})") from failure
        if not np.isfinite(flow).all() or (error is not None and not np.isfinite(error).all()):
            raise NetworkError("the network gave values that are not finite")
        voxels, mm = grid.coarser(grid.size[0] // flow.shape[2]), np.float32(grid.spacing_mm)
        return Prediction(voxels.image(flow * mm), None if error is None else voxels.image(error * mm))

    def field(self, fixed: np.ndarray, moving: np.ndarray, grid: Grid) -> sitk.Image:
        """Predict the displacement field alone; see predict.

        Parameters
        ----------
        fixed, moving
            [k, j, i] on the grid, float32, [0, 1].

        Returns
        -------
        SimpleITK.Image
            Prediction.field.
        """
        return self.predict(fixed, moving, grid).field


_loaded: dict[tuple, Predictor] = {}


def loaded_predictor(model: Model, threads: int | None = None) -> Predictor:
    """The predictor of a model, loaded once in a process; see Predictor.

    Raises
    ------
    NetworkError
        If the runtime does not start or the model does not fit.
    """
    key = model.sha256, threads
    if key not in _loaded:
        _loaded[key] = Predictor(model, threads)
    return _loaded[key]
