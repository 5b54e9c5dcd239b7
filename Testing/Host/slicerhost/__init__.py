"""A stand-in for the Slicer application, for development and CI: see ../README.md.

Importing has no side effects; `boot()` sets everything up, once.
"""

from .boot import boot

__all__ = ["boot"]
