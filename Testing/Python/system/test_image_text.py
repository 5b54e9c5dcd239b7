"""Small images kept as text."""

import json

import numpy as np
import SimpleITK as sitk
from LongitudinalRegistrationLib.system.image_text import STEP, image_of_text, image_text


def test_an_image_comes_back_to_a_sixteenth_with_its_geometry():
    values = np.random.default_rng(3).gamma(2.0, 1.5, (5, 6, 7)).astype(np.float32)
    values[0, 0, 0] = 40.0
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((8.0, 8.0, 8.0))
    image.SetOrigin((-120.5, 3.0, 7.25))
    image.SetDirection((0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    text = image_text(image)
    found = image_of_text(text)
    np.testing.assert_allclose(sitk.GetArrayViewFromImage(found), np.minimum(values, 255 * STEP), atol=STEP / 2)
    for each in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(found, each)() == getattr(image, each)()
    assert json.loads(text)["shape"] == [5, 6, 7]
