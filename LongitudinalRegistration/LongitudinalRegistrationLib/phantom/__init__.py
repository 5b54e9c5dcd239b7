"""Procedural CT phantom: one patient scanned twice, with exact truth."""

from .files import write_phantom
from .options import PhantomOptions
from .pair import PhantomPair, make_phantom
from .scanner import PhantomScan

__all__ = ["PhantomOptions", "PhantomPair", "PhantomScan", "make_phantom", "write_phantom"]
