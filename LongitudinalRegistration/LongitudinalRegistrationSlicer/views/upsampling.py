"""Every STEP_PX-th pixel of a slice view: where it is; its colours blended bilinearly over a picture."""

import numpy as np

STEP_PX = 4
FINE = 65535 // 256 * 256 // STEP_PX**2


def pointsOf(frame, x, y):
    """Return the places [..., 3] (RAS, mm) of pixels x, y [...] of a slice_overlay.Frame."""
    matrix = frame.xyToRAS
    return np.asarray(x)[..., None] * matrix[:3, 0] + np.asarray(y)[..., None] * matrix[:3, 1] + matrix[:3, 3]


def coarsePointsOf(frame):
    """Return the places [y, x, 3] (RAS, mm) of every STEP_PX-th pixel, as blended takes their colours."""
    x = np.arange(0, frame.width - 1 + STEP_PX, STEP_PX)
    y = np.arange(0, frame.height - 1 + STEP_PX, STEP_PX)
    return pointsOf(frame, *np.meshgrid(x, y))


def blended(picture, colours, alpha):
    """Return a picture, uint8 [y, x, 3], with colours [y, x, 3], 0..255, over it that cover it by alpha [y, x], 0..1.

    Colours and alpha are those of every STEP_PX-th pixel, and of one beyond the last where that is not among them.
    """
    height, width = picture.shape[:2]
    coarse = np.empty((4, *alpha.shape), np.uint16)
    np.multiply(np.moveaxis(colours, -1, 0), alpha * np.float32(FINE / 255), out=coarse[:3], casting="unsafe")
    np.multiply(1 - alpha, np.float32(FINE), out=coarse[3], casting="unsafe")
    wide = _stretched(coarse.transpose(2, 0, 1), width).transpose(1, 2, 0)
    layer = _stretched(np.ascontiguousarray(wide.transpose(1, 0, 2)), height)
    rest = layer[:, 3] >> 8
    rest += 1
    out = np.empty_like(picture)
    for channel in range(3):
        mixed = picture[..., channel] * rest
        mixed += layer[:, channel]
        mixed >>= 8
        out[..., channel] = mixed
    return out


def _stretched(values, length):
    """Return values at every pixel along the first axis, times STEP_PX."""
    out = np.empty(((len(values) - 1) * STEP_PX + 1, *values.shape[1:]), np.uint16)
    np.multiply(values, np.uint16(STEP_PX), out=out[::STEP_PX])
    slope = values[1:] - values[:-1]
    for offset in range(1, STEP_PX):
        np.add(out[offset - 1 : -1 : STEP_PX], slope, out=out[offset::STEP_PX])
    return out[:length]
