"""The report of changes: the same content as a page and as a PDF file, which names nobody."""

import base64
import math
import re
import sys
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.changes.recist import Target, course_of
from LongitudinalRegistrationLib.pipeline.changes_document import (
    ReportedFinding,
    ReportedLesion,
    ReportedScan,
    changes_document,
)
from LongitudinalRegistrationLib.report.document_html import document_html
from LongitudinalRegistrationLib.report.document_pdf import document_pdf
from LongitudinalRegistrationLib.report.pictures import close_up, png
from TableRemovalLib.errors import InputError

PICTURE = png(np.zeros((8, 8), np.uint8))
REGION = {
    "mean_before_hu": 180.0,
    "mean_after_hu": 167.6,
    "change_hu": -12.4,
    "volume_before_ml": 30.0,
    "volume_after_ml": 30.9,
    "volume_change_percent": 3.0,
}
HEIGHTS = {"front_mm": 25.0, "middle_mm": None, "back_mm": 27.0}
VERTEBRA = {
    "label": 22,
    "name": "L3",
    "whole": REGION,
    "body": {**REGION, "change_hu": None},
    "processes": REGION,
    "heights_before": HEIGHTS,
    "heights_after": HEIGHTS,
    "compression_percent": 12.0,
    "compression_error_percent": 20.4,
}
CHANGES = {
    "trust": 0.8,
    "noise_hu": 14.0,
    "warnings": ["The kernels differ."],
    "corrections": [{"tissue": "soft tissue", "offset_hu": 12.0}],
    "vertebrae": [VERTEBRA],
}
REPORT = {"method": "niftyreg", "verdict": {"level": "check", "reasons": ["Look at <L3>."]}}


def finding(title, status="open", caution=""):
    return ReportedFinding(title, status, caution, 1.234, 212.0, 400.0, 11.5, 0.93, 0.0, 14.0, PICTURE, PICTURE)


def document(patient=None):
    scans = [ReportedScan("Baseline", "2020-01-02", (512, 512, 75), (0.7, 0.7, 5.0))]
    scans.append(ReportedScan("Follow-up", "", (512, 512, 80), (0.7, 0.7, 5.0)))
    findings = [
        finding("L3, body, left", caution="contrast phase"),
        finding("Artefact", "rejected"),
        finding("Deposit", "accepted"),
    ]
    lesions = [ReportedLesion("Deposit", "Baseline", 20.0, math.nan, 3.21, 300.0)]
    course = course_of([Target("Deposit", (20.0, 30.0))], ["2020", "2021"])
    return changes_document(REPORT, CHANGES, scans, findings, lesions, course, patient)


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_the_page_says_what_was_found_how_far_to_trust_it_and_escapes_it():
    page = document_html(document())
    text = words(page)
    for part in (
        "L3, body, left",
        "+212",
        "1.23",
        "0 / 14",
        "(caution: contrast phase)",
        "93 %",
        "Trust in the comparison 80 %",
        "The kernels differ.",
    ):
        assert part in text, part
    assert "&lt;L3&gt;" in page and "Artefact" not in text and "accepted" in text
    assert "progressive disease" in text and "No diagnosis" in text and "25.0 – 27.0" in text
    assert page.count("data:image/png;base64,") == 4 and "http" not in page


def test_before_and_after_stay_on_one_line():
    page = document_html(document())
    assert "0\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}14" in page and "0 / 14" not in page


def test_a_person_is_named_only_when_asked():
    assert "Mustermann" in document_html(document("Mustermann")) and "Mustermann" not in document_html(document())


def pdf_text(data):
    """What stands in a PDF file of ours, in order."""
    streams = re.findall(rb"/ASCII85Decode[^>]*>>\s*stream\s*(.*?)endstream", data, re.DOTALL)
    found = []
    for stream in streams:
        try:
            found.append(zlib.decompress(base64.a85decode(stream.strip(), adobe=False, foldspaces=False)))
        except (ValueError, zlib.error):
            found.append(zlib.decompress(base64.a85decode(stream.strip().removesuffix(b"~>"))))
    drawn = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", b"".join(found))
    return " ".join(re.sub(rb"\\(.)", rb"\1", each).decode("latin-1").strip() for each in drawn)


def test_the_pdf_file_has_the_same_content_and_no_author():
    data = document_pdf(document())
    text = pdf_text(data)
    for part in ("L3, body, left", "+212", "1.23", "93 %", "Trust in the comparison 80 %", "progressive disease"):
        assert part in text, part
    assert "< L3 >" in text and "Artefact" not in text and b"/Author ()" in data
    assert len(re.findall(rb"/Subtype /Image", data)) >= 1


def test_without_reportlab_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "reportlab.lib.pagesizes", None)
    with pytest.raises(InputError, match="pip install reportlab"):
        document_pdf(document())


def test_without_findings_and_labels_it_is_a_short_report():
    page = words(document_html(changes_document({"method": "niftyreg"}, {}, [], [])))
    assert "No finding." in page and "Vertebrae" not in page and "RECIST" not in page


def test_a_close_up_shows_the_place_in_its_middle_the_patients_right_on_the_left():
    values = np.full((20, 60, 60), -1000, np.int16)
    values[10, 30, 30] = values[10, 30, 40] = 1300
    image = sitk.GetImageFromArray(values)
    data = close_up(image, (30.0, 30.0, 10.0), side_mm=40.0)
    assert data.startswith(b"\x89PNG")
    moved = close_up(image, (20.0, 30.0, 10.0), sitk.TranslationTransform(3, (10.0, 0.0, 0.0)), side_mm=40.0)
    assert moved == data
    picture = decoded(data)
    assert picture.shape == (80, 80)
    rows, columns = np.nonzero(picture > 200)
    assert abs(rows.mean() - 40) < 1.5 and {round(c / 20) for c in columns} == {2, 3}


def decoded(data):
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)))


def vertebra_rows(vertebra, title):
    made = changes_document(REPORT, {**CHANGES, "vertebrae": [vertebra]}, [], [])
    section = next(each for each in made.sections if each.title.startswith(f"Vertebrae: {title}"))
    assert {len(row) for row in section.rows} == {len(section.header)}
    return section.rows, section.sentences[0]


@pytest.mark.parametrize(
    ("percent", "error", "expected"), [(12.0, 20.4, "n. s. (20)"), (24.0, 20.4, "24"), (None, None, "–")]
)
def test_a_loss_of_height_is_told_beyond_its_measuring_error_only(percent, error, expected):
    vertebra = {**VERTEBRA, "compression_percent": percent, "compression_error_percent": error}
    (before, after), sentence = vertebra_rows(vertebra, "volume")
    assert after[-1] == expected and before[-1] == "" and "n. s." in sentence


@pytest.mark.parametrize(("change", "expected"), [(-0.3, "+0"), (-0.6, "-1"), (0.3, "+0")])
def test_no_change_has_no_minus(change, expected):
    rows, _sentence = vertebra_rows({**VERTEBRA, "whole": {**REGION, "change_hu": change}}, "density")
    assert rows[1][5] == expected


def test_a_vertebra_has_a_row_each_time_point_with_its_body_and_its_processes():
    (before, after), sentence = vertebra_rows(VERTEBRA, "density")
    assert before == ("L3", "Baseline", "180", "180", "180", "", "", "")
    assert after == ("L3", "Follow-up", "168", "168", "168", "-12", "–", "-12")
    (before, after), _ = vertebra_rows(VERTEBRA, "volume")
    assert after[2:6] == ("30.9", "+3", "+3", "+3") and before[2:6] == ("30.0", "", "", "") and "baseline" in sentence
