"""What `longct evaluate --experiment` does."""

from __future__ import annotations

import argparse

from TableRemovalLib.errors import InputError

from .console import Console
from .task_bar import TaskBar


def experiment(arguments: argparse.Namespace, console: Console) -> None:
    """Run one of the paper's experiments on a cohort."""
    from ..cohort.cluster import ClusterOptions
    from ..experiments.paper.options import PaperOptions
    from ..experiments.paper.run import run_experiment

    if arguments.manifest is None or arguments.out is None:
        raise InputError("An experiment needs a cohort and a folder: --manifest CSV --out DIR.")
    options = PaperOptions(
        fields=arguments.fields,
        patients=arguments.patients,
        step_mm=arguments.step,
        niftyreg_spacing_mm=arguments.niftyreg_spacing,
        methods=arguments.methods,
        runs=dict(arguments.run),
    )
    bar = TaskBar(console, "Registering")
    cluster = ClusterOptions(arguments.scheduler, arguments.workers, arguments.threads)
    finished = run_experiment(
        arguments.experiment, arguments.manifest, arguments.out, options, cluster, bar.progress, bar.started
    )
    content = {
        "experiment": finished.name,
        "table": finished.outcome.table,
        "failed": finished.failed,
        "files": [str(path) for path in finished.files],
    }
    console.result(content, "\n".join(str(path) for path in finished.files))
