"""What has changed in each vertebra, in the table of scores."""

import math

import pytest
from vertebra_results import report_of_scores

pytest.importorskip("trame_slicer")


def entry(label, change, before=(30.0, 28.0, 31.0), after=(24.0, 28.0, 31.0), error=5.0):
    whole = {"mean_before_hu": 200.0, "change_hu": change, "volume_change_percent": -4.0}
    names = ("front_mm", "middle_mm", "back_mm")
    return {
        "label": label,
        "whole": whole,
        "body": {"change_hu": None},
        "heights_before": dict(zip(names, before, strict=True)),
        "heights_after": dict(zip(names, after, strict=True)),
        "compression_percent": 20.0,
        "compression_error_percent": error,
    }


def table(content):
    from LongitudinalRegistrationSlicer.vertebrae.rows import vertebraRows, withChanges

    rows, measures = withChanges(vertebraRows(report_of_scores()), content)
    return {row.value: row.figures for row in rows}, {measure.key: measure for measure in measures}, rows


def test_density_volume_height_and_compression_stand_beside_the_scores(host):
    figures, measures, _rows = table({"vertebrae": [entry(20, 35.0), entry(19, -5.0, after=(None, 28.0, 31.0))]})
    assert figures[20]["hu before"] == 200.0 and figures[20]["hu change"] == 35.0
    assert (figures[20]["height before"], figures[20]["height after"], figures[20]["compression"]) == (28.0, 24.0, 20.0)
    assert math.isnan(figures[19]["height after"]) and math.isnan(figures[20]["body hu change"])
    assert math.isnan(figures[21]["hu change"])
    assert measures["hu change"].text(35.0) == "+35" and measures["compression"].text(20.0) == "20"


def test_what_is_neither_good_nor_bad_has_no_colour_and_no_worst(host):
    from LongitudinalRegistrationSlicer.vertebrae.rows import summaryRows

    _figures, measures, rows = table({"vertebrae": [entry(20, 30.0), entry(19, 10.0)]})
    mean, worst = summaryRows(rows, list(measures.values()))
    assert measures["hu change"].quality(30.0) == "" and measures["dsc after"].quality(0.9) == "good"
    assert mean.figures["hu change"] == 20.0 and math.isnan(worst.figures["hu change"])


def test_a_loss_of_height_within_its_error_is_none(host):
    figures, _measures, _rows = table({"vertebrae": [entry(20, 35.0), entry(19, 35.0, error=22.0)]})
    assert figures[20]["compression"] == 20.0 and figures[19]["compression"] == 0.0


def test_before_the_scans_were_compared_the_table_is_as_it_was(host):
    figures, measures, _rows = table({})
    assert "hu change" not in measures and "hu change" not in figures[20]
