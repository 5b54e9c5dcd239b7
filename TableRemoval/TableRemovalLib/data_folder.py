"""Where installed programs and packages live."""

from __future__ import annotations

import os
import platform
from pathlib import Path

HOME_VARIABLE = "LONGCT_HOME"


def data_folder() -> Path:
    """$LONGCT_HOME, else `longct` in the user's data folder."""
    if os.environ.get(HOME_VARIABLE):
        return Path(os.environ[HOME_VARIABLE])
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "longct"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "longct"
