"""Affine pre-alignment."""
