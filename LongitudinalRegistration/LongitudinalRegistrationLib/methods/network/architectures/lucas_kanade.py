"""Matching evidence inside the graph: Lucas and Kanade's normal equations A v = b of the residual flow.

Small channel axes are slow, so vectors lie component after component on the first axis, (components * batch, k, j, i),
and are taken apart into lists of (batch, k, j, i) where components meet. A is xx, yy, zz, xy, xz, yz; b and flows are
x, y, z.
"""

from __future__ import annotations

from keras import ops

from .constants import FLAT_DEVIATION, FLAT_VARIANCE, LARGEST_STEP, LEAST_AROUND, RAW_GAIN
from .fields import blur, central_differences, double, halve
from .tensor import Tensor


def contrast_channels(image: Tensor) -> list:
    """Make what is compared: the image itself, and the image freed of its local mean and contrast.

    The second sees organs of nearly equal intensity as well as bone, and does not change with gain and offset.

    Parameters
    ----------
    image
        (batch, k, j, i), [0, 1].

    Returns
    -------
    list
        CHANNELS tensors of the image's shape; the first is RAW_GAIN times the image. The compiled counterpart is
        scan/kernels.py: contrast_slices.
    """
    moments = double(blur(blur(halve(ops.concatenate([image, image * image], axis=0)))))
    mean, square = ops.split(moments, 2, axis=0)
    deviation = ops.sqrt(ops.relu(square - mean * mean) + FLAT_VARIANCE)
    return [RAW_GAIN * image, (image - mean) / (deviation + FLAT_DEVIATION)]


def normal_equations(fixed: list, warped: list, gain: Tensor, width: Tensor) -> Tensor:
    """Compute A and b, with the mean of both images' gradients and robust weights gain / (1 + d^2 / width).

    Parameters
    ----------
    fixed, warped
        Channels, each (batch, k, j, i).
    gain, width
        (channels,), positive.

    Returns
    -------
    tensor
        (9 * batch, k, j, i): A, then b.
    """
    means = ops.concatenate([0.5 * (f + w) for f, w in zip(fixed, warped, strict=True)], axis=0)
    slopes = [ops.split(x, len(fixed), axis=0) for x in central_differences(means)]
    sums = [0.0] * 9
    for n, (f, w) in enumerate(zip(fixed, warped, strict=True)):
        difference = f - w
        weight = gain[n] / (1.0 + difference * difference / width[n])
        gx, gy, gz = (x[n] for x in slopes)
        wx, wy, wz = weight * gx, weight * gy, weight * gz
        matrix = (wx * gx, wy * gy, wz * gz, wx * gy, wx * gz, wy * gz)
        products = (*matrix, wx * difference, wy * difference, wz * difference)
        sums = [total + product for total, product in zip(sums, products, strict=True)]
    return ops.concatenate(sums, axis=0)


def mismatch(fixed: list, warped: list, width: Tensor) -> list:
    """Measure how little the channels agree: what the robust weights of normal_equations leave out.

    Parameters
    ----------
    fixed, warped
        Channels, each (batch, k, j, i).
    width
        (channels,), positive.

    Returns
    -------
    list
        A tensor (batch, k, j, i) for each channel, 0 to 1.
    """
    squares = [(f - w) * (f - w) for f, w in zip(fixed, warped, strict=True)]
    return [square / (width[n] + square) for n, square in enumerate(squares)]


def solve_symmetric(matrix: list, right: list, damping: Tensor) -> list:
    """Solve (A + damping I) v = right voxel by voxel.

    Parameters
    ----------
    matrix, right
        A as xx, yy, zz, xy, xz, yz; b as x, y, z; tensors (batch, k, j, i).
    damping
        Positive.

    Returns
    -------
    list
        x, y, z of v, tensors (batch, k, j, i).
    """
    xx, yy, zz, xy, xz, yz = matrix
    xx, yy, zz = xx + damping, yy + damping, zz + damping
    cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
    cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
    inverse = 1.0 / (xx * cxx + xy * cxy + xz * cxz)
    x, y, z = (component * inverse for component in right)
    return [cxx * x + cxy * y + cxz * z, cxy * x + cyy * y + cyz * z, cxz * x + cyz * y + czz * z]


def residual(matrix: list, right: list, flow: list) -> list:
    """Compute the residual right - A flow, voxel by voxel.

    Parameters
    ----------
    matrix, right, flow
        A as xx, yy, zz, xy, xz, yz; b and flow as x, y, z; tensors (batch, k, j, i).

    Returns
    -------
    list
        x, y, z, tensors (batch, k, j, i).
    """
    xx, yy, zz, xy, xz, yz = matrix
    x, y, z = flow
    return [
        right[0] - (xx * x + xy * y + xz * z),
        right[1] - (xy * x + yy * y + yz * z),
        right[2] - (xz * x + yz * y + zz * z),
    ]


def solve_over_scales(system: Tensor, damping: Tensor) -> tuple[list, list]:
    """Solve the normal equations in windows of growing size, the larger window's answer the prior of the smaller.

    What a small window cannot see (a flat region, a direction along an edge) is so taken from a larger one.

    Parameters
    ----------
    system
        As from normal_equations; each side a multiple of 2 ** (len(damping) - 1).
    damping
        (scales,), positive, small windows first: how much evidence it takes to leave the prior.

    Returns
    -------
    flow, evidence
        The flow, in voxels, softly limited to 3; and what tells how good it is: its prior, its residual, the
        logarithm of the evidence in the smallest and the largest window, its anisotropy (EVIDENCE tensors).
    """
    windows = [blur(system)]
    for _ in range(damping.shape[0] - 1):
        windows.append(blur(halve(windows[-1])))
    around = sum(ops.split(windows[-1], 9, axis=0)[:3])
    windows = [ops.split(window, 9, axis=0) for window in windows]
    matrix, right = windows[-1][:6], windows[-1][6:]
    flow = prior = solve_symmetric(matrix, right, damping[-1])
    for scale in reversed(range(len(windows) - 1)):
        *prior, around = ops.split(double(ops.concatenate([*flow, around], axis=0)), 4, axis=0)
        matrix, right = windows[scale][:6], windows[scale][6:]
        change = solve_symmetric(matrix, residual(matrix, right, prior), damping[scale])
        flow = [a + b for a, b in zip(prior, change, strict=True)]
    limit = ops.rsqrt(1.0 + sum(x * x for x in flow) / LARGEST_STEP**2)
    flow = [x * limit for x in flow]
    scale = damping[0] + sum(matrix[:3]) / 3.0
    unexplained = [x / scale for x in residual(matrix, right, flow)]
    shape = [x / scale for x in matrix[1:]]
    return flow, [*prior, ops.log(scale), ops.log(around + LEAST_AROUND), *unexplained, *shape]
