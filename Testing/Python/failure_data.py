"""What a failed test was given: the seeds of its generators, shapes of its arrays and geometry of its images."""

from pathlib import Path

import numpy as np

TESTS = Path(__file__).parent


def random_data_of(traceback):
    """Return lines for the report of a failure, from the local variables of every frame that stands in the tests."""
    lines = []
    for entry in traceback:
        path = Path(str(entry.path))
        if TESTS in path.parents:
            found = described(entry.frame.f_locals)
            lines += [f"{path.name}:{entry.lineno + 1}: {name} {what}" for name, what in found.items()]
    return lines


def described(variables):
    """Return by name what variables are that are generators, arrays or images; others are left out."""
    found = {name: _what(value) for name, value in variables.items() if name.isidentifier()}
    return {name: what for name, what in found.items() if what}


def _what(value):
    if isinstance(value, np.random.Generator):
        return f"has the seed {value.bit_generator.seed_seq.entropy}"
    if isinstance(value, np.ndarray):
        return f"is {value.dtype} of shape {value.shape}"
    if hasattr(value, "GetSpacing") and hasattr(value, "GetSize"):
        return f"is an image of {value.GetSize()} voxels of {value.GetSpacing()} mm"
    return ""
