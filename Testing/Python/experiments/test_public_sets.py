"""Public sets as they are downloaded, small: what is made of them, and what is said where something is missing."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from command import longct
from LongitudinalRegistrationLib.experiments.public import dirlab
from LongitudinalRegistrationLib.training.manifest import read_manifest


def write_series(folder, uid, date, slices, patient="P1", modality="CT", kind="ORIGINAL\\PRIMARY\\AXIAL"):
    """Write a DICOM series of 8 x 8 pixels."""
    folder.mkdir(parents=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(slices):
        image = sitk.GetImageFromArray(np.full((1, 8, 8), 10 * number, np.int16))
        image.SetSpacing((1.0, 1.0, 2.0))
        tags = {
            **{"0010|0020": patient, "0008|0020": date, "0008|0060": modality, "0008|0008": kind},
            **{"0020|000e": uid, "0020|000d": "1.2.3", "0008|0018": f"{uid}.{number}", "0020|0013": str(number)},
            **{"0020|0032": f"0\\0\\{2 * number}", "0020|0037": "1\\0\\0\\0\\1\\0"},
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(image)


def test_tcia_gives_the_longest_ct_series_of_each_date(capsys, tmp_path):
    source = tmp_path / "download"
    write_series(source / "a", "1.2.3.1", "19971227", 24)
    write_series(source / "b", "1.2.3.2", "19971227", 22)
    write_series(source / "c", "1.2.3.3", "19980314", 21)
    write_series(source / "d", "1.2.3.4", "19980314", 30, kind="ORIGINAL\\PRIMARY\\LOCALIZER")
    write_series(source / "e", "1.2.3.5", "19990101", 25, modality="MR")
    (source / "LICENSE").write_text("no image")
    code, out, err = longct(capsys, "import", "tcia", source, "--out", tmp_path / "cohort")
    assert code == 0 and err == "" and out.endswith("manifest.csv\n")
    entries = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert [(e.patient, e.time_point) for e in entries] == [("P1", "1997-12-27"), ("P1", "1998-03-14")]
    scans = [sitk.ReadImage(str(e.image)) for e in entries]
    assert [scan.GetSize()[2] for scan in scans] == [24, 21] and scans[0][0, 0, 3] == 30
    code, _, err = longct(capsys, "import", "tcia", source, "--out", tmp_path / "cohort")
    assert code == 2 and "already" in err
    code, out, _ = longct(capsys, "import", "tcia", source, "--out", tmp_path / "one", "--series", "1.2.3.2")
    assert code == 0 and len(read_manifest(tmp_path / "one" / "manifest.csv")) == 1
    code, _, err = longct(capsys, "import", "tcia", source, "--out", tmp_path / "no", "--series", "9.9")
    assert code == 2 and "no CT series 9.9" in err


def test_dirlab_gives_hu_and_landmarks_in_millimetres(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(dirlab, "CASES", {2: ((4, 3, 5), 1.16), 3: ((4, 3, 5), 1.15)})
    images = tmp_path / "Case2Pack" / "Images"
    images.mkdir(parents=True)
    values = np.arange(60, dtype="<i2").reshape(5, 3, 4) + 1024
    for phase in ("T00", "T50"):
        values.tofile(images / f"case2_{phase}-ssm.img")
        (images / f"case2_300_{phase}_xyz.txt").write_text("1 1 1\n3 2 4\n")
    values.tofile(images / "case3_T00_s.img")
    code, out, _ = longct(capsys, "import", "dirlab", tmp_path, "--out", tmp_path / "cohort")
    assert code == 0 and "case 3: one of its phases is missing" in out
    baseline, follow_up = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert (baseline.patient, baseline.time_point, follow_up.time_point) == ("case02", "0", "1")
    scan = sitk.ReadImage(str(baseline.image))
    assert scan.GetSize() == (4, 3, 5) and scan[1, 2, 3] == 12 * 3 + 4 * 2 + 1
    rows = np.loadtxt(tmp_path / "cohort" / "case02_landmarks.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(rows[1, :3], scan.TransformIndexToPhysicalPoint((2, 1, 3)), atol=1e-3)
    (images / "case2_T50-ssm.img").write_bytes(b"1234")
    code, _, err = longct(capsys, "import", "dirlab", tmp_path, "--out", tmp_path / "other")
    assert code == 2 and "not 4 x 3 x 5" in err


def test_learn2reg_gives_its_pairs_with_labels_where_both_have_them(capsys, tmp_path):
    for name in (
        "imagesTr/L_1_0000",
        "imagesTr/L_1_0001",
        "labelsTr/L_1_0000",
        "labelsTr/L_1_0001",
        "imagesTr/L_2_0000",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sitk.WriteImage(sitk.Image([2, 2, 2], sitk.sitkInt16), str(tmp_path / f"{name}.nii.gz"))
    pairs = [{r: f"./imagesTr/L_{n}_000{k}.nii.gz" for k, r in enumerate(("fixed", "moving"))} for n in (1, 1, 2)]
    (tmp_path / "L_dataset.json").write_text(json.dumps({"registration_val": pairs}))
    code, out, _ = longct(capsys, "import", "learn2reg", tmp_path, "--out", tmp_path / "cohort")
    assert code == 0 and "L_2_0000 L_2_0001: a scan is missing" in out
    entries = read_manifest(tmp_path / "cohort" / "manifest.csv")
    assert [(e.time_point, e.image.name, e.labels.parent.name) for e in entries] == [
        ("0", "L_1_0000.nii.gz", "labelsTr"),
        ("1", "L_1_0001.nii.gz", "labelsTr"),
    ]


@pytest.mark.parametrize(("what", "words"), [("tcia", "no CT series"), ("dirlab", "no DIR-Lab"), ("learn2reg", "no *")])
def test_an_empty_folder_is_an_input_error(capsys, tmp_path, what, words):
    (tmp_path / "empty").mkdir()
    code, _, err = longct(capsys, "import", what, tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 2 and words in err and not (tmp_path / "out").exists()
