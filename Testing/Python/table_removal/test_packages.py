"""Packages in a folder of their own: installed, interrupted, repaired, removed; the packages of the base stay.

pip is real; the wheels are small and made here, so that no network is needed.
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from TableRemovalLib.errors import InputError
from TableRemovalLib.packages import folder as packages
from TableRemovalLib.packages import install as installing
from wheels import lay_out, make_wheel

LIBRARY = Path(packages.__file__).parents[2]
BASE_NUMPY = "1.20.7"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder of wheels, the only place where pip looks."""
    folder = tmp_path / "shop"
    folder.mkdir()
    make_wheel(folder, "tiny", "1.0", ["numpy>=1", "helper"])
    make_wheel(folder, "helper", "2.0")
    make_wheel(folder, "modern", "1.0", ["numpy>=9"])
    make_wheel(folder, "numpy", "9.0")
    make_wheel(folder, "scipy", "7.0", ["numpy>=9"])
    make_wheel(folder, "numba", "0.70", ["numpy<10,>=1.20", "llvmlite"], "import llvmlite\n")
    make_wheel(folder, "llvmlite", "0.50")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def base(tmp_path):
    """A base environment: a folder with a numpy of its own, first on the path of the processes started here."""
    folder = tmp_path / "base"
    folder.mkdir()
    lay_out(folder, "numpy", BASE_NUMPY)
    lay_out(folder, "scipy", "1.5.0")
    return folder


def environment(*folders):
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}


def command(root, *requirements):
    return [sys.executable, "-m", "TableRemovalLib.packages.install", str(root), *requirements]


