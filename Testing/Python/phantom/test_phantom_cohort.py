"""The cohort of phantoms: who is scanned when, lesions over time, files, the truth."""

from collections import Counter
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.phantom import PhantomOptions
from LongitudinalRegistrationLib.phantom.cohort import (
    CohortOptions,
    patient_scans,
    plan_cohort,
    write_patient,
    write_tables,
)
from LongitudinalRegistrationLib.phantom.cohort.course import PROGRESSES, RESPONDS, Metastasis
from LongitudinalRegistrationLib.phantom.skeleton import LYTIC, SCLEROTIC, Lesion
from LongitudinalRegistrationLib.training.manifest import in_time_order, read_manifest
from TableRemovalLib.errors import InputError

TINY = CohortOptions(patients=1, scans=3, phantom=PhantomOptions(size=72, slices=40))


@pytest.fixture(scope="module")
def scans():
    """A patient's three scans."""
    return list(patient_scans(3, plan_cohort(3, TINY)[0], TINY))


def array(image):
    return sitk.GetArrayFromImage(image)


def test_the_cohort_is_the_paper_s_in_size_and_in_time():
    plans = plan_cohort(1, CohortOptions())
    assert len(plans) == 12 and sum(len(plan.visits) for plan in plans) == 88
    assert len({len(plan.visits) for plan in plans}) > 1
    for plan in plans:
        gaps = [later.days - earlier.days for earlier, later in pairwise(plan.visits)]
        assert min(gaps) >= 91 and max(gaps) <= 366
        assert plan.visits[0].days == 0
        assert all((visit.day - plan.visits[0].day).days == visit.days for visit in plan.visits)
    assert Counter(plan.fold for plan in plans) == {1: 3, 2: 3, 3: 3, 4: 3}
    assert len({visit.scanner.name for plan in plans for visit in plan.visits}) == 4
    assert plan_cohort(1, CohortOptions()) == plans != plan_cohort(2, CohortOptions())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (CohortOptions(patients=3, scans=5), "scans must be 6"),
        (CohortOptions(patients=0), "patients must be 1"),
        (CohortOptions(folds=0), "folds must be 1"),
        (CohortOptions(phantom=PhantomOptions(size=8)), "size must be"),
    ],
)
def test_a_cohort_that_makes_no_sense_is_refused(wrong, reason):
    with pytest.raises(InputError, match=reason):
        plan_cohort(1, wrong)


def metastasis(kind, course, **changes):
    return Metastasis(Lesion(None, kind, np.zeros(3), 6.0), course, **{"onset_days": 0, "time_months": 6.0, **changes})


def test_lesions_grow_or_shrink_and_lytic_ones_become_dense():
    growing, healing = metastasis(LYTIC, PROGRESSES), metastasis(LYTIC, RESPONDS)
    half_a_year, years = 183, 2000
    assert growing.on_day(half_a_year).radius_mm == pytest.approx(6.0 * 2 ** (1 / 3), rel=0.01)
    assert growing.on_day(half_a_year).sclerosis == 0 and growing.on_day(years).radius_mm == 15.0
    assert healing.on_day(0).radius_mm == 6.0 and healing.on_day(0).sclerosis == 0
    assert healing.on_day(half_a_year).radius_mm < 6.0
    assert 0 < healing.on_day(half_a_year).sclerosis < healing.on_day(years).sclerosis < 1
    assert metastasis(SCLEROTIC, RESPONDS).on_day(years).sclerosis == 0
    late = metastasis(LYTIC, PROGRESSES, onset_days=100)
    assert late.on_day(99) is None and late.on_day(100).radius_mm == 6.0


def test_a_healing_lytic_lesion_is_dense_from_the_outside():
    options = CohortOptions(patients=1, scans=3, phantom=PhantomOptions(size=160, slices=110))
    first, _, last = patient_scans(3, plan_cohort(3, options)[0], options)
    healed = [each for each in last.lesions if each.lesion.kind == LYTIC]
    assert healed and all(each.metastasis.course == RESPONDS and each.lesion.sclerosis > 0.4 for each in healed)

    def mean_hu(scan):
        return array(scan.scan.image)[array(scan.scan.lesion) == LYTIC].mean()

    assert mean_hu(first) < 200 and mean_hu(last) > mean_hu(first) + 200


def test_the_truth_leads_from_the_baseline_to_every_scan(scans):
    baseline = scans[0]
    assert baseline.truth.TransformPoint((1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)
    for scan in scans[1:]:
        moved = sitk.Resample(scan.scan.vertebrae, baseline.scan.vertebrae, scan.truth, sitk.sitkNearestNeighbor, 0)
        first, second = array(baseline.scan.vertebrae) > 0, array(moved) > 0
        nothing = sitk.Transform()
        apart = sitk.Resample(scan.scan.vertebrae, baseline.scan.vertebrae, nothing, sitk.sitkNearestNeighbor, 0)
        overlap, before = (
            2 * (first & other).sum() / (first.sum() + other.sum()) for other in (second, array(apart) > 0)
        )
        assert overlap > 0.7 and overlap > before + 0.1


def test_the_scanners_differ(scans):
    assert [scan.visit.scanner.name for scan in scans] == ["A", "A", "C"]
    first, second, third = (scan.scan.image.GetSpacing() for scan in scans)
    assert first == second and third[0] > 1.03 * first[0] and third[2] == pytest.approx(1.25 * first[2], abs=0.01)


def test_files_are_a_manifest_that_training_reads(tmp_path, scans):
    """Drawn again for it: the same seed gives the same scans."""
    plan = plan_cohort(3, TINY)[0]
    manifest, lesions = write_tables(tmp_path, [write_patient(tmp_path, 3, plan, TINY)])
    entries = read_manifest(manifest)
    assert in_time_order(entries, "P01") == list(entries) and len(entries) == 3
    assert [date.fromisoformat(entry.time_point) for entry in entries] == [visit.day for visit in plan.visits]
    assert [entry.split for entry in entries] == [f"fold{plan.fold}"] * 3
    for entry, scan in zip(entries, scans, strict=True):
        assert np.array_equal(array(sitk.ReadImage(str(entry.image))), array(scan.scan.image))
        assert np.array_equal(array(sitk.ReadImage(str(entry.labels))), array(scan.scan.vertebrae))
        assert sitk.ReadTransform(str(entry.truth)).TransformPoint((9.0, 8.0, 7.0)) == pytest.approx(
            scan.truth.TransformPoint((9.0, 8.0, 7.0)), abs=1e-6
        )
    rows = lesions.read_text().splitlines()
    assert len(rows) == 1 + sum(len(scan.lesions) for scan in scans) and "lytic" in rows[1]
