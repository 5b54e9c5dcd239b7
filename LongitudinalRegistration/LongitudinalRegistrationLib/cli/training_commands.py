"""What `longct simulate`, `longct train` and `longct evaluate` do."""

from __future__ import annotations

import argparse

import numpy as np
from TableRemovalLib.errors import InputError

from ..scan.read import read_image
from ..scan.write import write_image, write_transform
from ..system.files import held_folder, ready_folder, write_json
from .console import Console
from .experiment_commands import experiment
from .inputs import is_same_place


def simulate(arguments: argparse.Namespace, console: Console) -> None:
    """Make simulated follow-ups of a scan."""
    from ..pipeline.registration import check_labels
    from ..training.simulation.motion import MotionOptions
    from ..training.simulation.simulated_scan import simulate_scans
    from ..training.simulation.simulator import SimulatorOptions

    options: SimulatorOptions | MotionOptions
    if arguments.motion == "paper":
        options = SimulatorOptions(delta_mm=arguments.delta)
    else:
        options = MotionOptions(delta_mm=(arguments.delta, arguments.delta), still_share=0.0)
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    for path in (arguments.input, arguments.labels):
        inside = path is not None and is_same_place(path.parent, arguments.out)
        if inside and path.name.startswith("simulated_"):
            raise InputError(f"The folder {arguments.out} holds the input {path.name}: choose another folder.")
    scan = read_image(arguments.input, arguments.series, arguments.acquisition)
    labels = read_image(arguments.labels) if arguments.labels else None
    check_labels(labels, scan, "given")
    folder = ready_folder(arguments.out)
    files = []
    generators = [np.random.default_rng([arguments.seed, number]) for number in range(arguments.count)]
    for number, simulated in enumerate(simulate_scans(scan, options, generators, labels)):
        stem = f"simulated_{arguments.seed}" + (f"_{number}" if arguments.count > 1 else "")
        files.append(write_image(simulated.image, folder / f"{stem}.nii.gz"))
        files.append(write_transform(simulated.transform, folder / f"{stem}_transform.h5"))
        if simulated.labels is not None:
            files.append(write_image(simulated.labels, folder / f"{stem}_labels.nii.gz"))
        console.progress("simulate", (number + 1) / arguments.count)
    names = [path.name for path in files]
    text = (
        f"In {folder}:\n" + "\n".join(f"  {name}" for name in names) + "\nEach transform takes points of its simulated"
        f" scan to points of {arguments.input.name}: register with --fixed simulated, --moving {arguments.input.name}."
    )
    console.result({"folder": str(folder), "files": names}, text)


def train(arguments: argparse.Namespace, console: Console) -> None:
    """Begin a training run, or go on with one."""
    from ..experiments.model_scores import trained_scores
    from ..experiments.training_figures import drawing_missing, plot_run
    from ..training.config import read_config
    from ..training.session import begin
    from ..training.session import train as run

    if arguments.resume:
        folder = arguments.resume
    else:
        if arguments.out is None:
            raise InputError("Say where the run goes: --out DIR.")
        folder = arguments.out
        begin(read_config(arguments.config), folder)
    with held_folder(folder):
        trained = run(folder, console.say, trained_scores)
    if not drawing_missing():
        plot_run(folder, folder / "curves.png")
    lines = [f"{split.name:<8} {split.weights}" for split in trained]
    content = {"folder": str(folder), "splits": [split.result for split in trained]}
    console.result(content, "\n".join(["Best weights:", *lines]))


def _scored_scans(arguments: argparse.Namespace) -> list:
    from ..experiments.model_scores import ScoredScan, phantom_scan, read_scored
    from ..training.manifest import read_manifest

    scans = [read_scored(entry) for entry in read_manifest(arguments.manifest)] if arguments.manifest else []
    scans += [ScoredScan(str(path), read_image(path)) for path in arguments.scans]
    if not scans and not arguments.phantoms:
        raise InputError("There is nothing to score: name scans, a --manifest, or --phantoms.")
    return scans + [phantom_scan(seed) for seed in arguments.phantoms]


def evaluate(arguments: argparse.Namespace, console: Console) -> None:
    """Score a network on simulated follow-ups, or run one of the paper's experiments."""
    if arguments.experiment:
        experiment(arguments, console)
        return
    from ..experiments.model_scores import model_scores, scores_text
    from ..experiments.training_figures import drawing_missing
    from ..methods.network.model_store import find_model
    from ..methods.network.predict import Predictor
    from ..methods.network.runtime import runtime_missing
    from ..system.parallel import bound_threads
    from ..training.simulation.simulator import SimulatorOptions

    for delta in arguments.deltas:
        ok, reason = SimulatorOptions(delta_mm=delta).isValid()
        if not ok:
            raise InputError(reason)
    if missing := runtime_missing(arguments.network):
        raise InputError(f"The network cannot run: {missing}.")
    model = find_model(arguments.network)
    for path in (arguments.out, arguments.figure):
        if path:
            ready_folder(path.parent)
    if arguments.figure and (reason := drawing_missing()):
        raise InputError(f"No figure can be drawn: {reason}.")
    scans = _scored_scans(arguments)
    bound_threads(arguments.threads)
    predictor = Predictor(model, arguments.threads)
    results = model_scores(
        scans,
        predictor,
        arguments.deltas,
        arguments.seed,
        arguments.draws,
        lambda part: console.progress("evaluate", part),
    )
    if arguments.out:
        write_json(results, arguments.out)
    if arguments.figure:
        from ..experiments.before_after import draw_before_after

        draw_before_after(scans[0], predictor, arguments.deltas[-1], arguments.seed, arguments.figure)
    console.result({"network": model.name, "scores": results}, scores_text(results))
