"""New DICOM objects: registered scans as series, transforms as spatial registration objects."""
