"""Pairs by number: the same from workers as from the process itself; mirrored; what the two scans may differ in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from LongitudinalRegistrationLib.training.config import PooledOptions, TrainingConfig
from LongitudinalRegistrationLib.training.pooled import rate_at
from LongitudinalRegistrationLib.training.simulation.appearance import AppearanceOptions, common_window, differ
from LongitudinalRegistrationLib.training.simulation.motion import MotionOptions, random_motion
from LongitudinalRegistrationLib.training.simulation.pair_source import PairSource, mirrored, numbered_pair
from LongitudinalRegistrationLib.training.simulation.samples import Pair, PreparedScan, batch_of, cut_short, flipped

CONFIG = TrainingConfig(Path("cohort.csv"), block=(16, 16, 16), batch=2, pooled=PooledOptions(repeats=2))


@pytest.fixture(scope="module")
def scan():
    image = np.random.default_rng(0).random((48, 56, 64), dtype=np.float32)
    body = np.zeros(image.shape, np.uint8)
    body[4:-4, 6:-6, 6:-6] = 1
    return PreparedScan("noise", image * body, body)


@pytest.mark.parametrize("repeats", [1, 2])
def test_batches_do_not_depend_on_who_draws_them_nor_on_where_a_run_goes_on(scan, repeats):
    batches = []
    for workers, first in ((0, 0), (2, 0), (0, 2)):
        config = replace(CONFIG, pooled=PooledOptions(workers=workers, repeats=repeats))
        source = PairSource([scan], config, first)
        batches.append([None] * first + [source.batch() for _ in range(4 - first)])
        source.close()
    for step, (own, others, resumed) in enumerate(zip(*batches, strict=True)):
        for n in range(2):
            np.testing.assert_array_equal(own[n], others[n])
            if step >= 2:
                np.testing.assert_array_equal(own[n], resumed[n])
    assert own[0].shape == (2, 16, 16, 16, 2) and own[1].shape == (2, 16, 16, 16, 4)


def test_a_mirrored_pair_is_the_flipped_one(scan):
    images, truth = numbered_pair([scan], CONFIG, 5)
    pair = Pair(images[0, ..., 0], images[0, ..., 1], truth[0, ..., :3], truth[0, ..., 3])
    for found, expected in zip(mirrored((images, truth), (3,)), batch_of([flipped(pair)]), strict=True):
        np.testing.assert_array_equal(found, expected)
    again = mirrored(mirrored((images, truth), (1, 2)), (1, 2))
    np.testing.assert_array_equal(again[1], truth)


def test_blocks_in_the_lung_come_from_the_scans_that_show_one(scan):
    image, body = np.full((48, 56, 64), 0.2, np.float32), np.ones((48, 56, 64), np.uint8)
    lung = PreparedScan("lung", image, body)
    solid = PreparedScan("solid", np.full_like(image, 0.8), body)
    plain = AppearanceOptions(gain=0, phase=0, lesions=0, noise=0, kernel=0, thickness=0, remap=0)
    config = replace(CONFIG, appearance=plain, pooled=PooledOptions(lung_share=1.0))
    for number in range(6):
        images, _ = numbered_pair([solid, lung, solid], config, number)
        assert images[0, 8, 8, 8].max() < 0.5
    images, _ = numbered_pair([solid], config, 0)
    assert images[0, 8, 8, 8].min() > 0.5


def test_the_learning_rate_falls_with_the_minutes_where_they_are_what_ends_the_run():
    config = replace(CONFIG, learning_rate=(1e-3, 1e-5), pooled=PooledOptions(steps=10_000, minutes=10.0))
    assert rate_at(500, config, 300.0) == pytest.approx(0.5 * (1e-3 + 1e-5))
    assert rate_at(500, config, 600.0) == pytest.approx(1e-5)
    assert rate_at(5000, config, 0.0) == pytest.approx(0.5 * (1e-3 + 1e-5))
    assert not PooledOptions(workers=-1).isValid()[0] and not PooledOptions(repeats=0).isValid()[0]
    assert not PooledOptions(lung_share=1.5).isValid()[0]


def test_a_scan_that_ends_in_the_block_has_no_body_beyond():
    shape = (24, 8, 8)
    whole = Pair(np.ones(shape), np.ones(shape), np.zeros((*shape, 3)), np.ones(shape))
    changed = set()
    for seed in range(12):
        pair = cut_short(whole, np.random.default_rng(seed))
        beyond = {name: ~getattr(pair, name).any(axis=(1, 2)) for name in ("fixed", "moving", "body")}
        name = "fixed" if beyond["fixed"].any() else "moving"
        changed.add(name)
        assert 0 < beyond[name].sum() < 8 and (beyond[name][0] or beyond[name][-1])
        np.testing.assert_array_equal(beyond["body"], beyond["fixed"])
    assert changed == {"fixed", "moving"}


def test_gas_and_the_narrow_window():
    rng = np.random.default_rng(3)
    soft = np.full((32, 32, 32), 0.8, np.float32)
    off = dict(gain=0, phase=0, lesions=0, noise=0, kernel=0, thickness=1, remap=0)
    options = AppearanceOptions(**off, gas=3)
    fixed, moving = differ(soft, soft, np.zeros((*soft.shape, 3), np.float32), np.ones(soft.shape), options, rng)
    assert min(fixed.min(), moving.min()) < 0.1 and np.mean(fixed == soft) > 0.5
    seen = common_window([soft - 0.1, soft, soft + 0.1], rng)
    assert all(0 <= image.min() and image.max() <= 1 for image in seen)
    assert seen[0].mean() <= seen[1].mean() <= seen[2].mean() and seen[0].mean() < seen[2].mean()


def test_a_residual_linear_part_moves_the_ends_and_not_the_middle():
    body = np.ones((41, 41, 41), np.uint8)
    options = MotionOptions(
        delta_mm=(1e-3, 1e-3), shift_mm=0.0, linear=0.05, filling_share=0.0, still_share=0.0, breathing_share=0.0
    )
    field = random_motion(body, None, 2.0, options, np.random.default_rng(1)).smooth
    length = np.linalg.norm(field, axis=-1)
    middle = tuple(n // 2 for n in length.shape)
    assert length[middle] < 0.6 < 1.0 < length[0, 0, 0] and length[0, 0, 0] == pytest.approx(
        length[-1, -1, -1], abs=0.1
    )
