"""What stands between the MRML scene and the registration process: imports slicer and vtk, never qt."""
