"""The phantom: its truth is exact, its scenarios hold what they promise, the same seed gives the same voxels."""

from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom, write_phantom
from LongitudinalRegistrationLib.phantom.shapes import smooth_curve
from scipy.ndimage import binary_dilation, binary_fill_holes, label
from TableRemovalLib.errors import InputError

LABELS = range(17, 25)
SMALL = {"size": 96, "slices": 32}
FINE = {"size": 256, "slices": 20}
TINY = PhantomOptions(size=48, slices=16)
CIRCLE_HU = -2000


@pytest.fixture(scope="module")
def pair():
    return make_phantom(4, PhantomOptions(size=160, slices=68))


@pytest.fixture(scope="module")
def tiny():
    """The smallest pair of the patient of usual_pair(), and the fractions of the work that were reported."""
    seen = []
    return make_phantom(5, TINY, seen.append), seen


@lru_cache(maxsize=1)
def usual_pair():
    return make_phantom(5, PhantomOptions(**FINE))


@lru_cache(maxsize=1)
def close_pair():
    """A thin chest wall, with the prosthesis and the table on the skin."""
    return make_phantom(5, PhantomOptions(**FINE, thin_chest_wall=True, prosthesis_on_skin=True, table_contact=True))


@lru_cache(maxsize=1)
def long_baseline():
    """Coverage to the top of the chest, legs apart."""
    return make_phantom(5, PhantomOptions(**SMALL, coverage="chest", legs_apart=True)).baseline


@lru_cache(maxsize=1)
def prone_baseline():
    """Face down with the arms beside the body; a patient with a bowel loop pushed against its bounds twice."""
    return make_phantom(44, PhantomOptions(**SMALL, position="prone", arms="down")).baseline


@lru_cache(maxsize=1)
def rigid_pair():
    """No deformation, the patient off centre."""
    return make_phantom(5, PhantomOptions(**SMALL, deformation_mm=0.0, off_centre_mm=(60.0, -30.0)))


@lru_cache(maxsize=1)
def cut_pair():
    """The field of view is a circle narrower than the patient."""
    return make_phantom(5, PhantomOptions(**SMALL, truncated_fov=True, padding_hu=CIRCLE_HU))


def usual_baseline():
    return usual_pair().baseline


def array(image):
    return sitk.GetArrayFromImage(image)


def dice(a, b):
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def points_of(image, mask):
    index = np.argwhere(mask)[:, ::-1]
    return index * np.array(image.GetSpacing()) + np.array(image.GetOrigin())


def moved(transform, points):
    return np.array([transform.TransformPoint(p) for p in points.tolist()])


def vertebra_scores(pair, transform):
    warped = array(sitk.Resample(pair.followup.vertebrae, pair.baseline.image, transform, sitk.sitkNearestNeighbor, 0))
    truth = array(pair.baseline.vertebrae)
    return np.array([dice(warped == number, truth == number) for number in LABELS])


def best_affine(pair, mask):
    source = points_of(pair.baseline.image, mask)[::37]
    target = moved(pair.true_transform, source)
    solution = np.linalg.lstsq(np.c_[source, np.ones(len(source))], target, rcond=None)[0]
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(solution[:3].T.ravel().tolist())
    affine.SetTranslation(solution[3].tolist())
    return affine, np.linalg.norm(np.c_[source, np.ones(len(source))] @ solution - target, axis=1)


def test_vertebrae_of_the_followup_land_on_the_baseline(pair):
    assert vertebra_scores(pair, pair.true_transform).min() > 0.85
    assert vertebra_scores(pair, sitk.Transform(3, sitk.sitkIdentity)).max() < 0.6


def test_vertebra_centroids_map_within_half_a_voxel(pair):
    voxel = np.array(pair.followup.image.GetSpacing())
    for number in LABELS:
        here = points_of(pair.baseline.image, array(pair.baseline.vertebrae) == number).mean(axis=0)
        there = points_of(pair.followup.image, array(pair.followup.vertebrae) == number).mean(axis=0)
        error = np.abs(np.array(pair.true_transform.TransformPoint(here.tolist())) - there)
        assert np.all(error < 0.5 * voxel), (number, error)


def test_a_perfect_affine_is_not_enough(pair):
    affine, _ = best_affine(pair, array(pair.baseline.vertebrae) > 0)
    exact = vertebra_scores(pair, pair.true_transform)
    assert vertebra_scores(pair, affine).mean() < exact.mean() - 0.04
    _, residual = best_affine(pair, array(pair.baseline.body) > 0)
    assert 3.0 < residual.max() < 15.0


