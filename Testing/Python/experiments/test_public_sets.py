"""Public sets as they are downloaded, small: what is made of them, and what is said where something is missing."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.cohort.pairs import pairs_of
from LongitudinalRegistrationLib.experiments.public import dirlab
from LongitudinalRegistrationLib.training.manifest import read_manifest
from TableRemovalLib.errors import InputError


def write_series(folder, uid, date, slices, patient="HCC_007", modality="CT", kind="ORIGINAL\\PRIMARY\\AXIAL"):
    """Write a DICOM series as the NBIA Data Retriever names its files, from the head down; stored are HU + 1024.

    Voxel (i, j) of the slice at z mm has 10 * i + 100 * j + z HU.
    """
    folder.mkdir(parents=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    j, i = np.mgrid[0:8, 0:8]
    for number in range(slices):
        z = -2.5 * number
        image = sitk.GetImageFromArray((10 * i + 100 * j + round(z)).astype(np.int16)[None])
        image.SetSpacing((0.75, 0.75, 2.5))
        tags = {
            **{"0010|0020": patient, "0008|0020": date, "0008|0060": modality, "0008|0008": kind},
            **{"0020|000e": uid, "0020|000d": "1.2.3", "0008|0018": f"{uid}.{number}", "0020|0013": str(number + 1)},
            **{
                "0020|0032": f"-180\\-170\\{z}",
                "0020|0037": "1\\0\\0\\0\\1\\0",
                "0028|1052": "-1024",
                "0028|1053": "1",
            },
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"1-{number + 1:03d}.dcm"))
        writer.Execute(image)


@pytest.fixture(scope="module")
def download(tmp_path_factory):
    """Three dates of a patient, in the folders that the NBIA Data Retriever makes."""
    root = tmp_path_factory.mktemp("tcia") / "manifest-1643035385102"
    patient = root / "HCC-TACE-Seg" / "HCC_007"
    first, second = patient / "12-27-1997-NA-CT ABDOMEN-43210", patient / "03-14-1998-NA-AP LIVER-86420"
    write_series(first / "2.000000-PRE LIVER-12345", "1.2.3.1", "19971227", 24)
    write_series(first / "4.000000-Recon 2 LIVER-67890", "1.2.3.2", "19971227", 22)
    write_series(second / "2.000000-LIVER-24680", "1.2.3.3", "19980314", 21)
    write_series(second / "1.000000-SCOUT-13579", "1.2.3.4", "19980314", 30, kind="ORIGINAL\\PRIMARY\\LOCALIZER")
    write_series(second / "300.000000-Segmentation-99", "1.2.3.6", "19980314", 1, modality="SEG")
    write_series(patient / "01-01-1999-NA-MR-11" / "5.000000-T1-22", "1.2.3.5", "19990101", 25, modality="MR")
    (root / "HCC-TACE-Seg" / "LICENSE").write_text("no image")
    (root / "metadata.csv").write_text("Series UID,Collection\n1.2.3.1,HCC-TACE-Seg\n")
    return root


def test_tcia_gives_the_longest_ct_series_of_each_date(capsys, tmp_path, download):
    code, out, err = longct(capsys, "import", "tcia", download, "--out", tmp_path / "cohort")
    assert code == 0 and err == "" and out.endswith("manifest.csv\n")
    entries = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert [(e.patient, e.time_point) for e in entries] == [("HCC_007", "1997-12-27"), ("HCC_007", "1998-03-14")]
    assert [sitk.ReadImage(str(e.image)).GetSize()[2] for e in entries] == [24, 21]
    code, _, err = longct(capsys, "import", "tcia", download, "--out", tmp_path / "cohort")
    assert code == 2 and "already" in err
    code, out, _ = longct(capsys, "import", "tcia", download, "--out", tmp_path / "one", "--series", "1.2.3.2")
    assert code == 0 and len(read_manifest(tmp_path / "one" / "manifest.csv")) == 1
    code, _, err = longct(capsys, "import", "tcia", download, "--out", tmp_path / "no", "--series", "9.9")
    assert code == 2 and "no CT series 9.9" in err


def test_tcia_keeps_hu_and_places(capsys, tmp_path, download):
    assert longct(capsys, "import", "tcia", download, "--out", tmp_path / "cohort")[0] == 0
    scan = sitk.ReadImage(str(tmp_path / "cohort" / "HCC_007" / "1997-12-27.nii.gz"))
    for i, j, number in ((0, 0, 0), (5, 2, 4), (7, 7, 23)):
        point = (-180.0 + 0.75 * i, -170.0 + 0.75 * j, -2.5 * number)
        assert scan[scan.TransformPhysicalPointToIndex(point)] == 10 * i + 100 * j + round(-2.5 * number)


LANDMARKS = (
    np.array([[1, 1, 1], [226, 84, 56], [100, 118, 103]]),
    np.array([[1, 1, 2], [225, 84, 56], [101, 118, 96]]),
)
"""Voxels of T00 and of T50, counted from 1, as DIR-Lab's files have them."""


