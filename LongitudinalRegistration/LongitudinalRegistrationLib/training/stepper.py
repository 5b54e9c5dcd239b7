"""One gradient step, the same on every backend of Keras: the network, its loss and its optimiser."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..network.fields import double, halve
from ..network.losses import diffusion_loss, inverse_consistency_loss, local_ncc_loss, mean_length
from ..network.spatial_transformer import warp
from .config import LossOptions

OUTSIDE_WEIGHT = 0.05
EARLIER_STEPS = 0.5
CLIP_NORM = 1.0


def flows_of(network, pair) -> list:
    """All flows a network gives, the last one its answer; (batch, k, j, i, 3), voxels of the input."""
    return network.flows(pair) if hasattr(network, "flows") else [network(pair)]


def on_grid_of(values, flow):
    """Means of values (batch, k, j, i, channels) over the voxels of a coarser flow."""
    while values.shape[1] > flow.shape[1]:
        values = halve(values)
    return values


class TrainingModel(keras.Model):
    """A network with the loss that LossOptions asks for."""

    def __init__(self, network, options: LossOptions, **kwargs):
        super().__init__(**kwargs)
        self.network, self.options = network, options
        self.error = keras.metrics.Mean(name="end_point_error")
        self.total = keras.metrics.Mean(name="total")
        self.built = True

    def call(self, pair, training=None):
        return flows_of(self.network, pair)

    @staticmethod
    def _at_full_size(flow, pair):
        while flow.shape[1] < pair.shape[1]:
            flow = double(flow)
        return flow

    def _end_point(self, flows, truth):
        """Mean distance in the body, with a little of what lies outside; every step counts, the last one most."""
        loss = 0.0
        for number, flow in enumerate(flows):
            here = on_grid_of(truth, flow)
            weight = OUTSIDE_WEIGHT + (1.0 - OUTSIDE_WEIGHT) * here[..., 3:]
            share = 1.0 if number == len(flows) - 1 else EARLIER_STEPS / len(flows)
            loss += share * mean_length(here[..., :3] - flow, weight)
        return loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        options, final = self.options, y_pred[-1]
        loss = 0.0
        if options.end_point:
            loss += options.end_point * self._end_point(y_pred, y)
        if options.diffusion:
            loss += options.diffusion * diffusion_loss(final)
        if options.ncc:
            warped = warp(x[..., 1:], self._at_full_size(final, x))
            loss += options.ncc * local_ncc_loss(x[..., :1], warped)
        if options.inverse_consistency:
            backward = flows_of(self.network, ops.flip(x, axis=-1))[-1]
            voxels = x.shape[1] // final.shape[1]
            loss += options.inverse_consistency * inverse_consistency_loss(final / voxels, backward / voxels)
        here = on_grid_of(y, final)
        self.error.update_state(mean_length(here[..., :3] - final, here[..., 3:]))
        self.total.update_state(loss)
        return loss


def compiled_model(network, options: LossOptions, optimizer) -> TrainingModel:
    """The network with its loss as it is trained: on TensorFlow without XLA, whose kernels are others."""
    model = TrainingModel(network, options)
    compiled = {"jit_compile": False} if keras.backend.backend() == "tensorflow" else {}
    model.compile(optimizer=optimizer, **compiled)
    return model


class Stepper:
    """Network, optimiser and loss; what must survive is weights() and optimizer_state().

    Parameters
    ----------
    network
        As from build_network.
    """

    def __init__(self, network, options: LossOptions):
        self.network = network
        self.optimizer = keras.optimizers.Adam(1e-4, clipnorm=CLIP_NORM)
        self._model = compiled_model(network, options, self.optimizer)
        self.optimizer.build(network.trainable_variables)

    def step(self, images: np.ndarray, truth: np.ndarray, learning_rate: float) -> dict[str, float]:
        """One step on a batch (see batch_of); loss, and mean end-point error in the body, voxels."""
        self.optimizer.learning_rate = learning_rate
        self._model.reset_metrics()
        return self._scores(self._model.train_on_batch(images, truth, return_dict=True))

    def evaluate(self, images: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """The same without a step."""
        self._model.reset_metrics()
        return self._scores(self._model.test_on_batch(images, truth, return_dict=True))

    @staticmethod
    def _scores(logs) -> dict[str, float]:
        return {"loss": float(logs["total"]), "error": float(logs["end_point_error"])}

    def weights(self) -> list[np.ndarray]:
        """Copies of the network's weights."""
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.network.variables]

    def set_weights(self, values: list[np.ndarray]) -> None:
        """Put weights back."""
        for variable, value in zip(self.network.variables, values, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        """Copies of the optimiser's variables."""
        return [np.copy(ops.convert_to_numpy(v.value)) for v in self.optimizer.variables]

    def set_optimizer_state(self, values: list[np.ndarray]) -> None:
        """Put the optimiser's variables back."""
        for variable, value in zip(self.optimizer.variables, values, strict=True):
            variable.assign(value)