def test_motion_does_not_fold(pair):
    field = sitk.DisplacementFieldTransform(pair.true_transform.GetNthTransform(1)).GetDisplacementField()
    jacobian = array(sitk.DisplacementFieldJacobianDeterminant(field))
    assert jacobian.min() > 0.25
    assert max(field.GetSpacing()) <= 6.0
    assert field.GetNumberOfPixels() * 24 < 40e6


def test_motion_fades_outside_the_scan_without_a_jump(pair):
    image = pair.baseline.image
    low = np.array(image.GetOrigin())
    high = low + np.array(image.GetSpacing()) * (np.array(image.GetSize()) - 1)
    motion = pair.true_transform.GetNthTransform(1)
    largest = 0.0
    for axis in range(3):
        for share in (0.3, 0.5, 0.7):
            points = np.tile(low + share * (high - low), (1000, 1))
            points[:, axis] = np.linspace(low[axis] - 150.0, high[axis] + 150.0, 1000)
            vectors = moved(motion, points) - points
            stretch = np.diff(vectors, axis=0) / (points[1, axis] - points[0, axis])
            assert np.linalg.norm(stretch, axis=1).max() < 0.5
            assert not vectors[[0, -1]].any()
            beyond = (points[:, axis] < low[axis] - 40.0) | (points[:, axis] > high[axis] + 40.0)
            largest = max(largest, np.linalg.norm(vectors[beyond], axis=1).max())
    assert largest > 1.0


def test_grid_of_the_true_transform_is_dense_enough():
    from LongitudinalRegistrationLib.phantom.anatomy import make_patient
    from LongitudinalRegistrationLib.phantom.deformation import ScanMap, displace, draw_field, true_transform

    rng = np.random.default_rng(0)
    terms = draw_field(rng, make_patient(rng, PhantomOptions()), 8.0)
    turn = np.array([[0.998, -0.06, 0.0], [0.06, 0.998, 0.0], [0.0, 0.0, 1.0]])
    still = ScanMap(np.eye(3), np.zeros(3), np.zeros((0, 10)))
    moving = ScanMap(turn, np.array([4.0, -9.0, 13.0]), terms)
    reference = sitk.Image([60, 50, 80], sitk.sitkUInt8)
    reference.SetSpacing([5.0, 5.0, 5.0])
    reference.SetOrigin([-150.0, -125.0, -120.0])
    transform = true_transform(still, moving, reference)
    points = rng.uniform([-150, -125, -120], [145, 120, 275], (400, 3))
    rigid = moved(transform, points) @ turn.T + moving.offset
    error = np.linalg.norm(rigid + displace(terms, rigid) - points, axis=1)
    assert error.max() < 0.05


def test_body_masks_agree_and_are_solid(pair):
    warped = sitk.Resample(pair.followup.body, pair.baseline.image, pair.true_transform, sitk.sitkNearestNeighbor, 0)
    middle = slice(12, -12)
    assert dice(array(warped)[middle] > 0, array(pair.baseline.body)[middle] > 0) > 0.99
    for scan in (pair.baseline, pair.followup):
        body = array(scan.body) > 0
        assert all(np.array_equal(s, binary_fill_holes(s)) for s in body)
        assert array(scan.image)[body].min() < -800
        outside = array(scan.image)[~body]
        assert np.count_nonzero(outside > -200) > 1000
        assert np.percentile(outside, 50) < -950


def test_labels_parts_and_lesions_fit_each_other(pair):
    growth = []
    for scan in (pair.baseline, pair.followup):
        vertebrae, parts, lesion = array(scan.vertebrae), array(scan.vertebra_parts), array(scan.lesion)
        assert sorted(np.unique(vertebrae)) == [0, *LABELS]
        assert np.array_equal(vertebrae > 0, parts > 0)
        assert np.all(vertebrae[lesion > 0] > 0)
        for number in LABELS:
            one = vertebrae == number
            assert 0.35 < np.count_nonzero(parts[one] == 1) / np.count_nonzero(one) < 0.9
            assert np.count_nonzero(array(scan.body)[one] == 0) == 0
        heights = [np.argwhere(vertebrae == number)[:, 0].mean() for number in LABELS]
        assert np.all(np.diff(heights) < 0)
        image = array(scan.image)
        assert image[lesion == 1].mean() > image[(parts == 1) & (lesion == 0)].mean() + 200
        assert image[lesion == 2].mean() < image[(parts == 1) & (lesion == 0)].mean() - 60
        growth.append(np.count_nonzero(lesion == 1) * np.prod(scan.image.GetSpacing()))
    assert growth[1] > 1.8 * growth[0]


def test_the_scans_differ_as_scans_do(pair):
    base, follow = pair.baseline.image, pair.followup.image
    assert base.GetPixelID() == follow.GetPixelID() == sitk.sitkInt16
    assert base.GetSpacing()[2] != follow.GetSpacing()[2] and base.GetSpacing()[0] != follow.GetSpacing()[0]
    assert base.GetOrigin() != follow.GetOrigin()
    for image in (base, follow):
        values = array(image)
        assert values.min() >= -1024 and values.max() <= 3071
        assert 4.0 < values[:, :12, :12].std() < 40.0


