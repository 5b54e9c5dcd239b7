"""What `longct invert` does: a registration's transform the other way round, as a file."""

from __future__ import annotations

import argparse

from TableRemovalLib.errors import InputError

from ..field.inverse import inverse_of
from ..scan.write import write_transform
from ..system.files import ready_folder
from .console import Console
from .inputs import check_not_input, read_transform


def invert(arguments: argparse.Namespace, console: Console) -> None:
    """Write the inverse of a transform."""
    check_not_input(arguments.output, arguments.transform)
    if arguments.output.suffix.lower() != ".h5":
        raise InputError(f"{arguments.output.name}: give an output name that ends in .h5.")
    ready_folder(arguments.output.parent)
    write_transform(inverse_of(read_transform(arguments.transform)), arguments.output)
    content = {"output": str(arguments.output)}
    console.result(content, f"From follow-up points to baseline points: {arguments.output}")
