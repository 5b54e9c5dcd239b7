"""`longct changes` with several follow-ups: a synthetic patient at three visits, whose transforms are known."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.cli.arguments import make_parser
from LongitudinalRegistrationLib.cli.follow_ups import visits_of
from LongitudinalRegistrationLib.cli.main import main
from LongitudinalRegistrationLib.phantom import PhantomOptions
from LongitudinalRegistrationLib.phantom.cohort import CohortOptions, patient_scans, plan_cohort

SEED, OPTIONS = 3, CohortOptions(patients=1, scans=3, folds=1, phantom=PhantomOptions(size=96, slices=64))


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """The scans of three visits, and the folder with their files, named by their days."""
    folder = tmp_path_factory.mktemp("visits")
    (plan,) = plan_cohort(SEED, OPTIONS)
    scans = list(patient_scans(SEED, plan, OPTIONS))
    for made in scans:
        sitk.WriteImage(made.scan.image, str(folder / f"ct_{made.visit.day:%Y%m%d}.nii.gz"))
        sitk.WriteImage(made.scan.vertebrae, str(folder / f"labels_{made.visit.day}.nii.gz"))
        sitk.WriteTransform(made.truth, str(folder / f"true_{made.visit.day}.h5"))
    return scans, folder


def run(visits, *more, order=(2, 1), out="out"):
    scans, folder = visits
    days = [each.visit.day for each in scans]
    words = ["--fixed", f"ct_{days[0]:%Y%m%d}.nii.gz", "--fixed-labels", f"labels_{days[0]}.nii.gz", "--moving"]
    words += [f"ct_{days[n]:%Y%m%d}.nii.gz" for n in order]
    words += ["--moving-labels", *(f"labels_{days[n]}.nii.gz" for n in order)]
    words += ["--transform", *(f"true_{days[n]}.h5" for n in order)]
    paths = [word if word.startswith("--") else str(folder / word) for word in words]
    return main(["changes", *paths, "--out", str(folder / out), *more])


@pytest.fixture(scope="module")
def results(visits):
    assert run(visits, "--region", "everywhere") == 0
    return visits[1] / "out"


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_follow_ups_are_in_the_order_of_the_dates_in_their_names(visits, results):
    points = json.loads((results / "time_points.json").read_text())["time_points"]
    assert [point["date"] for point in points] == [each.visit.day.isoformat() for each in visits[0]]
    assert [point["days"] for point in points] == [each.visit.days for each in visits[0]]
    assert [point["files"] for point in points] == [None, "1-", "2-"]


def test_each_follow_up_has_all_the_files_of_one(results):
    names = {path.name for path in results.iterdir()}
    for number in (1, 2):
        own = {name.removeprefix(f"{number}-") for name in names if name.startswith(f"{number}-")}
        assert own == {
            *("changes.json", "changes.html", "findings.csv", "findings.nii.gz", "vertebra_changes.csv"),
            *("change_hu.nii.gz", "significance.nii.gz", "volume_change.nii.gz"),
        }
    assert names >= {"time_points.json", "vertebra_course.csv"}


def test_the_density_of_every_vertebra_at_every_visit_is_what_the_phantom_has(visits, results):
    rows = rows_of(results / "vertebra_course.csv")
    assert len(rows) == 3 * len({row["label"] for row in rows}) >= 15
    off = []
    for row in rows:
        made = next(each for each in visits[0] if each.visit.day.isoformat() == row["date"])
        hu, labels, parts = (
            sitk.GetArrayViewFromImage(image)
            for image in (made.scan.image, made.scan.vertebrae, made.scan.vertebra_parts)
        )
        own = labels == int(row["label"])
        assert float(row["whole_mean_hu"]) == pytest.approx(hu[own].mean(), abs=0.01)
        off += [
            float(row[f"{name}_mean_hu"]) - hu[own & (parts == value)].mean()
            for name, value in (("body", 1), ("processes", 2))
        ]
    # Where a body ends is found from its shape, in voxels of 4 x 4 x 7 mm here.
    assert np.median(np.abs(off)) < 8 and np.max(np.abs(off)) < 30


def test_changes_over_time_are_from_the_baseline(results):
    rows = rows_of(results / "vertebra_course.csv")
    of = {(row["label"], row["time_point"]): row for row in rows}
    first = rows[0]["time_point"]
    known = [row for row in rows if row["body_change_hu"]]
    assert len(known) >= 10 and not any(row["time_point"] == first for row in known)
    for row in known:
        change = float(row["body_mean_hu"]) - float(of[row["label"], first]["body_mean_hu"])
        assert float(row["body_change_hu"]) == pytest.approx(change, abs=0.01)


def visits_in(*words):
    arguments = make_parser().parse_args(["changes", "--fixed", "a_20250103.nii", "--out", "out", *words])
    return visits_of(arguments)


def test_dates_can_be_given_and_go_before_those_in_names():
    found = visits_in(*("--moving", "b_20250401.nii", "c.nii", "--dates", "2020-01-01,2020-03-01,2020-02-01"))
    assert [each.image.name for each in found.follow_ups] == ["c.nii", "b_20250401.nii"]
    assert found.dates == found.names == ("2020-01-01", "2020-02-01", "2020-03-01") and found.days == (0, 31, 60)


def test_without_all_dates_the_order_is_the_given_one_and_no_file_is_named():
    found = visits_in("--moving", "c.nii", "b_20250401.nii")
    assert [each.image.name for each in found.follow_ups] == ["c.nii", "b_20250401.nii"]
    assert found.names == ("2025-01-03", "Follow-up 1", "2025-04-01") and found.days is None


def test_the_date_of_a_dicom_series_is_its_study_s(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    from LongitudinalRegistrationLib.dicom.export import export_series

    image = sitk.Image([8, 8, 3], sitk.sitkInt16)
    export_series(image, tmp_path / "series 2019-01-01")
    for path in (tmp_path / "series 2019-01-01").iterdir():
        header = pydicom.dcmread(path)
        header.StudyDate = "20250520"
        header.save_as(path)
    assert visits_in("--moving", str(tmp_path / "series 2019-01-01")).dates == ("2025-01-03", "2025-05-20")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--dates", "2020-01-01,2020-02-01"), "2 dates for 3 scans"),
        (("--dicom-sr", "sr"), "goes with one follow-up"),
    ],
)
def test_what_does_not_fit_several_follow_ups_is_a_sentence_before_any_work(visits, capsys, more, words):
    assert run(visits, *more, out="none") == 2
    assert words in capsys.readouterr().err and not (visits[1] / "none").exists()


def test_files_of_one_follow_up_for_two_are_a_sentence(visits, capsys):
    scans = [str(visits[1] / f"ct_{each.visit.day:%Y%m%d}.nii.gz") for each in visits[0]]
    transform = str(visits[1] / f"true_{visits[0][1].visit.day}.h5")
    words = ["--fixed", scans[0], "--moving", *scans[1:], "--transform", transform, "--out", str(visits[1] / "none")]
    assert main(["changes", *words]) == 2
    assert "1 files for 2 follow-ups" in capsys.readouterr().err


@pytest.mark.parametrize("dates", ["2020-01-01,soon", "2020-02-30,2020-03-01"])
def test_dates_that_are_none_are_a_sentence(visits, capsys, dates):
    with pytest.raises(SystemExit):
        run(visits, "--dates", dates, out="none")
    assert "give dates" in capsys.readouterr().err


def test_a_run_with_one_follow_up_replaces_one_with_several(visits, results, capsys):
    assert run(visits, order=(1,)) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(visits, "--overwrite", order=(1,)) == 0
    names = {path.name for path in results.iterdir()}
    assert "changes.json" in names and not any(name.startswith(("1-", "2-", "time_points")) for name in names)
    assert np.isfinite(json.loads((results / "changes.json").read_text())["noise_hu"])
