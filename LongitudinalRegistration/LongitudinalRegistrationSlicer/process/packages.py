"""The Python packages that the module needs, the one that only the network needs, and how much they download."""

from TableRemovalSlicer.packages import NUMBA, Package

PACKAGES = (NUMBA, Package("scipy>=1.11,<2", 42, 115), Package("Jinja2>=3.1,<4", 1, 2))
ONNX_RUNTIME = Package("onnxruntime>=1.19,<2", 28, 105, "ONNX Runtime")
COMPILE = "LongitudinalRegistrationLib.pipeline.compile_kernels"
"""The module of ours that compiles, as the last step of the installation."""
