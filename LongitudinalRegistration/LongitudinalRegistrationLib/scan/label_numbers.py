"""Small numbers in place of label values of any size: an array with a place for every value up to 2^31 fits nowhere."""

from __future__ import annotations

import numpy as np

MOST_COUNTED = 65535
"""Up to here such an array is small and quick."""


def label_values(labels: np.ndarray) -> list[int]:
    """List the values of labels without the background.

    Parameters
    ----------
    labels
        Any shape, integers of any type.

    Returns
    -------
    list of int
        Rising, 0 left out.

    Examples
    --------
    >>> label_values(np.array([3, 0, 2**31 + 5, 3]))
    [3, 2147483653]
    """
    return [int(value) for value in np.unique(labels[labels != 0])]


def numbered(labels: np.ndarray, values: list[int]) -> np.ndarray:
    """Put a label's place in a list, counted from 1, in place of its value.

    Parameters
    ----------
    labels
        Any shape, integers of any type; 0 is background.
    values
        Rising; all that the labels have.

    Returns
    -------
    numpy.ndarray
        int32, of the labels' shape.

    Examples
    --------
    >>> numbered(np.array([0, 300000000, 7]), [7, 8, 300000000]).tolist()
    [0, 3, 1]
    """
    numbers = np.zeros(labels.shape, np.int32)
    inside = labels != 0
    own, place = np.unique(labels[inside], return_inverse=True)
    wanted = np.searchsorted(np.array(values, object), own.astype(object)).astype(np.int32) + 1
    numbers[inside] = wanted[place.ravel()]
    return numbers
