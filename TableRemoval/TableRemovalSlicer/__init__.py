"""What stands between MRML nodes and SimpleITK images: imports slicer and vtk, never qt."""
