"""What has changed as files from the scene: report and DICOM."""

import numpy as np
import pytest
from changed_scans import add_result, compare

pytest.importorskip("trame_slicer")
pytest.importorskip("PySide6")

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def logic(scene):
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = LongitudinalRegistrationLogic()
    yield made
    made.shutDown()


@pytest.fixture
def result(scene):
    from LongitudinalRegistrationSlicer.changes.requests import importFindings

    result = add_result()
    changes = compare(result)
    importFindings(result, changes.content(), changes.findings.labels)
    return result


def test_the_report_is_a_page_and_a_pdf_file_without_names(result, logic, tmp_path):
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from TableRemovalLib.errors import InputError

    fixedOf(result).SetName("Mustermann Erika")
    logic.nameFinding(result, 1, "Deposit <1>")
    count = len(logic.findings(result))
    files, missing = logic.saveChangesReport(result, tmp_path / "report")
    assert files == ["changes.html", "changes.pdf"] and missing == ""
    page = (tmp_path / "report" / "changes.html").read_text()
    assert "Deposit &lt;1&gt;" in page and "Mustermann" not in page
    assert page.count("data:image/png") == 2 * count
    with pytest.raises(InputError, match="already"):
        logic.saveChangesReport(result, tmp_path / "report")
    for finding in logic.findings(result):
        logic.rejectFinding(result, finding.number)
    logic.saveChangesReport(result, tmp_path / "empty", patient="Mustermann")
    assert "No finding." in (tmp_path / "empty" / "changes.html").read_text()


def test_before_the_scans_were_compared_it_says_so(logic, tmp_path):
    from TableRemovalLib.errors import InputError

    result = add_result()
    for write in (logic.saveChangesReport, logic.exportFindings):
        with pytest.raises(InputError, match="not compared"):
            write(result, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_dicom_the_structured_report_says_what_is_missing(result, logic, tmp_path):
    from TableRemovalLib.errors import InputError

    with pytest.raises(InputError, match="load the baseline from DICOM"):
        logic.exportFindings(result, tmp_path / "out")


def test_accepted_findings_come_as_dicom_on_the_series_of_the_baseline(result, logic, tmp_path, monkeypatch):
    hd = pytest.importorskip("highdicom")
    import pydicom
    import slicer
    from LongitudinalRegistrationLib.dicom.export import export_series
    from LongitudinalRegistrationSlicer.results.nodes import fixedOf
    from TableRemovalSlicer.volumes import imageFromVolumeNode

    export_series(imageFromVolumeNode(fixedOf(result)), tmp_path / "series")
    paths = sorted((tmp_path / "series").iterdir())
    header = pydicom.dcmread(paths[0])

    class Database:
        def fileForInstance(self, uid):
            return str(paths[0])

        def seriesForFile(self, path):
            return header.SeriesInstanceUID

    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    fixedOf(result).SetAttribute("DICOM.instanceUIDs", header.SOPInstanceUID)
    logic.acceptFinding(result, 1)
    first = logic.findings(result)[0]
    files = logic.exportFindings(result, tmp_path / "out")
    seg = hd.seg.segread(tmp_path / "out" / files[0])
    assert seg.number_of_segments == 1
    voxel_ml = np.prod(fixedOf(result).GetSpacing()) / 1000
    assert seg.pixel_array.sum() * voxel_ml == pytest.approx(first.volumeMl, rel=0.05)
    (group,) = hd.sr.srread(tmp_path / "out" / files[1]).content.get_volumetric_roi_measurement_groups()
    assert group.get_qualitative_evaluations()[0].value.meaning == "accepted"
