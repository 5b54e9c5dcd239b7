"""What `longct cohort` does."""

from __future__ import annotations

import argparse

from ..system.files import held_folder
from .console import Console
from .task_bar import TaskBar


def cohort(arguments: argparse.Namespace, console: Console) -> None:
    """Register every follow-up of a cohort to its baseline."""
    from ..cohort.cluster import ClusterOptions
    from ..cohort.run import run_cohort
    from ..methods.refinement.options import RefinementOptions
    from ..pipeline.options import RegistrationOptions

    options = RegistrationOptions(
        method=arguments.method,
        table_removal=not arguments.no_table_removal,
        network=arguments.network,
        refinement_options=RefinementOptions(effort=arguments.effort),
    )
    bar = TaskBar(console, "Registering")
    cluster = ClusterOptions(arguments.scheduler, arguments.workers, arguments.threads)
    with held_folder(arguments.out) as folder:
        result = run_cohort(
            arguments.manifest,
            folder,
            options,
            cluster,
            arguments.keep,
            bar.progress,
            bar.started,
            changes=arguments.changes,
        )
    content = {
        "folder": str(arguments.out),
        "pairs": len(result.rows),
        "done_now": result.done_now,
        "failed": result.failed,
        "lost_workers": result.lost_workers,
        "seconds": round(result.seconds, 1),
        "page": str(result.page),
    }
    console.result(content, _text(content))


def _text(content: dict) -> str:
    before = content["pairs"] - content["done_now"]
    lines = [f"{content['pairs']} pairs in {content['seconds']:.0f} s" + (f", {before} done before" if before else "")]
    if content["failed"]:
        lines.append(f"{content['failed']} failed: the page says why; the same command tries them again")
    if content["lost_workers"]:
        lines.append(f"Workers lost: {content['lost_workers']}; their pairs were given to others")
    return "\n".join([*lines, f"Summary: {content['page']}"])
