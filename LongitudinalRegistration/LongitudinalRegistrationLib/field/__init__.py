"""Displacement fields and transforms: compose, sample, resample through, Jacobian."""
