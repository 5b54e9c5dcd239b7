"""Small images as text: for a scene's attributes, which are no files."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import SimpleITK as sitk

from .shared_arrays import geometry_of

STEP = 1 / 16


def image_text(image: sitk.Image) -> str:
    """Write an image as text.

    Parameters
    ----------
    image
        3-D, scalar; values from 0 to 15.9, kept to a sixteenth, larger ones cut.

    Returns
    -------
    str
        JSON; of 8 mm voxels over a body some 50 kB.
    """
    steps = np.clip(np.round(sitk.GetArrayViewFromImage(image) / STEP), 0, 255).astype(np.uint8)
    data = base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii")
    return json.dumps({"shape": steps.shape, "data": data, **geometry_of(image)})


def image_of_text(text: str) -> sitk.Image:
    """Read what image_text wrote.

    Parameters
    ----------
    text
        JSON.

    Returns
    -------
    SimpleITK.Image
        float32.
    """
    record = json.loads(text)
    steps = np.frombuffer(zlib.decompress(base64.b64decode(record["data"])), np.uint8).reshape(record["shape"])
    image = sitk.GetImageFromArray(steps * np.float32(STEP))
    image.SetSpacing(record["spacing"])
    image.SetOrigin(record["origin"])
    image.SetDirection(record["direction"])
    return image
