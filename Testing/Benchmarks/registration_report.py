"""The page and the plots of the registration benchmark, from its figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import ablation  # noqa: E402

MAIN = "network + refinement"
COLOURS = {"network": "#56B4E9", MAIN: "#0072B2", "refinement alone": "#009E73", "before": "#999999"}
PEER_COLOURS = {"niftyreg": "#D55E00", "greedy": "#E69F00", "demons": "#CC79A7", "bspline": "#000000"}
LABELS = {
    "niftyreg": "NiftyReg (aladin, f3d)",
    "greedy": "greedy (affine, NCC)",
    "demons": "ITK demons (our affine)",
    "bspline": "SimpleITK B-spline (our affine)",
}
TARGET_S, TARGET_95_S, MARGIN = 1.0, 1.3, 0.003


def _cell(row: dict, key: str, form: str) -> str:
    """A figure with, where there is one, its standard deviation."""
    deviation = f" ± {format(row[f'{key}_sd'], form)}" if f"{key}_sd" in row else ""
    return format(row[key], form) + deviation if key in row else "-"


def _table(pair: dict) -> list[str]:
    lines = [
        f"### {pair['pair']} ({pair['size']})",
        "",
        "| method | runs | s, median | 95 % | stages, s | peak GB | DSC | bone | SSIM | NCC | error, mm | NDV, % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in [{"method": "as they came", **pair["before"]}, *pair["rows"]]:
        stages = ", ".join(f"{name} {value:.2f}" for name, value in row.get("stages", {}).items() if value >= 0.005)
        many = _cell(row, "seconds_95", ".2f") if row.get("runs", 0) > 1 else "-"
        cells = [LABELS.get(row["method"], row["method"]), str(row.get("runs", "-"))]
        cells += [_cell(row, "seconds", ".2f"), many, stages or "-"]
        cells += [_cell(row, "peak_gb", ".1f")]
        cells += [_cell(row, key, ".3f") for key in ("dsc", "bone", "ssim", "ncc")]
        cells += [_cell(row, "error_mm", ".2f"), _cell(row, "ndv_percent", ".4f")]
        lines.append("| " + " | ".join(cells) + " |")
    prepared = next((row for row in pair["rows"] if "prepare" in row), None)
    if prepared:
        main = next(row for row in pair["rows"] if row["method"] == MAIN)
        lines += [
            "",
            f"A scan is prepared in {prepared['prepare']:.2f} s when it is chosen; the registered volume is there "
            f"{main['volume_follows']:.1f} s after the click, all scores {main['scores_follow']:.1f} s.",
        ]
    return [*lines, ""]


README_WORDS = {
    MAIN: "ours: affine, network, refinement",
    "niftyreg": "NiftyReg (reg_aladin + reg_f3d)",
    "greedy": "greedy (affine, NCC)",
    "demons": "ITK demons (after our affine)",
}
BEGIN, END = "<!-- figures of make bench -->", "<!-- end of these figures -->"


def _readme_seconds(row: dict) -> str:
    """Seconds of a row; of NiftyReg those of its two programs."""
    if row["method"] == "niftyreg":
        return " + ".join(f"{row['stages'][name]:.0f}" for name in ("reg_aladin", "reg_f3d"))
    return format(row["seconds"], ".2f" if row["seconds"] < 10 else ".0f")


def readme_tables(content: dict) -> str:
    """The tables of the README: all pairs, ours beside the others, and what the trained weights bring."""
    lines = [
        "| | runs | seconds | DSC | bone overlap | SSIM | end-point error, mm | NDV |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pair in content["pairs"]:
        rows = [{"method": f"**{pair['pair']}**, {pair['size']}, as they came", **pair["before"]}]
        rows += [row for row in pair["rows"] if row["method"] in README_WORDS]
        for row in rows:
            timed = (str(row["runs"]), _readme_seconds(row)) if "seconds" in row else ("", "")
            ndv = f"{row['ndv_percent']:.4f} %" if timed[0] else ""
            cells = [README_WORDS.get(row["method"], row["method"]), *timed]
            cells += [_cell(row, key, ".3f") for key in ("dsc", "bone", "ssim")]
            lines.append("| " + " | ".join([*cells, _cell(row, "error_mm", ".2f"), ndv]) + " |")
    return "\n".join([*lines, "", *ablation.text(content["ablation"])])


def write_readme(content: dict, readme: Path) -> None:
    """Put the tables between their marks in the README."""
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n\n{readme_tables(content)}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def _rows(content: dict, method: str) -> list[tuple[dict, dict]]:
    return [(pair, row) for pair in content["pairs"] for row in pair["rows"] if row["method"] == method]


def _mean(content: dict, method: str, key: str, only=lambda pair: True) -> float:
    values = [row[key] for pair, row in _rows(content, method) if key in row and only(pair)]
    return float(np.mean(values)) if values else float("nan")


def _targets(content: dict) -> list[str]:
    """What was asked for beside what was found."""
    whole = [row for pair, row in _rows(content, MAIN)]
    slowest = max(whole, key=lambda row: row["seconds"])
    stages = {name: max(row["stages"].get(name, 0) for row in whole) for name in slowest["stages"]}
    simulated = lambda pair: "simulated" in pair["pair"]  # noqa: E731
    real = [(pair, row) for pair, row in _rows(content, MAIN) if "real" in pair["pair"]]
    rows = [
        ("request to transform, worst pair: median", f"< {TARGET_S:.1f} s", f"{slowest['seconds']:.2f} s"),
        ("the same, 95th percentile", f"< {TARGET_95_S:.1f} s", f"{max(r['seconds_95'] for r in whole):.2f} s"),
        ("of it, worst pair: affine", "0.25 s", f"{stages['affine']:.2f} s"),
        ("network", "0.35 s", f"{stages['network']:.2f} s"),
        ("refinement", "0.25 s", f"{stages['refinement']:.2f} s"),
        ("grids and judging", "0.15 s", f"{stages['grid'] + stages['judge']:.2f} s"),
        ("peak memory of the process", "< 3 GB", f"{max(row['peak_gb'] for row in whole):.1f} GB"),
        ("NDV", "< 0.005 %", f"{max(row['ndv_percent'] for row in whole):.4f} %"),
    ]
    if _rows(content, "niftyreg"):
        ours, theirs = (_mean(content, method, "dsc", simulated) for method in (MAIN, "niftyreg"))
        if not (np.isnan(ours) or np.isnan(theirs)):
            rows.append(
                ("mean vertebra DSC, simulated", f">= {theirs - MARGIN:.3f} (NiftyReg {theirs:.3f})", f"{ours:.3f}")
            )
        ours, theirs = (_mean(content, method, "error_mm") for method in (MAIN, "niftyreg"))
        rows.append(("mean end-point error", f"<= {theirs:.2f} mm (NiftyReg)", f"{ours:.2f} mm"))
        for key, word in (("bone", "bone overlap"), ("ssim", "SSIM")):
            for pair, row in real:
                other = next(r[key] for r in pair["rows"] if r["method"] == "niftyreg")
                rows.append((f"real pair, {word}", f">= {other - 0.01:.3f} (NiftyReg {other:.3f})", f"{row[key]:.3f}"))
        ratio = np.median(
            [
                next(r["seconds"] for r in pair["rows"] if r["method"] == "niftyreg") / row["seconds"]
                for pair, row in _rows(content, MAIN)
                if any(r["method"] == "niftyreg" for r in pair["rows"])
            ]
        )
        rows.append(("NiftyReg's time over ours, median of the pairs", "-", f"{ratio:.0f}"))
        ratio = np.median(
            [
                next(r["stages"]["reg_f3d"] for r in pair["rows"] if r["method"] == "niftyreg") / row["seconds"]
                for pair, row in _rows(content, MAIN)
                if any(r["method"] == "niftyreg" for r in pair["rows"])
            ]
        )
        rows.append(("reg_f3d's time alone over all of ours (the paper's 300)", "-", f"{ratio:.0f}"))
    if "click" in content:
        click = content["click"]
        words = f"click to repainted views in the panel ({click['pair']}; {click['views']} views of {click['px']} px)"
        rows.append((words, "-", f"{click['total']:.2f} s, 95th percentile {click['total_95']:.2f} s"))
        rows.append(("of it, drawing in software", "-", f"{click['repaint']:.2f} s"))
    large = [line[MAIN] for line in content["sweep"] if line["delta_mm"] == 25.0]
    rows += [("delta 25 mm: DSC", ">= 0.95", f"{row['dsc']:.3f}") for row in large]
    lines = ["| what | asked for | found |", "| --- | --- | --- |"]
    return lines + [f"| {what} | {target} | {found} |" for what, target, found in rows]


def report(content: dict) -> str:
    """The page, as Markdown."""
    lines = [
        "# Registration: figures",
        "",
        f"Written by `make bench` on {content['machine']}; everything in one run, two threads. Ours runs in the warm "
        f"process of the panel (ready {content['warm_seconds']:.0f} s after it is started); its clock goes from the "
        "request to the transform in hand, both scans prepared. Peers run once, in a process of their own, on 2 mm "
        "voxels without table. NiftyReg's intensities are stretched to [0, 1] at the 99th percentile, as in the paper, "
        "and its threads sleep while they wait. Scores are taken the same way for all: on the labels' voxels, in the "
        "fixed body; DSC is the mean ± standard deviation over the vertebrae, the error that over the body's voxels.",
        "",
        *([content["note"], ""] if "note" in content else []),
        *_targets(content),
        "",
        "![Accuracy and time of all methods](registration.png)",
        "",
        "## All pairs",
        "",
    ]
    for pair in content["pairs"]:
        lines += _table(pair)
    lines += [
        "## Size of the displacement (figure 11 of the paper)",
        "",
        "Phantom 103, 256 x 256 x 100, simulated follow-ups; DSC, then end-point error in mm.",
        "",
        "| delta, mm | before | " + " | ".join(name for name in COLOURS if name != "before") + " |",
        "| --- | --- | --- | --- | --- |",
    ]
    for line in content["sweep"]:
        names = ["before", *(name for name in COLOURS if name != "before")]
        cells = [f"{line[name]['dsc']:.3f}, {line[name]['error_mm']:.2f}" for name in names]
        lines.append(f"| {line['delta_mm']:g} | " + " | ".join(cells) + " |")
    lines += ["", "![DSC over the displacement](registration_sweep.png)", ""]
    lines += ["## What the trained weights bring", ""]
    lines += [
        "Mean end-point error, mm (± standard deviation over n pairs), of scans that no training saw; the ways differ "
        "by where the refinement starts. The run fails where the trained network is not 25 % better than each of the "
        "others over large displacements and lungs together, or anywhere 2 % worse than the refinement alone.",
        "",
        *ablation.text(content["ablation"]),
    ]
    return "\n".join([*lines, ""])


def plot(content: dict, path: Path) -> None:
    """Time against DSC (or SSIM, without labels), a panel a pair."""
    from matplotlib.figure import Figure

    pairs = content["pairs"]
    columns = min(4, len(pairs))
    lines = -(-len(pairs) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.6 * lines + 0.6), layout="constrained")
    for number, pair in enumerate(pairs):
        axis = figure.add_subplot(lines, columns, number + 1)
        key = "dsc" if "dsc" in pair["before"] else "ssim"
        for row in pair["rows"]:
            colour = {**COLOURS, **PEER_COLOURS}[row["method"]]
            marker = "o" if row["method"] in COLOURS else "s"
            label = LABELS.get(row["method"], row["method"])
            axis.plot(row["seconds"], row[key], marker, color=colour, markersize=9, label=label)
        axis.axvline(TARGET_S, color="#999999", linewidth=1, linestyle=":")
        axis.set_xscale("log")
        axis.set_xlabel("seconds")
        axis.set_ylabel(f"{key.upper()} (before: {pair['before'][key]:.2f})")
        axis.set_title(pair["pair"], fontsize=10)
        axis.grid(True, alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def plot_sweep(content: dict, path: Path) -> None:
    """DSC and error over the size of the displacement."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    deltas = [line["delta_mm"] for line in content["sweep"]]
    for number, (key, words) in enumerate((("dsc", "mean vertebra DSC"), ("error_mm", "end-point error, mm"))):
        axis = figure.add_subplot(1, 2, number + 1)
        for name, colour in COLOURS.items():
            axis.plot(deltas, [line[name][key] for line in content["sweep"]], "o-", color=colour, label=name)
        axis.set_xlabel("largest displacement component, mm")
        axis.set_ylabel(words)
        axis.grid(True, alpha=0.3)
        axis.legend(fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def write(content: dict, folder: Path) -> None:
    """Write the figures as JSON, as a page and as plots."""
    (folder / "registration.json").write_text(json.dumps(content, indent=1) + "\n")
    plot(content, folder / "registration.png")
    plot_sweep(content, folder / "registration_sweep.png")
    (folder / "registration.md").write_text(report(content), encoding="utf-8")
