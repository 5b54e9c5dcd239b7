"""Results that are written beside the work: all of them in place at the end, or none, and an earlier run untouched."""

import threading
import time

import pytest
import SimpleITK as sitk
from LongitudinalRegistrationLib.system.staged_files import StagedFiles
from TableRemovalLib.errors import InputError


def test_nothing_is_in_place_before_it_is_published_and_then_all_is(tmp_path):
    (tmp_path / "old.txt").write_text("earlier")
    (tmp_path / "a.txt").write_text("earlier")
    with StagedFiles(tmp_path) as staged:
        staged.write("a.txt", lambda path: path.write_text("new"))
        staged.wait()
        (staged.folder / "b.txt").write_text("new too")
        assert (tmp_path / "a.txt").read_text() == "earlier" and not (tmp_path / "b.txt").exists()
        staged.publish(["old.txt", "a.txt"])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "new", "b.txt": "new too"}


def test_what_fails_names_the_target_and_leaves_the_earlier_run(tmp_path):
    def fail(path):
        raise InputError(f"{path} could not be written (disk full): check free space and permissions.")

    (tmp_path / "a.txt").write_text("earlier")
    with pytest.raises(InputError, match=f"^{tmp_path}/a.txt could not be written"):
        with StagedFiles(tmp_path) as staged:
            staged.write("a.txt", fail)
            staged.write("b.txt", lambda path: path.write_text("new"))
            staged.publish(["a.txt"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "earlier"


def test_an_interrupted_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with StagedFiles(tmp_path) as staged:
            staged.write("a.txt", lambda path: path.write_text("new"))
            raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_there_is_no_hidden_folder_before_there_is_a_file(tmp_path):
    with StagedFiles(tmp_path):
        assert not list(tmp_path.iterdir())


def test_whoever_interrupts_does_not_wait_for_a_file_that_is_being_written(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def write(path):
        begun.set()
        go_on.wait(60)
        path.write_text("too late")

    with pytest.raises(KeyboardInterrupt):
        with StagedFiles(tmp_path) as staged:
            writing = staged.write("a.txt", write)
            assert begun.wait(60)
            raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    go_on.set()
    assert isinstance(writing.exception(60), FileNotFoundError) and not list(tmp_path.iterdir())


def test_a_library_that_is_about_to_open_its_file_finds_the_folder_after_an_interruption(tmp_path, capfd):
    begun = threading.Event()

    def write(path):
        begun.set()
        time.sleep(0.2)
        sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkInt16), str(path))

    with pytest.raises(KeyboardInterrupt):
        with StagedFiles(tmp_path) as staged:
            writing = staged.write("a.nii.gz", write)
            assert begun.wait(60)
            raise KeyboardInterrupt
    assert writing.exception(60) is None and not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""
