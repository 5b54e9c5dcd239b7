"""The compiled steps on one slice, against scipy."""

import ast
from pathlib import Path

import numpy as np
import pytest
import TableRemovalLib
from scipy import ndimage
from TableRemovalLib import disc_kernels, outline_kernels, region_kernels

EIGHT = np.ones((3, 3), dtype=bool)


def blobs(seed, shape=(90, 70), sigma=2.0, level=0.0):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return (field > level * field.std()).astype(np.uint8)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.3), (1.1, 0.6)])
@pytest.mark.parametrize("radius", [0.5, 2.0, 4.5])
def test_opening_is_that_of_a_disc(spacing, radius):
    mask, work, opened = blobs(1), np.empty((90, 70), np.uint8), np.empty((90, 70), np.uint8)
    disc_kernels.open_mask(mask, disc_kernels.disc_half_heights(radius, *spacing), work, opened)
    reach = 9
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.hypot(x * spacing[0], y * spacing[1]) <= radius + 1e-9
    expected = ndimage.binary_dilation(ndimage.binary_erosion(mask, disc, border_value=1), disc)
    assert np.array_equal(opened.astype(bool), expected)


@pytest.mark.parametrize("seed", range(4))
def test_holes_and_regions_are_those_of_scipy(seed):
    mask = blobs(seed, level=0.3)
    filled = mask.copy()
    region_kernels.fill_holes(filled)
    assert np.array_equal(filled.astype(bool), ndimage.binary_fill_holes(mask))
    assert region_kernels.has_holes(mask) == bool(filled.sum() > mask.sum())
    labels = np.empty_like(mask)
    count = region_kernels.label_slice(mask, 10, labels)
    reference, regions = ndimage.label(mask, EIGHT)
    large = [n for n in range(1, regions + 1) if (reference == n).sum() >= 10]
    assert count == len(large)
    for n in large:
        assert len(np.unique(labels[reference == n])) == 1
    assert np.array_equal(labels > 0, np.isin(reference, large))


def test_only_holes_with_a_thick_wall_are_filled():
    mask = np.zeros((60, 100), np.uint8)
    mask[10:40, 10:40] = 1
    mask[20:30, 20:30] = 0
    mask[39:50, 60:90] = 1
    mask[20:39, 60:90] = 0
    mask[20:40, [60, 89]] = 1
    mask[20, 60:90] = 1
    thick = np.empty_like(mask)
    disc_kernels.open_mask(mask, disc_kernels.disc_half_heights(3.0, 1.0, 1.0), np.empty_like(mask), thick)
    region_kernels.fill_walled_holes(mask, thick, 0.65)
    assert mask[25, 25] == 1
    assert mask[30, 75] == 0


def test_peel_takes_the_cover_and_stops_at_skin():
    image = np.full((40, 40), -1000, np.int16)
    image[10:30, 5:35] = -100
    image[10, 5:35] = image[29, 5:35] = 40
    image[10:30, 5] = image[10:30, 34] = 40
    image[30:33, 5:35] = -200
    mask = (image > -500).astype(np.uint8)
    removed = outline_kernels.peel(image, mask, -120.0, 3)
    assert removed == 2 * 30
    assert mask[30, 5:35].all() and not mask[31:].any()
    assert mask[10:30, 5:35].all()
    assert outline_kernels.peel(image, np.ascontiguousarray(mask[:30]), -120.0, 3) == 0


def test_compiled_functions_stay_within_their_file():
    """numba's cache does not notice changes in another file, so compiled code must not call across files."""
    folder = Path(TableRemovalLib.__file__).parent
    compiled, imported = {}, {}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text())
        compiled[path.stem] = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list
        }
        imported[path.stem] = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("TableRemovalLib")
            for alias in node.names
        }
    names = set().union(*compiled.values())
    assert len(names) > 10
    for module, functions in compiled.items():
        if functions:
            assert not imported[module] & names, module
