"""What `longct import` does."""

from __future__ import annotations

import argparse

from TableRemovalLib.errors import InputError

from .console import Console


def import_set(arguments: argparse.Namespace, console: Console) -> None:
    """Make a cohort of a public set as it was downloaded."""
    from ..experiments.public.dirlab import import_dirlab
    from ..experiments.public.learn2reg import import_learn2reg
    from ..experiments.public.tcia import import_tcia

    if (arguments.out / "manifest.csv").exists():
        raise InputError(f"{arguments.out} has a manifest.csv already: choose another folder.")
    if not arguments.source.is_dir():
        raise InputError(f"There is no folder {arguments.source}: check the path.")
    if arguments.what == "tcia":
        manifest, notes = import_tcia(arguments.source, arguments.out, arguments.series)
    elif arguments.series:
        raise InputError("--series is for tcia.")
    elif arguments.what == "dirlab":
        manifest, notes = import_dirlab(arguments.source, arguments.out)
    else:
        manifest, notes = import_learn2reg(arguments.source, arguments.out)
    console.result({"manifest": str(manifest), "left_out": notes}, "\n".join([*notes, f"Manifest: {manifest}"]))
