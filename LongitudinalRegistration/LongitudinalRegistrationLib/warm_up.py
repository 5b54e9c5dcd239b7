"""Load the compiled kernels (the first time on a machine: compile them) before a scan waits for them."""

from __future__ import annotations

from functools import cache

import numpy as np
import SimpleITK as sitk

from .affine import align
from .agreement import agreement
from .box_warp import sample
from .pyramid import make_pyramid
from .refinement import refine
from .refinement_options import RefinementOptions
from .transforms import compose
from .warp import warp_image


@cache
def warm_up() -> None:
    """Register a ball of 80 mm to itself: every kernel of a registration runs once. Once in a process."""
    z, y, x = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in (32, 40, 40)), indexing="ij")
    inside = x**2 + y**2 + z**2 < 1
    ball = sitk.GetImageFromArray(np.where(inside, 50 + 40 * np.sin(5 * x) * np.cos(4 * y), -1000).astype(np.int16))
    ball.SetSpacing((1.2, 1.2, 3.0))
    scan = make_pyramid(ball)
    affine = align(scan, scan).transform
    field = refine(scan, scan, affine, None, RefinementOptions(effort="thorough", iterations=1)).field
    agreement(scan, scan, affine, field)
    warp_image(ball, ball, affine, field)
    for labels in (False, True):
        sample(ball, ball, compose(affine, field), labels=labels)
