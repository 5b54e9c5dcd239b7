"""What the Makefile runs, with a Python that notes what it is asked for."""

import os
import shutil
import subprocess
import sys

import pytest
from places import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="there is no make here")


def make(target, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", target, f"VENV={tmp_path}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def bench(tmp_path, fails):
    """The benchmarks that `make bench` runs, and its exit status, where those named in `fails` end with 3."""
    python, asked = tmp_path / "bin" / "python", tmp_path / "asked"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "$1" >> "{asked}"\ncase "$1" in {fails}) exit 3;; esac\n')
    python.chmod(0o755)
    (tmp_path / ".installed").touch()
    done = make("bench", tmp_path)
    return [line for line in asked.read_text().splitlines() if line.startswith("Testing")], done.returncode


@pytest.mark.parametrize("fails", ["none", "*lesions.py", "*registration.py", "*click.py"])
def test_bench_runs_all_and_tells_what_failed(tmp_path, fails):
    ran, status = bench(tmp_path, fails)
    assert ran == [f"Testing/Benchmarks/{name}.py" for name in ("lesions", "registration", "click")]
    assert (status != 0) == (fails != "none")


@pytest.mark.parametrize("fails", ["none", "python", "cyclonedx-py", "pip-audit"])
def test_the_audit_lists_what_is_installed_and_fails_where_anything_could_not_be_asked(tmp_path, fails):
    asked = tmp_path / "asked"
    (tmp_path / "bin").mkdir()
    for name in ("python", "cyclonedx-py", "pip-audit"):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{asked}"\nexit {int(name == fails)}\n')
        program.chmod(0o755)
    (tmp_path / ".installed").touch()
    done = make("audit", tmp_path)
    ran = asked.read_text().splitlines()
    assert (done.returncode != 0) == (fails != "none")
    assert fails != "none" or [line.split()[0] for line in ran[-3:]] == ["cyclonedx-py", "python", "pip-audit"]
    assert fails != "none" or ("build/sbom.json" in ran[-3] and "--strict" in ran[-1])
