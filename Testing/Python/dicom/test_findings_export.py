"""Findings as DICOM SEG and SR: read back by highdicom, checked by dciodvfy, nobody named unless asked."""

import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.dicom.findings_export import REPORT, SEGMENTATION, ExportedFinding, export_findings
from TableRemovalLib.errors import InputError
from test_dicom_export import write_series

hd = pytest.importorskip("highdicom")

CENTRE, SIDE_MM = (3.0, 2.0, 9.0), 8.0
"""Of a cube on a grid of its own, finer than the series, LPS, mm."""


def labels():
    """A cube with number 7; number 9 has no voxel on a slice of the series."""
    values = np.zeros((30, 30, 30), np.uint16)
    image = sitk.GetImageFromArray(values)
    image.SetOrigin((-10.0, -10.0, 0.0))
    k, j, i = np.indices(values.shape)
    points = np.stack([i - 10.0, j - 10.0, k], axis=-1)
    values[np.abs(points - CENTRE).max(axis=-1) <= SIDE_MM / 2] = 7
    filled = sitk.GetImageFromArray(values)
    filled.CopyInformation(image)
    return filled


def findings():
    first = ExportedFinding(7, "L3, body, left", "accepted", CENTRE, 0.73, 212.4, 11.5, 0.0, 14.2)
    return [first, ExportedFinding(9, "Rib", "not judged", (-6.0, -5.0, 3.2), 0.1, -80.0, 4.0, 5.0, 0.0)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("findings")
    series = write_series(folder / "series")
    export_findings(folder / "out", findings(), labels(), series)
    return series, folder / "out"


def test_the_segments_are_the_findings_on_the_images_of_the_baseline(exported):
    series, out = exported
    seg = hd.seg.segread(out / SEGMENTATION)
    assert [seg.get_segment_description(n).segment_label for n in (1, 2)] == ["L3, body, left", "Rib"]
    headers = sorted((pydicom.dcmread(path) for path in series.iterdir()), key=lambda h: h.ImagePositionPatient[2])
    uids = [header.SOPInstanceUID for header in headers]
    pixels = seg.get_pixels_by_source_instance(uids, combine_segments=False, ignore_spatial_locations=True)
    k, j, i = np.nonzero(pixels[..., 0])
    points = np.stack([-12.0 + 1.5 * i, -10.0 + 1.25 * j, 3.0 * k], axis=-1)
    assert np.abs(points - CENTRE).max() <= SIDE_MM / 2 + 0.5
    assert len(k) * 1.5 * 1.25 * 3.0 == pytest.approx((SIDE_MM + 1) ** 3, rel=0.15)
    assert np.argwhere(pixels[..., 1]).tolist() == [[1, 4, 4]]


def test_the_report_has_each_finding_with_its_figures_and_refers_to_its_segment(exported):
    _series, out = exported
    report = hd.sr.srread(out / REPORT)
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["1 L3, body, left", "2 Rib"]
    seg = pydicom.dcmread(out / SEGMENTATION)
    for number, group in enumerate(groups, start=1):
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID and segment.referenced_segment_numbers == [
            number
        ]
    figures = {m.name.meaning: (m.value, m.unit.value) for m in groups[0].get_measurements()}
    assert figures["Volume"] == (730.0, "mm3") and figures["Change of attenuation"] == (212.4, "[hnsf'U]")
    assert figures["Longest diameter on the follow-up"] == (14.2, "mm")
    assert "Longest diameter on the baseline" not in figures
    (decision,) = groups[0].get_qualitative_evaluations()
    assert decision.value.meaning == "accepted"


def test_nobody_is_named_unless_asked(exported, tmp_path):
    series, out = exported
    for name in (SEGMENTATION, REPORT):
        data = pydicom.dcmread(out / name)
        assert str(data.PatientName) == "" and data.PatientID == "P1"
        assert "Müller".encode("latin-1") not in (out / name).read_bytes()
    export_findings(tmp_path / "named", findings(), labels(), series, with_names=True)
    assert str(pydicom.dcmread(tmp_path / "named" / REPORT).PatientName) == "Müller^Änne"


def test_what_else_a_header_tells_of_people_stays_out(tmp_path):
    series = write_series(tmp_path / "series")
    told = {
        **{"ResponsiblePerson": "Secret^Mother", "ConsultingPhysicianName": "Secret^Consultant"},
        **{"NameOfPhysiciansReadingStudy": "Secret^Reader", "PatientComments": "Secret diagnosis"},
        **{"AdditionalPatientHistory": "Secret history", "OtherPatientIDs": "Secret number"},
    }
    for path in series.iterdir():
        data = pydicom.dcmread(path)
        for name, value in told.items():
            setattr(data, name, value)
        address = pydicom.Dataset()
        address.PersonAddress, address.InstitutionName = "Secret street", "Clinic"
        data.ReferringPhysicianIdentificationSequence = [address]
        data.save_as(path)
    export_findings(tmp_path / "out", findings(), labels(), series)
    for name in (SEGMENTATION, REPORT):
        assert b"Secret" not in (tmp_path / "out" / name).read_bytes()
        assert pydicom.dcmread(tmp_path / "out" / name).PatientID == "P1"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not here")
@pytest.mark.parametrize("name", [SEGMENTATION, REPORT])
def test_dciodvfy_finds_no_error(exported, name):
    _series, out = exported
    said = subprocess.run(["dciodvfy", out / name], capture_output=True, text=True)
    assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


def test_what_is_missing_is_said(tmp_path, exported, monkeypatch):
    series, _out = exported
    with pytest.raises(InputError, match="load the baseline from DICOM"):
        export_findings(tmp_path / "a", findings(), labels(), None)
    with pytest.raises(InputError, match="no finding"):
        export_findings(tmp_path / "a", [], labels(), series)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(InputError, match="pip install highdicom"):
        export_findings(tmp_path / "a", findings(), labels(), series)
    assert not (tmp_path / "a").exists()
