"""Slice views: layout, link, overlays and their painters."""
