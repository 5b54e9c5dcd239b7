"""The Python packages that the module needs, those that only the network needs, and how much they download."""

PACKAGES = {"numba": "numba>=0.59", "scipy": "scipy>=1.11", "tqdm": "tqdm>=4.60"}
NETWORK_PACKAGES = {"tensorflow": "tensorflow-cpu>=2.16", "keras": "keras>=3.3"}
DOWNLOAD_MB = {"numba": 45, "scipy": 36, "tqdm": 1, "tensorflow": 300, "keras": 2}


def downloadSize(names):
    """Return about how much pip will download for packages (import names), in words."""
    return f"about {sum(DOWNLOAD_MB[name] for name in names)} MB"
