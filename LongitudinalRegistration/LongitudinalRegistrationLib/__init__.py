"""Longitudinal registration of CT scans: the numerics, which know nothing of Slicer."""
