"""Sections of the panel, and one that both panels of the extension have: of Python packages."""
