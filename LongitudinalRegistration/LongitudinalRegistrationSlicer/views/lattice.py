"""Values on a lattice of points, in between by trilinear interpolation; the functions know nothing of Slicer."""

import numpy as np


def bordered(values, ijkToRAS):
    """Return values [k, j, i, c] with a layer of zeros around them, and the matrix of (i, j, k, 1) to RAS for these."""
    moved = ijkToRAS.copy()
    moved[:3, 3] -= moved[:3, :3].sum(axis=1)
    return np.pad(values, [(1, 1), (1, 1), (1, 1), (0, 0)]), moved


class Lattice:
    """values float32 [k, j, i, c] and the 4 x 4 matrix from (i, j, k, 1) to RAS in mm; outside, the edge goes on."""

    def __init__(self, values, ijkToRAS):
        self.values, self.ijkToRAS = values, ijkToRAS
        self._rasToIjk = np.linalg.inv(ijkToRAS)
        self._jacobian = None

    def sample(self, points):
        """Return the values at points [..., 3] (RAS, mm), float32 [..., c]."""
        shape = points.shape[:-1]
        ijk = points.reshape(-1, 3) @ self._rasToIjk[:3, :3].T + self._rasToIjk[:3, 3]
        k, j, i, channels = self.values.shape
        np.clip(ijk, 0, (i - 1, j - 1, k - 1), out=ijk)
        first = np.minimum(ijk.astype(np.intp), np.maximum((i - 2, j - 2, k - 2), 0))
        weights = (ijk - first).astype(np.float32)
        flat = self.values.reshape(-1, channels)
        steps = [0 if n == 1 else step for n, step in ((i, 1), (j, i), (k, i * j))]
        start = first[:, 0] + first[:, 1] * i + first[:, 2] * (i * j)
        rows = [_mix(flat, start + dk + dj, steps[0], weights[:, :1]) for dk in (0, steps[2]) for dj in (0, steps[1])]
        low = rows[0] + (rows[1] - rows[0]) * weights[:, 1:2]
        high = rows[2] + (rows[3] - rows[2]) * weights[:, 1:2]
        return (low + (high - low) * weights[:, 2:]).reshape(*shape, channels)

    def jacobian(self):
        """Return the determinants of the derivative of x + u(x) as a Lattice of one value; computed once."""
        if self._jacobian is None:
            self._jacobian = Lattice(_determinants(self.values, self._rasToIjk[:3, :3])[..., None], self.ijkToRAS)
        return self._jacobian

    def placesAbove(self, threshold):
        """Return the lattice's points [n, 3] (RAS, mm) whose first value is above a threshold."""
        kji = np.argwhere(self.values[..., 0] > threshold)
        return kji[:, ::-1] @ self.ijkToRAS[:3, :3].T + self.ijkToRAS[:3, 3]


def _mix(flat, start, step, weight):
    low = np.take(flat, start, axis=0)
    return low + (np.take(flat, start + step, axis=0) - low) * weight


def _determinants(vectors, rasToIjk):
    """Return det(1 + du/dx) of displacements [k, j, i, 3], by central differences."""
    along = [np.gradient(vectors, axis=axis) if vectors.shape[axis] > 1 else 0 * vectors for axis in (2, 1, 0)]
    columns = [
        sum(np.float32(rasToIjk[index, axis]) * along[index] for index in range(3)) + np.eye(3, dtype=np.float32)[axis]
        for axis in range(3)
    ]
    return np.einsum("...c,...c->...", columns[0], np.cross(columns[1], columns[2])).astype(np.float32)