def write_dirlab(folder, case, size, scan, points):
    """A case as it is unpacked: names differ between the first five and the others.

    Raw signed 16 bit, little endian, HU + 1024; -2000 outside the field of view; first slice the upper one.
    """
    late = case > 5
    images = folder / (f"Case{case}Deploy" if case == 8 else f"Case{case}Pack") / "Images"
    extremes = images.parent / ("extremePhases" if late else "ExtremePhases")
    samples = images.parent / "Sampled4D"
    for each in (images, extremes, samples):
        each.mkdir(parents=True)
    values = np.full(size[::-1], -2000, "<i2")
    for voxel in np.concatenate(points):
        i, j, k = voxel - 1
        values[k, j, i] = i + j + k + 1024
    for phase, voxels in zip(("T00", "T50"), points, strict=True):
        values.tofile(images / scan.format(case=case, phase=phase))
        name = f"case{case}_dirLab300_{phase}_xyz.txt" if late else f"Case{case}_300_{phase}_xyz.txt"
        (extremes / name).write_text("".join(f"{i}\t{j}\t{k}\n" for i, j, k in voxels))
        (samples / f"case{case}_4D-75_{phase}.txt").write_text("7\t7\t7\n")
    return images


@pytest.mark.parametrize(
    ("case", "size", "scan", "spacing"),
    [
        (1, (256, 256, 94), "case{case}_{phase}_s.img", (0.97, 0.97, 2.5)),
        (2, (256, 256, 112), "case{case}_{phase}-ssm.img", (1.16, 1.16, 2.5)),
        (8, (64, 64, 128), "case{case}_{phase}.img", (0.97, 0.97, 2.5)),
    ],
)
def test_dirlab_gives_hu_and_landmarks_at_the_voxels_that_they_name(
    capsys, tmp_path, monkeypatch, case, size, scan, spacing
):
    if case == 8:  # 512 x 512 takes long
        monkeypatch.setitem(dirlab.CASES, case, (size, dirlab.CASES[case][1]))
    points = tuple(np.minimum(voxels, size) for voxels in LANDMARKS)
    write_dirlab(tmp_path / "4DCT", case, size, scan, points)
    code, out, _ = longct(capsys, "import", "dirlab", tmp_path / "4DCT", "--out", tmp_path / "cohort")
    assert code == 0
    baseline, follow_up = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert (baseline.patient, baseline.time_point, follow_up.time_point) == (f"case{case:02d}", "0", "1")
    image = sitk.ReadImage(str(follow_up.image))
    assert image.GetSize() == size and image[50, 50, 50] == -1024
    np.testing.assert_allclose(image.GetSpacing(), spacing, atol=1e-6)
    rows = np.loadtxt(tmp_path / "cohort" / f"case{case:02d}_landmarks.csv", delimiter=",", skiprows=1)
    assert rows.shape == (3, 6)
    for row, first, second in zip(rows, *points, strict=True):
        for place, voxel in ((row[:3], first), (row[3:], second)):
            index = image.TransformPhysicalPointToIndex(place.tolist())
            assert index == tuple(voxel - 1) and image[index] == sum(index)
    assert rows[2, 2] < rows[0, 2]  # the feet are down


