"""A failing test says with which seed and shapes it failed."""

import numpy as np
import SimpleITK as sitk
from failure_data import described


def test_seeds_shapes_and_geometry_are_told():
    rng = np.random.default_rng([7, 3])
    image = sitk.Image((4, 3, 2), sitk.sitkInt16)
    assert described({"rng": rng, "values": np.zeros((2, 3), np.float32), "image": image, "count": 3}) == {
        "rng": "has the seed [7, 3]",
        "values": "is float32 of shape (2, 3)",
        "image": "is an image of (4, 3, 2) voxels of (1.0, 1.0, 1.0) mm",
    }
