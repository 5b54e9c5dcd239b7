"""Vertebra labels and their scores: matching, outlines, rows, plot."""