def run(root, base, *requirements):
    """Run the installing program, and return its (exit code, lines said, last line on standard error)."""
    done = subprocess.run(
        command(root, *requirements), env=environment(LIBRARY, base), capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout.splitlines(), (done.stderr.strip().splitlines() or [""])[-1]


def ask(code, *folders):
    """Run Python code in a process that has only these folders on its path, and return what it prints."""
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environment(*folders), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def files(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_only_what_the_base_lacks_is_installed_and_the_base_stays(shop, base, tmp_path):
    root, before = tmp_path / "root", files(base)
    code, lines, error = run(root, base, "tiny>=1,<2")
    assert code == 0, error
    assert lines[-1].startswith("Installed") and "tiny 1.0" in lines[-1]
    installation = packages.current(root)
    assert installation.versions == {"tiny": "1.0", "helper": "2.0"}
    assert installation.base["numpy"] == BASE_NUMPY and not (installation.folder / "numpy").exists()
    assert files(base) == before
    where = "import numpy, tiny; print(numpy.__version__, tiny.__version__)"
    assert ask(where, installation.folder, base) == f"{BASE_NUMPY} 1.0"
    assert sorted(path.name for path in root.iterdir()) == [packages.LOCK, installation.folder.name]


def test_where_nothing_fits_the_bases_numpy_only_the_folder_gets_another(shop, base, tmp_path):
    root, before = tmp_path / "root", files(base)
    code, lines, error = run(root, base, "modern", "numba")
    assert code == 0, error
    assert any("numpy" in line and "its own" in line for line in lines)
    installation = packages.current(root)
    assert installation.versions["numpy"] == "9.0" and installation.versions["scipy"] == "7.0"
    assert files(base) == before
    (base / "asks.py").write_text("import numpy, sys; print(numpy.__version__, sys.argv[1:])")
    start = [sys.executable, "-m", "TableRemovalLib.packages.start", str(installation.folder), "asks", "x", "y"]
    done = subprocess.run(start, env=environment(base, LIBRARY), capture_output=True, text=True)
    assert done.stdout.strip() == "9.0 ['x', 'y']", done.stderr
    assert ask("import numpy; print(numpy.__version__)", base) == BASE_NUMPY
    assert installation.lent == ("llvmlite", "numba")
    lent = (
        "import pathlib, sys; before = list(sys.path)\n"
        "from TableRemovalLib.packages.folder import current\nfrom TableRemovalLib.packages.lend import lend\n"
        f"installation = current(pathlib.Path({str(root)!r}))\n"
        "lend(installation); lend(installation)\n"
        "import importlib.util, numba, numpy\n"
        "assert sys.path == before and len([f for f in sys.meta_path if type(f).__name__ == 'LentPackages']) == 1\n"
        "assert importlib.util.find_spec('modern') is None\n"
        "print(numba.__version__, numpy.__version__)\n"
        "lend(None); del sys.modules['numba']; assert importlib.util.find_spec('numba') is None\n"
    )
    assert ask(lent, LIBRARY, base) == f"0.70 {BASE_NUMPY}"


@pytest.mark.parametrize(
    "requires, numpy, fits", [("numpy<10,>=1.20", "1.20.7", True), ("numpy<2,>=1", "2.0.2", False)]
)
def test_what_does_not_fit_the_bases_numpy_is_not_lent(requires, numpy, fits):
    assert installing._fits([requires, "llvmlite<1"], numpy) is fits


def test_a_killed_installation_is_found_and_the_next_one_repairs_it(shop, base, tmp_path, monkeypatch):
    """pip is killed while it downloads from a server that stalls halfway."""
    root = tmp_path / "root"
    with stalling(shop / "tiny-1.0-py3-none-any.whl") as (address, asked):
        monkeypatch.setenv("PIP_FIND_LINKS", address)
        process = subprocess.Popen(
            command(root, "tiny"), env=environment(LIBRARY, base), stdout=subprocess.DEVNULL, start_new_session=True
        )
        assert asked.wait(60)
        assert packages.is_locked(root) and packages.interrupted(root) == []
        with pytest.raises(InputError, match="being installed"):
            packages.remove(root)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert [path.name[:8] for path in packages.interrupted(root)] == ["staging-"]
    assert packages.current(root) is None and not packages.is_locked(root)
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    code, lines, error = run(root, base, "tiny")
    assert code == 0 and any("interrupted" in line for line in lines), error
    assert packages.interrupted(root) == [] and packages.current(root).versions["tiny"] == "1.0"
    assert not list(root.glob("staging-*"))


def test_two_installations_at_once_do_not_meet(shop, base, tmp_path):
    root = tmp_path / "root"
    with packages.locked(root):
        code, _lines, error = run(root, base, "helper")
        assert code == 1 and "wait until that is done" in error and not list(root.glob("*-*"))
    assert run(root, base, "helper")[0] == 0


def test_lost_and_damaged_files_are_found_and_the_newest_whole_installation_counts(shop, base, tmp_path):
    root = tmp_path / "root"
    assert run(root, base, "helper")[0] == 0
    module = packages.current(root).folder / "helper" / "__init__.py"
    module.write_text(module.read_text() + "# longer")
    assert packages.current(root) is None and len(packages.interrupted(root)) == 1
    assert run(root, base, "helper")[0] == 0
    first = packages.current(root)
    (first.folder / "helper" / "__init__.py").unlink()
    assert packages.current(root) is None
    assert run(root, base, "helper", "tiny")[0] == 0
    second = packages.current(root)
    assert second.requirements == ("helper", "tiny") and second.folder != first.folder
    assert run(root, base, "helper")[0] == 0
    assert packages.current(root).requirements == ("helper",) and second.folder.exists()
    packages.clean(root)
    assert not second.folder.exists() and packages.current(root).requirements == ("helper",)


def test_removing_frees_the_folder_and_says_how_much(shop, base, tmp_path):
    root = tmp_path / "root"
    assert run(root, base, "tiny")[0] == 0
    (root / "staging-left").mkdir()
    (root / "staging-left" / "half").write_bytes(b"0" * 1000)
    taken = packages.size(root)
    assert packages.remove(root) == taken > 1000
    assert (
        packages.current(root) is None and packages.interrupted(root) == [] and list(root.iterdir()) == [root / "lock"]
    )


@pytest.mark.skipif(os.name == "nt", reason="flock")
def test_what_is_in_use_while_it_is_removed_goes_later(shop, base, tmp_path, monkeypatch):
    """As on Windows, where a file that a process has open cannot be removed."""
    root = tmp_path / "root"
    assert run(root, base, "tiny")[0] == 0
    folder = packages.current(root).folder
    with monkeypatch.context() as patched:
        patched.setattr(packages.shutil, "rmtree", lambda path, ignore_errors: None)
        packages.remove(root)
    assert packages.current(root) is None and packages.interrupted(root) == [] and (folder / "tiny").exists()
    packages.clean(root)
    assert not folder.exists()


def test_what_pip_cannot_find_is_named_and_nothing_is_left(shop, base, tmp_path):
    root = tmp_path / "root"
    assert run(root, base, "helper")[0] == 0
    before = packages.current(root)
    code, _lines, error = run(root, base, "nowhere>=3")
    assert code == 1 and "nowhere>=3" in error and "try again" in error
    assert packages.current(root) == before and packages.interrupted(root) == []


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_told(shop, base, tmp_path, monkeypatch):
    root = tmp_path / "root"
    code, _lines, error = run(root, base, "--needs-mb", "1e9", "helper")
    assert code == 1 and "make room" in error and not list(root.glob("*-*"))
    (tmp_path / "file").touch()
    code, _lines, error = run(tmp_path / "file" / "root", base, "helper")
    assert code == 1 and "cannot be written" in error

    def full(installation):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installing, "write_installation", full)
    with pytest.raises(InputError, match="No space left on device.*make room"):
        installing.install(root, ["helper"], say=lambda line: None)
    assert not list(root.glob("*-*"))


def test_a_folder_for_each_version_of_application_and_python(monkeypatch, tmp_path):
    monkeypatch.setenv("LONGCT_HOME", str(tmp_path))
    first, second = (packages.packages_root(name) for name in ("app-5.10", "app-5.12"))
    assert first != second and first.parent == second.parent == tmp_path / "packages"
    assert f"python-{sys.version_info.major}.{sys.version_info.minor}" in first.name


@pytest.mark.parametrize("requirement, there", [("pytest>=8", True), ("pytest<1", False), ("no-such-package", False)])
def test_whether_the_base_has_what_is_required(requirement, there):
    assert packages.is_satisfied(requirement) is there


def test_a_record_that_is_not_json_is_no_installation(tmp_path):
    for text in ("{", "[]", json.dumps({"requirements": 3})):
        (tmp_path / packages.INSTALLED).write_text(text)
        assert packages.read_installation(tmp_path) is None


@pytest.mark.slow
def test_a_real_environment_keeps_its_older_numpy(tmp_path):
    """numba and ONNX Runtime from the registry, beside a virtual environment with an older numpy and scipy."""
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    old = ["numpy==1.26.4", "scipy==1.13.1"]
    if subprocess.run([*pip, "install", "--quiet", "--retries", "1", *old], capture_output=True).returncode:
        pytest.skip("the registry cannot be reached")
    before = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True).stdout
    root = tmp_path / "root"
    wanted = ["numba>=0.60,<1", "scipy>=1.11", "onnxruntime>=1.19,<2"]
    done = subprocess.run(
        [str(python), *command(root, *wanted)[1:]], env=environment(LIBRARY), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True).stdout == before
    installation = packages.current(root)
    assert "numpy" not in installation.versions and installation.lent == ("llvmlite", "numba")
    code = (
        "import numba, numpy, onnxruntime, scipy.ndimage\n"
        "assert onnxruntime.get_available_providers()\n"
        "twice = numba.njit(lambda array: array.sum() * 2)\nprint(numpy.__version__, twice(numpy.arange(3.0)))"
    )
    done = subprocess.run(
        [str(python), "-c", code], env=environment(installation.folder), capture_output=True, text=True
    )
    assert done.stdout.split() == ["1.26.4", "6.0"], done.stderr


class stalling:
    """A server with one file, of which it sends one half; `asked` is set when it was asked for."""

    def __init__(self, path):
        content, self._asked, done = path.read_bytes(), threading.Event(), threading.Event()
        asked, self._done, name = self._asked, done, path.name

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                if not self.path.endswith(name):
                    page = f'<a href="/{name}">{name}</a>'.encode()
                    self.send_header("Content-Type", "text/html")
                    self.send_header("Content-Length", str(len(page)))
                    self.end_headers()
                    self.wfile.write(page)
                    return
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                asked.set()
                done.wait(60)

            def log_message(self, *arguments):
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/", self._asked

    def __exit__(self, *error):
        self._done.set()
        self._server.shutdown()
        self._server.server_close()
