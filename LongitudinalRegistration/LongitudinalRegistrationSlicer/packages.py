"""The Python packages that the module needs, those that only the network needs, and how much they download."""

import platform
import sys

from TableRemovalSlicer.packages import NUMBA, Package

PACKAGES = (NUMBA, Package("scipy>=1.11,<2", 42, 115))
LITERT = Package("ai-edge-litert>=2.0,<3", 23, 65)
TENSORFLOW = Package("tensorflow>=2.16,<2.17", 370, 1400, optional=True)
COMPILE = "LongitudinalRegistrationLib.compile_kernels"
"""The module of ours that compiles, as the last step of the installation."""


def networkPackages(system=None, machine=None, python=sys.version_info):
    """Return what runs the network on this machine: the light runtime; TensorFlow where that is not made for it.

    Intel Macs, and programs for Intel on other Macs: TensorFlow 2.16 was the last, for Python up to 3.12.
    """
    if (system or platform.system(), machine or platform.machine()) != ("Darwin", "x86_64"):
        return (LITERT,)
    return (TENSORFLOW,) if python < (3, 13) else ()
