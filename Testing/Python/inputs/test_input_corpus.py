"""Every kind of input ends in the right answer, or in exit code 2 and one sentence (see input_corpus)."""

import numpy as np
import pytest
from input_corpus import DRAWN, KINDS, NAMES, fault_of, run
from input_scans import marked_scan


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
def test_an_input_gives_the_right_answer_or_one_sentence(tmp_path, case):
    assert not fault_of(case, tmp_path, 0)


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: case.name)
@pytest.mark.parametrize("seed", [1])
def test_a_file_that_is_damaged_somewhere_is_read_right_or_refused(tmp_path, case, seed):
    assert not fault_of(case, tmp_path, seed)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_may_have_any_name_too(tmp_path, name):
    import SimpleITK as sitk

    sitk.WriteImage(marked_scan(), str(tmp_path / "scan.nii.gz"))
    folder = tmp_path / name
    assert run("remove-table", tmp_path / "scan.nii.gz", folder / f"{name}.nii.gz")[0] == 0
    assert [each.name for each in folder.iterdir()] == [f"{name}.nii.gz"]
    assert np.ptp(sitk.GetArrayViewFromImage(sitk.ReadImage(str(folder / f"{name}.nii.gz")))) > 1000
