"""Folders of what is under way: private, swept once their owner is dead, finished where what they hold is whole."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from LongitudinalRegistrationLib.system.files import held_folder, results_folder, write_atomically
from LongitudinalRegistrationLib.system.staged_files import StagedFiles
from TableRemovalLib import owned_folders
from TableRemovalLib.errors import InputError
from TableRemovalLib.owned_folders import READY, STALE, make_owned_folder, owned_folder, remove_owned_folder, sweep

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and signals of POSIX")
WAITING = "print('there', flush=True); __import__('time').sleep(600)"


def killed(code, *words):
    """Run code until it says that it is there, then kill it."""
    command = [sys.executable, "-c", f"import sys\nfrom pathlib import Path\n{code}\n{WAITING}", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)


def test_a_folder_is_private_and_goes_with_its_block(tmp_path):
    with owned_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep(tmp_path)
        assert folder.exists(), "its owner is alive"
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_has_left_is_swept_and_only_that(tmp_path):
    code = "from TableRemovalLib.owned_folders import make_owned_folder\nmake_owned_folder(Path(sys.argv[1]))"
    living = make_owned_folder(tmp_path)
    killed(code, tmp_path)
    for name in (".longct-older", ".longct-of-another-version"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("a")
    (tmp_path / ".longct-killed-as-it-was-made").mkdir()
    (tmp_path / "longct-link").symlink_to(living)
    os.utime(tmp_path / ".longct-older", (time.time() - 1e6,) * 2)
    assert len(list(tmp_path.iterdir())) == 6
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {living.name, ".longct-of-another-version", "longct-link"}
    remove_owned_folder(living)
    assert not living.exists()


@pytest.mark.parametrize("removed", [1, 2, 3])
def test_a_folder_whose_removal_was_cut_short_is_swept(tmp_path, removed):
    code = (
        "import os\nfrom TableRemovalLib import owned_folders\n"
        "folder = owned_folders.make_owned_folder(Path(sys.argv[1]))\n"
        "for name in 'abc':\n    (folder / name).write_text(name)\n"
        "unlink, done = os.unlink, []\n"
        "def then_wait(*words, **more):\n"
        "    unlink(*words, **more)\n    done.append(words)\n"
        f"    if len(done) == {removed}:\n        {WAITING}\n"
        "os.unlink = then_wait\n"
        "owned_folders.remove_owned_folder(folder)\n"
    )
    killed(code, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_who_is_swept_before_its_folder_has_an_owner_makes_another(tmp_path, monkeypatch):
    make, made = tempfile.mkdtemp, []

    def make_and_be_swept(**words):
        made.append(make(**words))
        if len(made) < 3:
            sweep(tmp_path)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_be_swept)
    folder = make_owned_folder(tmp_path)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name] and len(made) == 3
    remove_owned_folder(folder)


def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr(owned_folders, "take_lock", lambda handle: False)
    folder = make_owned_folder(tmp_path)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    remove_owned_folder(folder)
    assert not list(tmp_path.iterdir())


def test_results_that_were_whole_when_their_process_was_killed_are_put_in_place(tmp_path):
    code = (
        "from TableRemovalLib import owned_folders\n"
        "from LongitudinalRegistrationLib.system.staged_files import StagedFiles\n"
        "from LongitudinalRegistrationLib.system import staged_files\n"
        f"def settle(folder):\n    {WAITING}\n"
        "staged_files.settle = settle\n"
        "staged = StagedFiles(Path(sys.argv[1]))\n"
        "staged.write('report.json', lambda path: path.write_text('new'))\n"
        "staged.publish(['report.json', 'labels.txt'])\n"
    )
    for name in ("report.json", "labels.txt", "mine.txt"):
        (tmp_path / name).write_text("earlier")
    killed(code, tmp_path)
    assert (tmp_path / "report.json").read_text() == "earlier" and len(list(tmp_path.iterdir())) == 4
    with held_folder(tmp_path):
        pass
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"report.json": "new", "mine.txt": "earlier"}


def test_what_was_half_written_is_lost_and_the_earlier_run_is_not(tmp_path):
    code = (
        "from LongitudinalRegistrationLib.system.staged_files import StagedFiles\n"
        "(StagedFiles(Path(sys.argv[1])).folder / 'report.json').write_text('half')\n"
    )
    (tmp_path / "report.json").write_text("earlier")
    killed(code, tmp_path)
    write_atomically(tmp_path / "other.txt", ".txt", lambda name: open(name, "w").close())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"report.json": "earlier", "other.txt": ""}


def test_of_two_runs_in_one_folder_the_second_is_refused_and_takes_nothing_away(tmp_path):
    code = (
        "from LongitudinalRegistrationLib.system.files import results_folder\n"
        "from TableRemovalLib.errors import InputError\n"
        "try:\n    results_folder(Path(sys.argv[1]), [], True).__enter__()\n"
        "except InputError as error:\n    sys.exit(str(error))\n"
    )
    with results_folder(tmp_path / "out") as folder:
        with StagedFiles(folder) as staged:
            second = subprocess.run(
                [sys.executable, "-c", f"import sys\nfrom pathlib import Path\n{code}", folder],
                capture_output=True,
                text=True,
            )
            assert "Another run is writing to" in second.stderr and second.returncode == 1
            staged.write("a.txt", lambda path: path.write_text("a"))
            staged.publish()
    assert [path.name for path in folder.iterdir()] == ["a.txt"]
    with results_folder(folder, ["a.txt"], overwrite=True):
        pass
    with pytest.raises(InputError, match="a.txt already"), results_folder(folder, ["a.txt"]):
        pass


def test_a_file_gets_the_mode_that_the_user_has_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.txt", ".txt", lambda name: open(name, "w").close())
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_stale_names_cannot_lead_out_of_the_folder(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    folder = make_owned_folder(tmp_path / "out")
    (folder / READY).mkdir()
    (folder / STALE).write_text("../mine.txt")
    from TableRemovalLib.owned_folders import settle

    settle(folder)
    remove_owned_folder(folder)
    assert (tmp_path / "mine.txt").exists()
