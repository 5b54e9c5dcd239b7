"""Scans that are too large for this machine are told before the work."""

import os
import subprocess
import sys

import pytest
import SimpleITK as sitk
from command import longct
from input_scans import grid_matrix, values_on, write_enhanced, write_series
from LongitudinalRegistrationLib.changes.options import ChangeOptions
from LongitudinalRegistrationLib.pipeline.memory_need import check_memory_for, check_memory_to_compare
from LongitudinalRegistrationLib.report.pictures import report_pictures
from LongitudinalRegistrationLib.scan.dicom_slices import find_slices
from LongitudinalRegistrationLib.scan.voxel_checksum import voxel_checksum
from LongitudinalRegistrationLib.scan.voxel_count import voxel_count
from LongitudinalRegistrationLib.system import memory
from memory_taken import memory_taken
from TableRemovalLib.errors import InputError


def test_what_is_free_is_known_and_bounded_by_the_process(tmp_path):
    free = memory.available_bytes()
    assert free is None or 1e7 < free < 1e14
    if sys.platform.startswith("linux"):
        code = (
            "import resource\nfrom LongitudinalRegistrationLib.system.memory import available_bytes\n"
            "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))\nprint(available_bytes())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert 0 < int(done.stdout) < 1 << 32


def test_what_a_container_has_cached_of_files_is_free(tmp_path, monkeypatch):
    for name, text in (("memory.max", "8000000000"), ("memory.current", "7900000000")):
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.stat").write_text("anon 900000000\nactive_file 3000000000\ninactive_file 3500000000\n")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    monkeypatch.setattr(memory, "_of_system", lambda: [10**10])
    monkeypatch.setattr(memory, "_of_process", list)
    assert memory.available_bytes() == 6_600_000_000


def test_scans_too_large_are_refused_and_what_is_not_known_is_not(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * 10**9)
    check_memory_for(150 * 512 * 512, 150 * 512 * 512)
    with pytest.raises(
        InputError, match=r"need about \d\.\d GB of memory, 4.0 GB are free: close other programs, or crop"
    ):
        check_memory_for(1500 * 512 * 512, 1500 * 512 * 512)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    check_memory_for(10**12, 10**12)


def test_a_comparison_too_large_is_refused_and_goes_by_the_voxels_of_its_map(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    scan = sitk.Image([400, 400, 400], sitk.sitkUInt8)
    scan.SetSpacing((0.5, 0.5, 0.5))
    check_memory_to_compare(scan, ChangeOptions())
    with pytest.raises(
        InputError, match=r"Maps of what has changed between these scans need about \d+\.\d GB of memory"
    ):
        check_memory_to_compare(scan, ChangeOptions(spacing_mm=0.5))


def test_voxels_are_counted_without_reading_them(tmp_path):
    sitk.WriteImage(sitk.Image([40, 30, 20], sitk.sitkInt16), str(tmp_path / "scan.nii.gz"))
    assert voxel_count(tmp_path / "scan.nii.gz") == 24000
    os.truncate(tmp_path / "scan.nii.gz", 10)
    assert voxel_count(tmp_path / "scan.nii.gz") == voxel_count(tmp_path) == voxel_count(tmp_path / "none") == 0


def test_voxels_of_a_dicom_series_are_counted_by_its_headers(tmp_path):
    matrix = grid_matrix((20, 22, 8), (6.0, 7.0, 8.0))
    values = values_on((20, 22, 8), matrix)
    write_series(tmp_path / "series" / "a", values, matrix, series="1.2.3")
    assert voxel_count(tmp_path / "series") == voxel_count(tmp_path / "series", "1.2.3") == 20 * 22 * 8
    write_series(tmp_path / "series" / "b", values[:5], matrix, series="1.2.4")
    assert voxel_count(tmp_path / "series", "1.2.4") == 20 * 22 * 5
    assert voxel_count(tmp_path / "series") == 0, "which one is open, and reading will say so"
    write_enhanced(tmp_path / "enhanced" / "one.dcm", values, matrix)
    assert voxel_count(tmp_path / "enhanced") == 20 * 22 * 8


def test_a_dicom_file_that_has_changed_is_read_again(tmp_path):
    matrix = grid_matrix((20, 22, 8), (6.0, 7.0, 8.0))
    values = values_on((20, 22, 8), matrix)
    write_series(tmp_path, values, matrix, PatientID="one")
    before = find_slices(tmp_path)
    write_series(tmp_path, values, matrix, PatientID="two")
    assert {one.patient_id for one in before} == {"one"} and {one.patient_id for one in find_slices(tmp_path)} == {
        "two"
    }


def test_the_command_says_so_before_anything_is_read(tmp_path, capsys, monkeypatch):
    for name in ("a.nii", "b.nii"):
        sitk.WriteImage(sitk.Image([64, 64, 64], sitk.sitkInt16), str(tmp_path / name))
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**8)
    words = "--fixed", tmp_path / "a.nii", "--moving", tmp_path / "b.nii", "--out", tmp_path / "out"
    code, _, err = longct(capsys, "register", "--method", "refinement", *words)
    assert code == 2 and "0.1 GB are free" in err and len(err.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_comparison_counts_the_series_that_is_named(tmp_path, capsys, monkeypatch):
    """Of a folder with two series the one that is read; without the choice none could be counted."""
    matrix = grid_matrix((20, 22, 8), (2, 2, 3))
    values = values_on((20, 22, 8), matrix)
    for number in (3, 4):
        write_series(tmp_path / "scans" / f"{number}", values, matrix, series=f"1.2.{number}")

    def told(*voxels):
        raise InputError(f"voxels: {voxels}")

    monkeypatch.setattr("LongitudinalRegistrationLib.pipeline.memory_need.check_memory_for", told)
    scans = [str(tmp_path / "scans"), "--moving", str(tmp_path / "scans")]
    chosen = ["--fixed-series", "1.2.3", "--moving-series", "1.2.4", "--out", str(tmp_path / "out")]
    code, _, err = longct(capsys, "changes", "--fixed", *scans, *chosen)
    assert code == 2 and "voxels: (3520, 3520)" in err


def looked_at(scan):
    report_pictures(scan, scan, scan, scan.TransformIndexToPhysicalPoint([200, 200, 30]))


@pytest.mark.parametrize("look", [looked_at, voxel_checksum], ids=["pictures", "checksum"])
@pytest.mark.parametrize("flipped", [False, True])
def test_what_looks_at_a_scan_makes_no_copy_of_it(look, flipped):
    """SimpleITK copies an image that is looked at while another holds it too, as one that is being written is."""
    scan = sitk.Image([400, 400, 100], sitk.sitkInt16) + 1
    scan.SetDirection((1, 0, 0, 0, -1 if flipped else 1, 0, 0, 0, 1))
    look(scan[:40, :40, :40])
    held = sitk.Image(scan) if look is looked_at else None
    with memory_taken() as taken:
        look(scan)
    assert taken[0] < 0.6 * 2 * 400 * 400 * 100 and held is not scan
