"""No test and no registration needs a particular processor; the one place that asks which it is gets another told."""

from pathlib import Path

import llvmlite.binding
from LongitudinalRegistrationLib.pipeline import compile_kernels
from places import ROOT

FOLDERS = ("LongitudinalRegistration", "TableRemoval", "Testing/Python", "Testing/Host")
ASKS = ("/proc/" + "cpuinfo", "get_host" + "_cpu", "platform." + "processor", "py" + "-cpuinfo", "lscpu" + " ")
MARKS_COMPILED_KERNELS = "LongitudinalRegistration/LongitudinalRegistrationLib/pipeline/compile_kernels.py"


def test_nothing_asks_which_processor_this_is():
    """But for the name of a mark, which nothing is concluded from: see below."""
    asking = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__) and any(words in path.read_text(encoding="utf-8") for words in ASKS)
    }
    assert asking == {MARKS_COMPILED_KERNELS}


def test_kernels_compiled_for_another_processor_are_compiled_again(monkeypatch, tmp_path):
    mark, name = compile_kernels._mark, llvmlite.binding.get_host_cpu_name()
    monkeypatch.setattr(compile_kernels, "_mark", lambda: tmp_path / mark().name)
    compile_kernels._mark().touch()
    assert compile_kernels.is_compiled()
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_name", lambda: f"not {name}")
    assert not compile_kernels.is_compiled()
