"""The workflows for a public forge: what can be told without one."""

import re

import pytest
from places import ROOT

yaml = pytest.importorskip("yaml")

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_jobs_end_in_time_may_only_read_and_run_files_that_are_here(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90 and job["runs-on"] and job["steps"]
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    for script in re.findall(r"(Testing/\S+\.py)", text):
        assert (ROOT / script).is_file(), script
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"run: make (\w+)", text):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), target


def test_every_system_a_slicer_of_each_kind_and_the_archive_are_there():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    systems = {entry["system"].split("-")[0] for entry in jobs["test"]["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu", "macos", "windows"}
    assert set(jobs["slicer"]["strategy"]["matrix"]["stability"]) == {"release", "nightly"}
    assert {"lint", "package"} <= jobs.keys()
