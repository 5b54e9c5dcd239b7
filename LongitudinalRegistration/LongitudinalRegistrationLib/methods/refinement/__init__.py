"""Refinement of a displacement field by instance optimisation."""
