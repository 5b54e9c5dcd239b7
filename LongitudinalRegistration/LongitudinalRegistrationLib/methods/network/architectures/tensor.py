"""The type of what flows through a network."""

from typing import Any

Tensor = Any
"""A tensor of Keras's backend, or a KerasTensor while a graph is built; Keras brings no types to tell them by."""