def test_dirlab_says_what_is_missing_or_cut_off(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(dirlab, "CASES", {2: ((4, 3, 5), 1.16), 3: ((4, 3, 5), 1.15)})
    points = np.ones((2, 1, 3), int)
    images = write_dirlab(tmp_path / "4DCT", 2, (4, 3, 5), "case{case}_{phase}-ssm.img", points)
    (images / "case3_T00-ssm.img").write_bytes((images / "case2_T00-ssm.img").read_bytes())
    code, out, _ = longct(capsys, "import", "dirlab", tmp_path / "4DCT", "--out", tmp_path / "cohort")
    assert code == 0 and "case 3: one of its phases is missing" in out
    (images / "case2_T50-ssm.img").write_bytes(b"1234")
    code, _, err = longct(capsys, "import", "dirlab", tmp_path / "4DCT", "--out", tmp_path / "other")
    assert code == 2 and "not 4 x 3 x 5" in err


def write_learn2reg(folder, task, scans, labelled, **lists):
    """A task as it is unpacked: scans, labels or masks, and its *_dataset.json; scan: name to its one value, HU."""
    for part, names in (("imagesTr", scans), ("labelsTr", labelled)):
        (folder / part).mkdir(parents=True)
        for name in names:
            image = sitk.Image([4, 3, 2], sitk.sitkInt16) + (scans[name] if part == "imagesTr" else 1)
            sitk.WriteImage(image, str(folder / part / f"{task}_{name}.nii.gz"))
    content = {
        **{"name": task, "release": "1.1", "modality": {"0": "CT"}, "tensorImageShape": {"0": [4, 3, 2]}},
        **{"numTraining": len(scans), "training": [{"image": f"./imagesTr/{task}_{name}.nii.gz"} for name in scans]},
        **{
            kind: [
                {r: f"./imagesTr/{task}_{n}.nii.gz" for r, n in zip(("fixed", "moving"), pair, strict=True)}
                for pair in pairs
            ]
            for kind, pairs in lists.items()
        },
    }
    (folder / f"{task}_dataset.json").write_text(json.dumps(content))
    return folder


def test_learn2reg_gives_its_pairs_once_and_says_which_scans_are_missing(capsys, tmp_path):
    """LungCT: baseline and follow-up are one patient's; pairs to validate with are listed among those to train with."""
    scans = {"0001_0000": -700, "0001_0001": -800, "0002_0000": -600}
    pairs = [(f"000{n}_0000", f"000{n}_0001") for n in (1, 2)]
    task = write_learn2reg(
        tmp_path / "LungCT", "LungCT", scans, (), training_paired_images=pairs, registration_val=pairs
    )
    code, out, _ = longct(capsys, "import", "learn2reg", task, "--out", tmp_path / "cohort")
    assert code == 0 and "LungCT_0002_0000 LungCT_0002_0001: a scan is missing" in out
    entries = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert [(e.time_point, sitk.ReadImage(str(e.image))[0, 0, 0], e.labels) for e in entries] == [
        ("0", -700, None),
        ("1", -800, None),
    ]


def test_learn2reg_pairs_that_share_a_scan_can_be_registered_and_not_trained_on(capsys, tmp_path):
    """AbdomenCTCT: every scan with every other one, each with labels."""
    names = ("0001", "0002", "0003")
    pairs = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]
    task = write_learn2reg(
        tmp_path / "AbdomenCTCT", "AbdomenCTCT", dict.fromkeys(names, 40), names, registration_val=pairs
    )
    assert longct(capsys, "import", "learn2reg", task, "--out", tmp_path / "cohort")[0] == 0
    manifest = tmp_path / "cohort" / "manifest.csv"
    found, alone = pairs_of(read_manifest(manifest, scans_once=False))
    assert not alone
    assert [tuple(e.image.name[12:16] for e in (pair.baseline, pair.follow_up)) for pair in found] == pairs
    assert all(pair.baseline.labels.parent.name == "labelsTr" for pair in found)
    with pytest.raises(InputError, match="list every scan once"):
        read_manifest(manifest)


@pytest.mark.parametrize(("what", "words"), [("tcia", "no CT series"), ("dirlab", "no DIR-Lab"), ("learn2reg", "no *")])
def test_an_empty_folder_is_an_input_error(capsys, tmp_path, what, words):
    (tmp_path / "empty").mkdir()
    code, _, err = longct(capsys, "import", what, tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 2 and words in err and not (tmp_path / "out").exists()
