"""The verdict on a registration, and the report page as a browser reads it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.evaluation.verdict import dsc_word, verdict
from LongitudinalRegistrationLib.report.html import write_html_report
from LongitudinalRegistrationLib.report.pictures import central_point, png, report_pictures

NAMES = ("T12", "L1", "L2")


def steps(before, after, affine=None):
    return {"before": before, "affine": affine, "after": after}


def vertebra(name, dsc, status="both"):
    known = status == "both"
    millimetres = steps(9.0, 1.5) if known else steps(None, None)
    scores = steps(*dsc) if known else steps(None, None)
    return {"name": name, "status": status, "dsc": scores, "hd95_mm": millimetres, "centroid_mm": dict(millimetres)}


def good_report(**changes):
    """A report that nothing speaks against, with some entries changed."""
    return {
        "method": "cost-volume",
        "network": "cvpyramid",
        "fallback_reason": None,
        "seconds": {"affine": 0.15, "niftyreg": 0.0, "total": 3.25},
        "vertebrae": {str(19 + n): vertebra(name, (0.4, 0.9)) for n, name in enumerate(NAMES)},
        "ssim": steps(0.31, 0.87, 0.65),
        "ncc": steps(0.35, 0.85, 0.64),
        "bone": steps(0.26, 0.82, 0.61),
        "ndv_percent": 0.0,
        "fields_of_view": {"common_percent": 93.0},
        "displacement": {"largest_mm": 12.0, "known_mm": 15.0},
        "options": {"method": "auto", "affine": True, "threads": None, "refinement_options": {"iterations": 1}},
        "versions": {"longct": "0.1.0", "onnxruntime": None},
        "inputs": {"fixed": {"name": "Doe_Jane_CT.nii.gz", "sha256": "ab" * 32}},
        "warnings": [],
        **changes,
    }


def test_a_good_result_says_what_supports_it():
    found = verdict(good_report())
    assert found.level == "good" and len(found.reasons) == 1
    assert "3 vertebrae overlap by 0.90 or more" in found.reasons[0] and "SSIM went from 0.31" in found.reasons[0]


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"ndv_percent": 0.3}, "check", "folds in 0.30 %"),
        ({"ndv_percent": 2.0}, "poor", "folds in 2.00 %"),
        ({"ssim": steps(0.6, 0.5, 0.4)}, "poor", "less alike than before the registration: SSIM fell from 0.600"),
        ({"ncc": steps(0.3, 0.5, 0.6)}, "check", "after the affine step alone: NCC fell from 0.600 to 0.500"),
        ({"bone": steps(0.6, 0.5)}, "poor", "bone overlap fell"),
        ({"displacement": {"largest_mm": 40.0, "known_mm": 15.0}}, "check", "up to 40 mm; the network was trained on"),
        ({"fields_of_view": {"common_percent": 35.0}}, "check", "only 35 % of the body in common"),
        ({"fields_of_view": {"common_percent": 12.0}}, "poor", "only 12 % of the body in common"),
        ({"fallback_reason": "ONNX Runtime is not installed"}, "check", "because ONNX Runtime is not installed"),
        (
            {"warnings": ["Check this result: the affine alignment may have failed (correlation 0.41)."]},
            "poor",
            "The affine alignment may have failed (correlation 0.41).",
        ),
        ({"warnings": ["The refinement was stopped after 3 steps."]}, "check", "stopped after 3 steps"),
        ({"vertebrae": {"20": vertebra("L1", (0.3, 0.62))}}, "check", "below 0.7: L1 (0.62)"),
        ({"vertebrae": {"20": vertebra("L1", (0.3, 0.42))}}, "poor", "below 0.5: L1 (0.42)"),
        (
            {"vertebrae": {"20": {**vertebra("L1", (0.3, 0.9)), "volume_ml": {"before": 2.0, "after": 1.7}}}},
            "check",
            "volume the registration changes by over 10 %: L1 (-15 %)",
        ),
        ({"vertebrae": {"20": vertebra("L1", (0.95, 0.9))}}, "check", "worse than before the registration (DSC): L1"),
    ],
)
def test_every_reason_is_said_in_words(changes, level, words):
    found = verdict(good_report(**changes))
    assert found.level == level
    assert len(found.reasons) == 1 and words in found.reasons[0] and found.reasons[0].endswith(".")


def test_two_patients_are_poor_and_the_least_alike_pair_of_one_patient_is_not():
    strangers = verdict(good_report(ssim=steps(0.20, 0.21), ncc=steps(0.08, 0.10)))
    assert (
        strangers.level == "poor"
        and "may be two patients" in strangers.reasons[0]
        and "NCC 0.10" in strangers.reasons[0]
    )
    assert verdict(good_report(ssim=steps(0.15, 0.58), ncc=steps(0.18, 0.69))).level == "good"
    assert verdict(good_report(ssim=steps(0.15, 0.35), ncc=steps(0.18, 0.69))).level == "good"


def test_labels_that_lie_where_the_follow_up_was_shown_registered_are_noticed():
    found = verdict(good_report(vertebrae={"20": vertebra("L1", (0.94, 0.29))}))
    assert (
        found.level == "poor"
        and "(mean DSC 0.94 to 0.29)" in found.reasons[0]
        and "transform is off" in found.reasons[0]
    )


def test_one_vertebra_is_no_plural():
    assert (
        "One vertebra overlaps by 0.90" in verdict(good_report(vertebrae={"20": vertebra("L1", (0.3, 0.9))})).reasons[0]
    )


def test_the_worst_reason_decides_and_comes_first():
    found = verdict(good_report(ndv_percent=0.3, ncc=steps(0.6, 0.5)))
    assert found.level == "poor" and "NCC fell" in found.reasons[0] and "folds" in found.reasons[1]


def test_a_first_report_without_scores_is_judged_by_what_it_has():
    quick = {"quick_ncc": {"affine": 0.7, "after": 0.9}, "ndv_percent": 0.0, "warnings": [], "fallback_reason": None}
    assert verdict(quick).level == "good" and "NCC went from 0.70 to 0.90" in verdict(quick).reasons[0]
    assert verdict({**quick, "quick_local_ncc": {"affine": 0.7, "after": 0.5}}).level == "check"
    assert verdict({}).level == "good"


def test_words_for_the_fit_of_a_vertebra():
    assert [dsc_word(value) for value in (0.9, 0.75, 0.6, None)] == ["good", "fair", "low", None]


class Page(HTMLParser):
    """Reads a page: open tags must be closed in order; keeps words, attributes and table cells."""

    VOID = {"meta", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.pictures, self.classes = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.classes.append((tag, dict(attributes).get("class")))
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def page_of(tmp_path, report, **more):
    path = write_html_report(tmp_path / "report.html", report, more.pop("pictures", {}), **more)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_has_everything_and_needs_nothing_else(tmp_path):
    report = good_report(warnings=["Something to look at."])
    report["vertebrae"]["22"] = vertebra("L3", (), "baseline only")
    picture = png(np.arange(64, dtype=np.uint8).reshape(8, 8))
    text, page = page_of(tmp_path, json.loads(json.dumps(report)), pictures={"axial: baseline": picture})
    words = " ".join(page.words)
    for each in (*NAMES, "L3", "only in the baseline", "Check", "Something to look at.", "axial: baseline", "3.25 s"):
        assert each in words
    for each in (
        "Method: cost-volume network (cvpyramid), refinement",
        "refinement: iterations 1",
        "threads default",
        "not installed",
    ):
        assert each in re.sub(r"\s+", " ", words)
    assert page.tags.count("rect") == 2 + 2 * len(NAMES) and "script" not in page.tags
    assert not re.search(r"https?://|url\(|@import|<link", text)
    assert len(page.pictures) == 1 and page.pictures[0].startswith("data:image/png;base64,iVBOR")


def test_no_patient_is_named_unless_asked_for(tmp_path):
    assert "Doe" not in page_of(tmp_path, good_report())[0]
    assert "Jane Doe" in page_of(tmp_path, good_report(), patient="Jane Doe")[0]


def test_text_is_escaped(tmp_path):
    report = good_report(fallback_reason="a < b & <script>alert(1)</script>")
    report["vertebrae"]["21"]["name"] = "<L2>"
    text, page = page_of(tmp_path, report, title="x < y", patient='<b>"P"</b>', pictures={'"<i>': b"1"})
    assert "script" not in page.tags and "b" not in page.tags and "i" not in page.tags
    assert text.count("&lt;L2&gt;") == 2 and "&lt;script&gt;" in text and "x &lt; y" in text


def test_cells_say_in_words_what_their_colour_says(tmp_path):
    report = good_report()
    report["vertebrae"]["19"]["dsc"]["after"], report["vertebrae"]["20"]["dsc"]["after"] = 0.75, 0.3
    _, page = page_of(tmp_path, report)
    for level in ("good", "fair", "low"):
        assert page.classes.count(("td", level)) == 2 and level in page.words
    assert ("div", "verdict poor") in page.classes


def test_the_mean_and_the_worst_are_of_what_both_scans_have(tmp_path):
    report = good_report()
    report["vertebrae"]["19"]["dsc"] = steps(0.2, 0.75)
    report["vertebrae"]["24"] = vertebra("L5", (), "follow-up only")
    words = " ".join(page_of(tmp_path, report)[1].words)
    assert "mean 0.33 0.85 – – 9.0 1.5" in words and "worst 0.20 0.75 – – 9.0 1.5" in words


def test_dice_on_2_mm_voxels_stands_beside_that_on_the_scan_s_own(tmp_path):
    report = good_report()
    report["vertebrae"]["19"].update(dsc=steps(0.2, 0.95), dsc_2mm=steps(0.21, 0.88))
    words = " ".join(page_of(tmp_path, report)[1].words)
    assert "DSC before after" not in words and "DSC on 2 mm voxels" in words and "0.20 0.95 0.21 0.88" in words


def test_a_report_of_little_still_makes_a_page(tmp_path):
    _, page = page_of(tmp_path, {"method": "niftyreg", "warnings": []})
    assert any("NiftyReg" in word for word in page.words) and "svg" not in page.tags


def test_pictures_show_the_planes_through_the_labels(tmp_path):
    """A bright block: in the middle of the baseline, to the patient's left in the moving scan, back when registered."""

    def scan(i):
        array = np.full((20, 60, 80), 0, np.int16)
        array[8:12, 25:35, i : i + 10] = 1300
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1.0, 1.0, 3.0))
        return image

    fixed, moving = scan(35), scan(55)
    labels = sitk.Cast(fixed > 500, sitk.sitkUInt8)
    pictures = report_pictures(fixed, moving, fixed, central_point(None, labels))
    assert list(pictures) == [
        f"{plane}: {name}"
        for plane in ("Axial", "Sagittal")
        for name in ("baseline", "follow-up before", "follow-up registered", "baseline red, registered cyan")
    ]
    shown = {}
    for caption, data in pictures.items():
        (tmp_path / "p.png").write_bytes(data)
        shown[caption] = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "p.png")))
    assert shown["Axial: baseline"].shape == (60, 80) and shown["Sagittal: baseline"].shape == (58, 60)
    columns = [np.argwhere(shown[f"Axial: {name}"] == 255)[:, 1].mean() for name in ("baseline", "follow-up before")]
    assert columns == pytest.approx([39.5, 59.5])
    assert (shown["Sagittal: baseline"] == 255).any() and not (shown["Sagittal: follow-up before"] == 255).any()
    colours = shown["Axial: baseline red, registered cyan"]
    assert colours.shape == (60, 80, 3) and np.ptp(colours, axis=-1).max() == 0
    apart = report_pictures(fixed, moving, moving, central_point(None, labels))
    (tmp_path / "p.png").write_bytes(apart["Axial: baseline red, registered cyan"])
    colours = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "p.png")))
    assert tuple(colours[30, 40]) == (255, 70, 70) and tuple(colours[30, 60]) == (70, 255, 255)
    moving.SetOrigin((0.0, 0.0, 900.0))
    assert "Axial: follow-up before (lies elsewhere)" in report_pictures(fixed, moving, fixed, (10.0, 10.0, 30.0))
    assert central_point((1.0, 2.0, 3.0), None) == (1.0, 2.0, 3.0)
