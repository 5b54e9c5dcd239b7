"""A patient small enough to be registered in half a second, on any grid, with a known way between two scans.

The body is 112 x 92 mm wide, textured all over, with a spine of blocks that are labelled. The follow-up is the same
anatomy, moved by a rigid motion and smooth waves: `true_points` says where each point of the baseline has gone.
"""

import numpy as np
import SimpleITK as sitk
from input_scans import grid_matrix, image_with

SIZE, SPACING = (56, 48, 44), (2.5, 2.5, 2.5)
SHIFT_MM = np.array([6.0, -5.0, 3.0])
LEVELS = (20, 21, 22, 23)


def waves(points, strength=3.0):
    """Return a smooth displacement at points [..., 3], mm, the same for every call."""
    x, y, z = np.moveaxis(points / 28.0, -1, 0)
    return strength * np.stack([np.sin(y + z), np.cos(z - x), np.sin(x + y)], axis=-1)


def anatomy(points, seed=5):
    """HU and labels at LPS points [..., 3], mm; another seed is another patient."""
    rng, (x, y, z) = np.random.default_rng(seed), np.moveaxis(points, -1, 0)
    hu = np.where((x / 56) ** 2 + (y / 46) ** 2 < 1, 30.0, -1000.0)
    inside = hu > 0
    for _ in range(40):
        centre, radius, strength = rng.uniform((-45, -35, -60), (45, 35, 60)), rng.uniform(4, 9), rng.uniform(-150, 400)
        hu += inside * strength * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * radius**2))
    level = np.floor((z + 50) / 25).astype(int)
    bone = (np.abs(x) < 11) & (np.abs(y - 25) < 9) & (np.abs((z + 50) % 25 - 12.5) < 10) & (level >= 0) & (level < 4)
    return np.where(bone, 420.0, hu), np.where(bone, np.take(LEVELS, np.clip(3 - level, 0, 3)), 0)


def moved(points, strength=3.0):
    """Return where points of the follow-up lie in the baseline."""
    return points - SHIFT_MM + waves(points, strength)


def true_points(points, strength=3.0):
    """Return where points [n, 3] of the baseline lie in the follow-up."""
    found = points + SHIFT_MM
    for _ in range(60):
        found = points + SHIFT_MM - waves(found, strength)
    return found


def scan(follow_up=False, spacing=SPACING, size=SIZE, direction=None, seed=5, centre=(0, 0, 0), change=None):
    """Return (scan, labels) of the baseline or the follow-up on a grid; change: of the HU [k, j, i]."""
    matrix = grid_matrix(size, spacing, direction)
    i, j, k = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    points = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    hu, labels = (values.transpose(2, 1, 0) for values in anatomy(moved(points) if follow_up else points, seed))
    hu = np.rint(hu if change is None else change(hu))
    matrix[:3, 3] += centre
    return image_with(np.clip(hu, -3024, 3071).astype(np.int16), matrix), image_with(labels.astype(np.uint8), matrix)


def points_within(seed=0, count=200):
    """Return points [n, 3] well inside the body."""
    return np.random.default_rng(seed).uniform((-36, -28, -36), (36, 28, 36), (count, 3))


def taken(transform, points):
    """Return where a transform takes points [n, 3]."""
    return np.array([transform.TransformPoint(point) for point in np.asarray(points, float).tolist()])


def error_mm(transform, points=None):
    """Return how far a transform takes points of the baseline from where they have gone, mean, mm."""
    points = points_within() if points is None else points
    return float(np.linalg.norm(taken(transform, points) - true_points(points), axis=1).mean())


def turned(image, degrees=(20.0, 0.0, 20.0), shift=(812.3, -95.1, 1234.5)):
    """Return the image at another place, and the rigid motion (points to points) that took it there."""
    motion = sitk.Euler3DTransform()
    motion.SetRotation(*np.deg2rad(degrees).tolist())
    motion.SetTranslation(shift)
    return sitk.TransformGeometry(image, motion.GetInverse()), motion
