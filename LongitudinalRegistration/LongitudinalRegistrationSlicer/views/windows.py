"""Window and level of CT volumes."""

WINDOWS = {"Bone": (1800, 400), "Soft tissue": (400, 40), "Lung": (1500, -600)}


def setWindow(volume, name):
    """Show a volume node through a window, a key of WINDOWS."""
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(*WINDOWS[name])
