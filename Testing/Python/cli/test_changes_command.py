"""`longct changes` on a made-up trunk whose lesions are known, with a transform that is right."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.cli.main import main

SPACING = (1.5, 1.5, 2.5)


def scan(lesion_hu, seed):
    """A trunk with a spine; a ball of 6 mm radius in its marrow is denser by `lesion_hu`."""
    low, size = np.array([-80.0, -62.0, -45.0]), (108, 84, 36)
    x, y, z = np.meshgrid(*(low[a] + SPACING[a] * np.arange(size[a]) for a in range(3)), indexing="ij")
    hu = np.where((x / 75) ** 2 + (y / 57) ** 2 < 1, 50.0, -1000.0)
    from_axis = np.hypot(x, (y - 18) * 1.2)
    hu[from_axis < 21], hu[from_axis < 18] = 700, 190
    hu[x**2 + (y - 18) ** 2 + z**2 < 36] += lesion_hu
    hu += np.random.default_rng(seed).normal(0, 10, hu.shape)
    image = sitk.GetImageFromArray(hu.transpose(2, 1, 0).astype(np.int16))
    image.SetSpacing(SPACING)
    image.SetOrigin(low.tolist())
    return image


@pytest.fixture
def files(tmp_path):
    for name, image in (("a", scan(0.0, 1)), ("b", scan(130.0, 2))):
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    sitk.WriteTransform(sitk.TranslationTransform(3, (0.0, 0.0, 0.0)), str(tmp_path / "t.h5"))
    labels = sitk.Cast(scan(0.0, 1) > 120, sitk.sitkUInt8) * 21
    for ends in (slice(0, 6), slice(30, 36)):
        labels[:, :, ends] = 0
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    return tmp_path


def run(files, *more, out="out"):
    paths = {name: str(files / f"{name}.nii.gz") for name in ("a", "b")}
    transform = ["--transform", str(files / "t.h5")]
    return main(
        ["changes", "--fixed", paths["a"], "--moving", paths["b"], "--out", str(files / out), *transform, *more]
    )


def test_it_writes_the_finding_in_every_form(files, capsys):
    assert run(files, "--fixed-labels", str(files / "labels.nii.gz")) == 0
    text = capsys.readouterr().out
    assert "1 changes" in text and "denser" in text and "No diagnosis" in text
    content = json.loads((files / "out" / "changes.json").read_text())
    (finding,) = content["findings"]
    np.testing.assert_allclose(finding["position"], (0, 18, 0), atol=2)
    assert finding["vertebra"] == 21 and finding["place"].startswith("L2")
    assert any("Only the baseline has labels" in words for words in content["warnings"])
    page = (files / "out" / "changes.html").read_text(encoding="utf-8")
    assert finding["place"] in page and "a transform that was given" in page and page.count("data:image/png") == 2
    assert f"{finding['mean_change_hu']:+.0f}" in page and "not judged" in page and str(files) not in page
    (row,) = csv.DictReader((files / "out" / "findings.csv").open())
    assert float(row["y_mm"]) == pytest.approx(finding["position"][1], abs=0.001) and row["kind"] == "denser"
    numbers = sitk.ReadImage(str(files / "out" / "findings.nii.gz"))
    change = sitk.ReadImage(str(files / "out" / "change_hu.nii.gz"))
    inside = sitk.GetArrayFromImage(change)[sitk.GetArrayFromImage(numbers) == 1]
    assert inside.mean() == pytest.approx(finding["mean_change_hu"], abs=0.1)
    (vertebra,) = csv.DictReader((files / "out" / "vertebra_changes.csv").open())
    assert vertebra["name"] == "L2" and float(vertebra["whole_change_hu"]) > 0


def test_bad_input_is_one_sentence_and_leaves_nothing(files, capsys):
    assert run(files, "--threshold", "-1", out="none") == 2
    assert "threshold must be more than 0" in capsys.readouterr().err
    sitk.WriteTransform(sitk.TranslationTransform(3, (0.0, 0.0, 500.0)), str(files / "t.h5"))
    assert run(files, out="none") == 2
    assert "in common" in capsys.readouterr().err
    assert not (files / "none").exists()


def test_results_are_not_replaced_unasked(files, capsys):
    assert run(files) == 0
    assert run(files) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(files, "--overwrite") == 0


def test_findings_come_as_dicom_on_the_series_of_the_baseline(files, capsys):
    hd = pytest.importorskip("highdicom")
    from LongitudinalRegistrationLib.dicom.export import export_series

    export_series(scan(0.0, 1), files / "series")
    words = ["--moving", str(files / "b.nii.gz"), "--transform", str(files / "t.h5"), "--dicom-sr", str(files / "sr")]
    assert run(files, "--dicom-sr", str(files / "sr")) == 2
    assert "load the baseline from DICOM" in capsys.readouterr().err and not (files / "out").exists()
    assert main(["changes", "--fixed", str(files / "series"), "--out", str(files / "out"), *words]) == 0
    (finding,) = json.loads((files / "out" / "changes.json").read_text())["findings"]
    content = hd.sr.srread(files / "sr" / "findings-sr.dcm").content
    (group,) = content.get_volumetric_roi_measurement_groups()
    volumes = [each.value for each in group.get_measurements() if each.name.meaning == "Volume"]
    assert volumes == [pytest.approx(1000 * finding["volume_ml"], abs=0.1)]
    assert group.get_qualitative_evaluations()[0].value.meaning == "not judged"
    assert main(["changes", "--fixed", str(files / "series"), "--out", str(files / "again"), *words]) == 2
    assert "not an empty folder" in capsys.readouterr().err and not (files / "again").exists()


def test_memory_is_checked_before_anything_is_read(files, capsys, monkeypatch):
    from LongitudinalRegistrationLib.system import memory

    monkeypatch.setattr(memory, "available_bytes", lambda: 10**8)
    assert run(files) == 2
    assert "GB of memory" in capsys.readouterr().err and not (files / "out").exists()


def test_vertebrae_of_the_follow_up_alone_beside_other_labels_are_told(files):
    other = sitk.Cast(scan(0.0, 1) > 120, sitk.sitkUInt8) * 100
    sitk.WriteImage(other, str(files / "organs.nii.gz"))
    labels = "--fixed-labels", str(files / "organs.nii.gz"), "--moving-labels", str(files / "labels.nii.gz")
    assert run(files, *labels) == 0
    warnings = json.loads((files / "out" / "changes.json").read_text())["warnings"]
    assert any("name vertebrae, the baseline's do not" in words for words in warnings)


def test_a_lesion_numbered_1_is_no_atlas(files):
    mask = sitk.Cast(scan(130.0, 2) > 260, sitk.sitkUInt8)
    sitk.WriteImage(sitk.Mask(mask, scan(0.0, 1) < 600), str(files / "lesion.nii.gz"))
    assert run(files, "--fixed-labels", str(files / "lesion.nii.gz")) == 0
    content = json.loads((files / "out" / "changes.json").read_text())
    assert content["vertebrae"] == [] and [each["place"] for each in content["findings"]] == ["label 1, middle"]
    assert content["findings"][0]["vertebra"] is None
