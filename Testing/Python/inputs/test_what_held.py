"""What registrations withstand, by the error at points of a known motion: how voxels are ordered, what is in them.

The plain pair ends 0.82 mm off, of 9.6.
"""

import numpy as np
import pytest
import SimpleITK as sitk
from input_scans import axis_orders
from LongitudinalRegistrationLib.methods.method import Problem
from LongitudinalRegistrationLib.pipeline.candidates import candidate_of
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
from LongitudinalRegistrationLib.pipeline.registration import prepare, register
from LongitudinalRegistrationLib.pipeline.report_content import result_content
from LongitudinalRegistrationLib.pipeline.stages import Stages
from LongitudinalRegistrationLib.scan.read import read_image
from small_patient import SIZE, error_mm, points_within, scan, taken, true_points, turned

OPTIONS = RegistrationOptions(method="refinement")
FEW_ORDERS = (5, 18, 33, 47)


@pytest.fixture(scope="module")
def baseline():
    return scan()[0]


def registered(fixed, moving, **labels):
    return register(fixed, moving, OPTIONS, **labels)


@pytest.fixture(scope="module")
def plain(baseline):
    return registered(baseline, scan(True)[0])


def noisy(hu):
    return hu + 60 * np.random.default_rng(3).standard_normal(hu.shape)


def with_rod(hu):
    """A metal rod with the streaks that it throws."""
    k, j, i = np.indices(hu.shape)
    streaks = 80 * np.sin((np.arctan2(j - 24, i - 34)) * 12) * np.exp(-np.hypot(j - 24, i - 34) / 8)
    return np.where(np.hypot(j - 24, i - 34) < 1.6, 3071, hu + streaks * (hu > -500))


def padded(hu):
    k, j, i = np.indices(hu.shape)
    return np.where(np.hypot((j - 23.5) / 24, (i - 27.5) / 28) > 1.02, -3024, hu)


def test_the_plain_pair_is_registered(plain):
    assert error_mm(sitk.Transform(3, sitk.sitkIdentity)) > 8 and error_mm(plain.transform) < 1.0


@pytest.mark.parametrize("number", FEW_ORDERS)
def test_the_order_of_axes_and_their_flips_change_nothing(baseline, plain, number):
    direction = axis_orders()[number]
    sides = np.abs(direction.T @ np.array(SIZE)).round().astype(int)
    found = registered(baseline, scan(True, size=sides.tolist(), direction=direction)[0])
    apart = np.linalg.norm(taken(found.transform, points_within()) - taken(plain.transform, points_within()), axis=1)
    assert apart.max() < 1e-3 and error_mm(found.transform) < 1.0


@pytest.mark.parametrize("degrees", [(0, 0, 0), (20, 0, 20)])
def test_both_scans_moved_alike_change_nothing(baseline, plain, degrees):
    """T' = R T R^-1, far from the origin and turned about two axes."""
    fixed, motion = turned(baseline, degrees)
    moving, _ = turned(scan(True)[0], degrees)
    found, points = registered(fixed, moving), points_within()
    there = taken(found.transform, taken(motion, points))
    apart = np.linalg.norm(there - taken(motion, taken(plain.transform, points)), axis=1)
    assert apart.mean() < (0.06 if degrees == (0, 0, 0) else 0.6)  # 0.03; 0.39
    assert found.ndv_percent == 0 and abs(found.largest_mm - plain.largest_mm) < 1.5


@pytest.mark.parametrize("change, most", [(noisy, 1.2), (with_rod, 1.3), (padded, 1.0)])
def test_noise_metal_and_padding(baseline, change, most):
    assert error_mm(registered(baseline, scan(True, change=change)[0]).transform) < most


@pytest.mark.parametrize(
    "spacing, size, most", [((1.1, 1.7, 5.0), (128, 71, 22), 1.3), ((4.0, 4.0, 4.0), (35, 30, 28), 1.3)]
)
def test_other_grids(baseline, spacing, size, most):
    assert error_mm(registered(baseline, scan(True, spacing, size)[0]).transform) < most


def test_a_third_of_the_field_of_view(baseline):
    moving = scan(True)[0][:, :, 14:29]
    found = registered(baseline, moving)
    points = points_within()
    low, high = (moving.TransformIndexToPhysicalPoint((0, 0, k))[2] for k in (1, moving.GetDepth() - 2))
    seen = (true_points(points)[:, 2] > low) & (true_points(points)[:, 2] < high)
    assert seen.sum() > 40 and error_mm(found.transform, points[seen]) < 1.0


def test_labels_of_the_follow_up_alone_have_their_volumes_told(baseline, plain):
    """A lesion that is drawn on the follow-up: nothing to overlap with, but it may not shrink unseen."""
    moving, labels = scan(True)
    content = result_content(registered(baseline, moving, moving_labels=labels))
    rows = content["vertebrae"].values()
    assert rows and {row["status"] for row in rows} == {"follow-up only"}
    assert all(row["dsc"]["after"] is None and row["volume_ml"]["before"] > 0 for row in rows)
    changes = [row["volume_ml"]["after"] / row["volume_ml"]["before"] - 1 for row in rows if row["volume_ml"]["after"]]
    assert changes and max(map(abs, changes)) < 0.1
    told = {reason for reason in content["verdict"]["reasons"] if "olume" not in reason}
    assert told <= set(result_content(plain)["verdict"]["reasons"])


def test_another_patient_is_told_apart(baseline):
    """The affine step tells that it may have failed, or the answer is doubted, and the verdict names what is wrong."""
    other, labels = scan(True, seed=77)
    found = registered(baseline, other, fixed_labels=scan()[1], moving_labels=labels)
    judged = result_content(found)["verdict"]
    assert (
        judged["level"] == "poor" and len(judged["reasons"]) > 1 and all(len(each) > 40 for each in judged["reasons"])
    )


@pytest.mark.slow
def test_another_patient_falls_back_and_says_why(real_data):
    """Two real patients: the network's answer is doubted, so that `auto` asks NiftyReg."""
    scans = (read_image(real_data / f"{name}_1.5mm.nii.gz") for name in ("hcc002", "colon0518"))
    problem = Problem(*(prepare(each, OPTIONS) for each in scans), Stages(), None)
    doubt = candidate_of("cost-volume", problem, RegistrationOptions()).doubt
    assert doubt and len(doubt) > 40
