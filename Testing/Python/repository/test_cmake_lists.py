"""The files that each module's CMakeLists.txt installs are the files in the tree."""

import re

import pytest
from cmake_lists import LISTS, MODULES, files_in_list, files_in_tree
from places import ROOT


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", LISTS)
def test_the_list_is_the_tree(module, name):
    listed, present = files_in_list(module, name), files_in_tree(module, name)
    hint = "run: python Testing/cmake_lists.py --write"
    assert len(listed) == len(set(listed)), "a file is listed twice"
    assert not set(present) - set(listed), f"not listed; {hint}"
    assert not set(listed) - set(present), f"listed but not there; {hint}"


def test_the_extension_adds_every_module():
    text = (ROOT / "CMakeLists.txt").read_text()
    assert re.findall(r"^add_subdirectory\((\w+)\)", text, re.MULTILINE) == list(MODULES)
    for needed in ("EXTENSION_HOMEPAGE", "EXTENSION_DESCRIPTION", "EXTENSION_DEPENDS"):
        assert re.search(rf'^set\({needed} "[^"]+"\)', text, re.MULTILINE), needed
