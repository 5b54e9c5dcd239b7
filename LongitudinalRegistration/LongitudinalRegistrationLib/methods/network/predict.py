"""One pass of a trained network: two normalised images in, a displacement field in mm out. Always in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from ...scan.grid import Grid
from ..method import MethodError
from .architectures.catalogue import DIVISOR
from .model_store import Model
from .runtime import Passes, load_passes


class NetworkError(MethodError):
    """The network could not be loaded or run."""


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
            self._passes(np.zeros((1, DIVISOR, DIVISOR, DIVISOR, 2), np.float32), False)
        except Exception as error:
            raise NetworkError(f"the network did not load ({type(error).__name__}: {error})") from error

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
            flow = self._passes(pair, to_the_end)
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
        If the runtime does not start or the model does not fit.
    """
    key = model.sha256, threads
    if key not in _loaded:
        _loaded[key] = Predictor(model, threads)
    return _loaded[key]
