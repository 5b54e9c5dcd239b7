"""What the trained weights do that nothing else does (see Benchmarks.ablation), on one small patient. If they were an
ornament, this would fail."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from Benchmarks.ablation import OTHERS, TRAINED, Known, UntrainedPasses, errors_mm, failures
from Benchmarks.registration_report import BEGIN, END, write_readme
from LongitudinalRegistrationLib.methods.network.model_store import find_model
from LongitudinalRegistrationLib.methods.network.predict import Predictor
from LongitudinalRegistrationLib.training.simulation.simulated_scan import simulate_scans
from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions


@pytest.fixture(scope="module")
def far():
    """A phantom's baseline, deformed by up to 25 mm, with the true transform."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    scan = make_phantom(104, PhantomOptions(size=160, slices=56)).baseline.image
    pair = next(iter(simulate_scans(scan, SimulatorOptions(delta_mm=25.0), [np.random.default_rng(5)])))
    return Known("25 mm", True, sitk.Cast(pair.image, sitk.sitkInt16), scan, pair.transform)


def test_the_trained_weights_find_what_random_ones_and_the_refinement_alone_do_not(far):
    model = find_model()
    errors = errors_mm(far, Predictor(model), Predictor(model, load=UntrainedPasses))
    print(errors)
    row = {"group": far.group, "large": True, "errors_mm": {way: [error] for way, error in errors.items()}}
    assert failures([row]) == []


def test_the_readme_gets_the_figures_between_its_marks(tmp_path):
    errors = {"affine": [4.0, 6.0], TRAINED: [0.5, 0.7], **dict.fromkeys(OTHERS, [1.0, 1.0])}
    scores = {"bone": 0.5, "ssim": 0.4, "error_mm": 1.0, "error_mm_sd": 0.5}
    peer = {"method": "niftyreg", "runs": 1, "seconds": 50.0, "stages": {"reg_aladin": 10.2, "reg_f3d": 39.8}}
    pair = {"pair": "A", "size": "2 x 2", "before": scores, "rows": [{**peer, **scores, "ndv_percent": 0.01}]}
    ablation = [{"group": "25 mm", "large": True, "errors_mm": errors}]
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- figures of make bench -->\nold\n<!-- end of these figures -->\nafter\n")
    write_readme({"pairs": [pair], "ablation": ablation}, page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| 1 | 10 + 40 |  - | 0.500 | 0.400 | 1.00 ± 0.50 | 0.0100 % |".replace("|  -", "| -") in text
    assert "| 25 mm | 2 | 5.00 ± 1.41 | 0.60 ± 0.14 | 1.00 ± 0.00 |" in text
    readme = Path(__file__).resolve().parents[3] / "README.md"
    assert [readme.read_text(encoding="utf-8").count(mark) for mark in (BEGIN, END)] == [1, 1]


@pytest.mark.parametrize(("worse", "words"), [(OTHERS[2], "anywhere"), (OTHERS[0], "large")])
def test_the_ablation_can_fail(worse, words):
    errors = {TRAINED: [1.0], **dict.fromkeys(OTHERS, [2.0]), worse: [0.9]}
    said = failures([{"group": "anywhere", "large": True, "errors_mm": errors}])
    assert any(words in line for line in said) and all("1.00 mm" in line for line in said)
    small = {"group": "anywhere", "large": False, "errors_mm": {**errors, worse: [1.0]}}
    assert failures([small]) == []
