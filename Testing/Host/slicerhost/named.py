"""Objects of the application that say which of their names the stand-in does not have."""


class Named:
    """Raises with a clear message where a name is asked for that the stand-in does not have."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        place = self.__class__.__dict__["place"]
        raise AttributeError(f"{place}.{name} is not in the stand-in for Slicer (Testing/Host/README.md)")