def test_same_seed_same_voxels_other_seed_other_patient(tiny):
    first, again, other = tiny[0], make_phantom(5, TINY), make_phantom(8, TINY)
    for name in ("image", "body", "vertebrae", "vertebra_parts", "lesion"):
        for scan in ("baseline", "followup"):
            one, two = (array(getattr(getattr(p, scan), name)) for p in (first, again))
            assert np.array_equal(one, two)
    point = (20.0, -10.0, 90.0)
    assert first.true_transform.TransformPoint(point) == again.true_transform.TransformPoint(point)
    volumes = [
        np.count_nonzero(array(p.baseline.vertebrae)) * np.prod(p.baseline.image.GetSpacing()) for p in (first, other)
    ]
    assert abs(volumes[0] / volumes[1] - 1.0) > 0.005


def test_anatomy_keeps_its_size_at_another_resolution(tiny):
    scans = (tiny[0].baseline, usual_baseline())
    sizes = [np.count_nonzero(array(scan.body)) * np.prod(scan.body.GetSpacing()) for scan in scans]
    assert abs(sizes[0] / sizes[1] - 1.0) < 0.02


def test_a_curve_through_a_repeated_point_is_the_curve_through_it_once():
    points = [(0, 0, 0), (10, 0, 0), (10, 10, 0), (10, 10, 10)]
    repeated = [points[n] for n in (0, 1, 1, 2, 3, 3)]
    assert np.array_equal(smooth_curve(repeated, 2.0), smooth_curve(points, 2.0))


def test_files_come_back_as_they_were(tiny, tmp_path):
    pair, _ = tiny
    write_phantom(pair, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    parts = ("", "_body", "_lesion", "_vertebra_parts", "_vertebrae")
    assert names == sorted([f"{s}{p}.nii.gz" for s in ("baseline", "followup") for p in parts] + ["true_transform.h5"])
    image = sitk.ReadImage(str(tmp_path / "out" / "followup.nii.gz"))
    assert np.array_equal(array(image), array(pair.followup.image))
    assert np.allclose(image.GetOrigin(), pair.followup.image.GetOrigin(), atol=1e-3)
    transform = sitk.ReadTransform(str(tmp_path / "out" / "true_transform.h5"))
    for point in ((0.0, 0.0, 0.0), (60.0, -40.0, 210.0), (-110.0, 30.0, -90.0)):
        assert np.allclose(transform.TransformPoint(point), pair.true_transform.TransformPoint(point), atol=1e-6)


def test_unwritable_folder_is_an_input_error(tiny, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="Cannot write the phantom"):
        write_phantom(tiny[0], tmp_path / "file")


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 8},
        {"slices": 3},
        {"arms": "left"},
        {"position": "side"},
        {"deformation_mm": -1.0},
        {"lesion_growth": 9.0},
    ],
)
def test_wrong_options_are_input_errors(wrong):
    assert not PhantomOptions(**wrong).isValid()[0]
    with pytest.raises(InputError, match=next(iter(wrong))):
        make_phantom(1, PhantomOptions(**wrong))


def test_progress_rises_to_one(tiny):
    _, seen = tiny
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_prone_turns_the_patient_and_not_the_table():
    supine, prone = usual_baseline(), prone_baseline()
    for scan, sign in ((supine, 1.0), (prone, -1.0)):
        parts = array(scan.vertebra_parts)
        processes, bodies = (np.argwhere(parts == p)[:, 1].mean() for p in (2, 1))
        assert sign * (processes - bodies) > 0
        image, body = array(scan.image).astype(float), array(scan.body)
        rows = np.argwhere((body == 0) & (image > -970))[:, 1]
        assert np.mean(rows > np.argwhere(body)[:, 1].mean()) > 0.8
        soft = image[body > 0]
        assert np.mean((soft > -30) & (soft < 250)) > 0.4


