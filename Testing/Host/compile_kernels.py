"""Compile all kernels for this computer, on the cores there are, so that no test has to; what is compiled is left.

Those of a registration, the phantom's, and those that simulate a follow-up, each in a process of its own.
"""

import subprocess
import sys
import tempfile

COMMANDS = (
    "from LongitudinalRegistrationLib.pipeline.compile_kernels import compile_kernels, is_compiled\n"
    "is_compiled() or compile_kernels()\n",
    "from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom\n"
    "make_phantom(1, PhantomOptions(size=32, slices=16, table_contact=True))\n",
    "import numpy as np\n"
    "from LongitudinalRegistrationLib.training.simulation.simulator import SimulatorOptions, simulate_follow_up\n"
    "block = np.ones((32, 32, 32), np.float32)\n"
    "simulate_follow_up(block, block > 0, 2.0, SimulatorOptions(), np.random.default_rng(1))\n",
)


def main():
    """Compile, and show what went wrong."""
    with tempfile.TemporaryFile("w+") as said:
        processes = [subprocess.Popen([sys.executable, "-c", code], stderr=said) for code in COMMANDS]
        if any([process.wait() for process in processes]):
            said.seek(0)
            sys.exit(said.read())


if __name__ == "__main__":
    main()
