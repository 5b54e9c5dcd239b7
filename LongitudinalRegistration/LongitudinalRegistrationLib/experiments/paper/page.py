r"""The page of all experiments that were run: docs/evaluation.md, with its figures beside it.

python -m LongitudinalRegistrationLib.experiments.paper.page RESULTS docs/evaluation.md --cohort "WORDS" \
    --remarks docs/evaluation-remarks.json
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from TableRemovalLib.errors import InputError

from ...system.files import ready_folder, write_text
from . import EXPERIMENTS

PICTURES = Path("pictures") / "evaluation"


def write_page(results: Path, page: Path, cohort: str, remarks: Mapping[str, str] | None = None) -> Path:
    """Write the page, and copy the figures.

    Parameters
    ----------
    results
        Folder that `longct evaluate --experiment` wrote.
    page
        Of the page.
    cohort
        What it was run on, in words.
    remarks
        Experiment to what is to be said of its numbers beside the paper's.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    InputError
        If no experiment is there, or a file cannot be written.
    """
    found = {name: results / f"{name}.json" for name in EXPERIMENTS if (results / f"{name}.json").exists()}
    if not found:
        raise InputError(f"{results} has no experiment: run `longct evaluate --experiment` first.")
    pictures = ready_folder(page.parent / PICTURES)
    lines = [
        "# The paper's experiments",
        "",
        "Made by `make evaluation`. Each section is an experiment of van Eijnatten et al. 2021",
        "([arXiv:2005.07545](https://arxiv.org/abs/2005.07545)), section 4, run by `longct evaluate --experiment",
        "NAME`: what the paper says, what was reduced here, our numbers (mean ± standard deviation) beside",
        "the published ones.",
        "Tests are paired, two-sided Wilcoxon signed-rank tests; * where p is below 0.05, which takes six pairs",
        "at least.",
        "How the networks of figures 8, 9 and 11 are trained: [training](training.md#the-two-ways).",
        "",
        f"Cohort: {cohort}",
    ]
    for name, path in found.items():
        content = json.loads(path.read_text(encoding="utf-8"))
        lines += ["", *_section(content, (remarks or {}).get(name, ""), results, pictures)]
    missing = [name for name in EXPERIMENTS if name not in found]
    if missing:
        lines += ["", f"Not run here: {', '.join(missing)}."]
    return write_text("\n".join(lines) + "\n", page)


def _section(content: dict, remark: str, results: Path, pictures: Path) -> list[str]:
    lines = [f"## {content['title']}", ""]
    if content["story"]:
        lines += [f"The paper: {content['story']}.", ""]
    if remark:
        lines += [f"Here: {remark}", ""]
    here = f", here with `{content['arguments']}`" if content.get("arguments") else ""
    lines += [f"`{content['command']}`{here}.", ""]
    if content["reduction"]:
        lines += [f"**Reduced here**: {content['reduction']}.", ""]
    if content.get("failed"):
        failed = content["failed"]
        lines += [f"{failed} registration{'s' * (failed > 1)} failed; their cases are left out.", ""]
    for name in content["figures"]:
        for kind in ("svg", "png") if content["table"] else ("png",):  # a scan is no drawing
            shutil.copyfile(results / f"{name}.{kind}", pictures / f"{name}.{kind}")
        lines += [f"![{content['title'].partition(':')[0]}: {name}]({PICTURES.as_posix()}/{name}.png)", ""]
    if content["table"]:
        columns = list(content["table"][0])
        lines += [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in content["table"]]
        lines.append("")
    lines += [f"{note}" for note in content["notes"]]
    return lines[:-1] if not lines[-1] else lines


def main() -> None:
    """Write the page that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--cohort", default="not named.", help="what it was run on, in words")
    parser.add_argument("--remarks", type=Path, metavar="F.json", help="experiment to what is to be said of it")
    arguments = parser.parse_args()
    remarks = json.loads(arguments.remarks.read_text(encoding="utf-8")) if arguments.remarks else {}
    print(write_page(arguments.results, arguments.page, arguments.cohort, remarks))


if __name__ == "__main__":
    main()
