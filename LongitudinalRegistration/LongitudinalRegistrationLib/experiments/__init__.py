"""Experiments with trained networks: their scores, pictures of runs."""