def test_arms_are_regions_of_their_own():
    body = array(prone_baseline().body)
    counts = [label(s)[1] for s in body[body.shape[0] // 3 :]]
    assert np.median(counts) == 3
    assert max(label(s)[1] for s in array(usual_baseline().body)[5:]) == 1


def test_legs_apart_leave_air_in_the_middle():
    scan = long_baseline()
    body = array(scan.body)
    assert label(body[0])[1] == 2
    column = np.argwhere(body[0])[:, 1].mean()
    row = np.argwhere(body[0])[:, 0].mean()
    assert body[0, int(row), int(column)] == 0


def test_off_centre_moves_the_patient_in_the_picture():
    for axis, expected in ((2, 60.0), (1, -30.0)):
        offsets = [
            (np.argwhere(array(body))[:, axis].mean() - (body.GetWidth() - 1) / 2) * body.GetSpacing()[0]
            for body in (usual_baseline().body, rigid_pair().baseline.body)
        ]
        assert abs(offsets[1] - offsets[0] - expected) < 3.0


def test_truncated_field_of_view_cuts_the_patient_on_both_scans():
    pair = cut_pair()
    for scan in (pair.baseline, pair.followup):
        body = array(scan.body)
        assert body[:, :, 0].any() or body[:, :, -1].any()
    body = array(usual_baseline().body)
    assert not body[:, :, [0, -1]].any() and not body[:, [0, -1]].any()


def test_padding_fills_the_corners():
    image = array(cut_pair().baseline.image)
    assert np.all(image[:, 0, 0] == CIRCLE_HU) and np.all(image[:, -1, -1] == CIRCLE_HU)
    assert image[:, 48, 2:94].min() >= -1024


def test_the_truth_ends_where_the_scanner_saw_nothing():
    pair = cut_pair()
    for scan in (pair.baseline, pair.followup):
        unseen = array(scan.image) == CIRCLE_HU
        for truth in (scan.body, scan.vertebrae, scan.vertebra_parts, scan.lesion):
            assert array(truth).any() and not array(truth)[unseen].any()
        rim = binary_dilation(unseen[0]) & ~unseen[0]
        assert array(scan.body)[:, rim].any()


def test_thin_chest_wall_leaves_little_over_the_lung():
    def wall_mm(scan):
        image, body = array(scan.image)[-1], array(scan.body)[-1] > 0
        row = int(np.argwhere(body)[:, 0].mean())
        inside = np.nonzero(body[row])[0]
        lung = inside[image[row, inside] < -600]
        return (lung[0] - inside[0]) * scan.image.GetSpacing()[0]

    assert wall_mm(close_pair().baseline) < 14.0 < wall_mm(usual_baseline())


def test_prosthesis_touches_the_skin_only_when_asked():
    def touching(scan):
        image, body = array(scan.image), array(scan.body) > 0
        bright = (image > 0) & ~body
        return np.count_nonzero(bright[:, :-1] & body[:, 1:])

    assert touching(close_pair().baseline) > touching(usual_baseline()) + 100


def test_table_touches_the_skin_along_the_scan_when_asked():
    def gaps_mm(pair):
        for scan in (pair.baseline, pair.followup):
            image, body = array(scan.image), array(scan.body) > 0
            for k in range(len(body)):
                row, column = max(np.argwhere(body[k]).tolist())
                below = np.nonzero(image[k, row + 1 :, column] > -600)[0]
                yield below[0] * scan.image.GetSpacing()[1]

    assert np.mean(np.array(list(gaps_mm(close_pair()))) < 6.0) > 0.9
    assert np.median(list(gaps_mm(usual_pair()))) > 6.0


def test_chest_coverage_shows_more_lung():
    def lung_mm3(scan):
        inside = array(scan.body) > 0
        return np.count_nonzero(array(scan.image)[inside] < -600) * np.prod(scan.image.GetSpacing())

    assert lung_mm3(long_baseline()) > 3.0 * lung_mm3(usual_baseline())


def test_no_deformation_means_a_rigid_followup():
    pair = rigid_pair()
    points = np.random.default_rng(1).uniform([-100, -80, -80], [100, 80, 250], (40, 3))
    there = moved(pair.true_transform, points)
    before = np.linalg.norm(points[:, None] - points[None], axis=-1)
    after = np.linalg.norm(there[:, None] - there[None], axis=-1)
    assert np.allclose(before, after, atol=1e-6)
    assert np.linalg.norm(there - points, axis=1).mean() > 5.0


def test_a_slice_shows_the_mean_over_its_thickness_when_asked():
    """The endplates of a scan that averages each slice are those of the mean of three thin slices."""
    thin, points, averaged = (
        make_phantom(5, PhantomOptions(size=96, slices=slices, samples_per_slice=samples)).baseline
        for slices, samples in ((180, 1), (60, 1), (60, 3))
    )
    values = sitk.GetArrayFromImage(thin.image).astype(float)
    mean = values[2:176].reshape(58, 3, 96, 96).mean(axis=1)
    inside = binary_dilation(sitk.GetArrayFromImage(averaged.vertebrae)[1:-1] > 0)
    seen, sampled = (np.std((sitk.GetArrayFromImage(each.image)[1:-1] - mean)[inside]) for each in (averaged, points))
    assert seen < 20
    assert sampled > 1.5 * seen
    assert np.array_equal(sitk.GetArrayFromImage(averaged.vertebrae), sitk.GetArrayFromImage(points.vertebrae))
