"""Programs that load the modules as the application does, which takes `os` from the running program as it does so."""

import re

import pytest
from places import ROOT

PROGRAMS = [
    path
    for folder in ("Benchmarks", "Host", "Slicer")
    for path in sorted((ROOT / "Testing" / folder).glob("*.py"))
    if "slicerhost" in path.read_text() and "__main__" in path.read_text()
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_a_program_that_loads_the_modules_does_not_need_os_as_a_whole(path):
    assert not re.search(r"^import os$", path.read_text(), re.MULTILINE), "take what is needed: from os import ..."


def test_such_programs_are_found():
    assert "table_removal.py" in {path.name for path in PROGRAMS}
