"""One scan: reading, writing, geometry, grids, body, pyramid, normalisation."""
