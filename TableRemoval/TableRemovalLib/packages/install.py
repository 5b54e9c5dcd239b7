"""Installs packages into a folder of their own, beside the application's, which stay as they are.

    python -m TableRemovalLib.packages.install ROOT --needs-mb N REQUIREMENT ...

pip first says what is missing, with the application's numpy and scipy as they are; only that is installed, with pip's
`--target`, into a staging folder, which is renamed when it is whole. Where nothing fits the application's numpy, the
folder gets a numpy of its own, and all that depends on it: only processes that have the folder on their path see it.

Lines on standard output tell how far it is; where it fails, the last line on standard error says why, and nothing is
left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from TableRemovalLib.errors import InputError
from TableRemovalLib.packages.folder import (
    Installation,
    base_versions,
    locked,
    read_installation,
    retire,
    size,
    unfinished,
    write_installation,
)

LENT = ("llvmlite", "numba", "jinja2", "markupsafe")
"""Import names that the panel's process may use too; each is its distribution's name in small letters."""
PIP = (sys.executable, "-m", "pip")
QUIETLY = ("--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "20")
WHEELS = ("--only-binary", ":all:")
CONFLICTS = ("ResolutionImpossible", "conflicting dependencies")
RENAME_ATTEMPTS, RENAME_PAUSE_S = 10, 0.5
TOLD = ("Downloading", "Using cached", "Installing", "Successfully")


def install(
    root: Path, requirements: list[str], needs_mb: float = 0.0, say: Callable[[str], None] = print
) -> Installation:
    """Install requirements, in place of what was installed before.

    Raises
    ------
    InputError
        If that does not succeed; what was installed before still counts then.
    """
    with locked(root):
        for folder in unfinished(root):
            say(f"An interrupted installation is removed ({size(folder) / 1e6:.0f} MB)")
            shutil.rmtree(folder, ignore_errors=True)
        free_mb = shutil.disk_usage(root).free / 1e6
        if free_mb < needs_mb:
            raise InputError(f"About {needs_mb:.0f} MB are needed in {root}, {free_mb:.0f} MB are free: make room.")
        older = list(root.glob("packages-*"))
        staging = _staging(root)
        try:
            installation = _fill(staging, requirements, say)
            folder = root / staging.name.replace("staging", "packages")
            _rename(staging, folder)
        except OSError as error:
            raise InputError(f"{root} cannot be written ({error.strerror}): make room and try again.") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        for old in older:
            retire(old)
        say(f"Installed {', '.join(f'{n} {v}' for n, v in installation.versions.items())}: {size(folder) / 1e6:.0f} MB")
        return replace(installation, folder=folder)


def _staging(root: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="staging-", dir=root))
    except OSError as error:
        raise InputError(f"{root} cannot be written ({error.strerror}): mend its permissions and try again.") from error


def _rename(staging: Path, folder: Path) -> None:
    """Rename a folder, also where a virus scanner still looks at its files (Windows)."""
    for _attempt in range(RENAME_ATTEMPTS - 1):
        try:
            os.replace(staging, folder)
            return
        except PermissionError:
            time.sleep(RENAME_PAUSE_S)
    os.replace(staging, folder)


def _fill(staging: Path, requirements: list[str], say: Callable[[str], None]) -> Installation:
    base = base_versions()
    say("Looking for " + ", ".join(requirements))
    missing = resolve(requirements, base)
    if missing is None:
        say("Nothing fits the application's numpy: the folder gets one of its own")
        missing = resolve([*requirements, *(name for name, version in base.items() if version)], None) or {}
    if missing:
        pinned = [f"{name}=={entry['version']}" for name, entry in missing.items()]
        if all(entry["sha256"] for entry in missing.values()):
            pinned = [f"{pin} --hash=sha256:{e['sha256']}" for pin, e in zip(pinned, missing.values(), strict=True)]
        with tempfile.TemporaryDirectory() as temporary:
            listed = Path(temporary) / "requirements.txt"
            listed.write_text("\n".join(pinned), encoding="utf-8")
            into = ("--target", str(staging), "--no-deps", "--no-compile", "--progress-bar", "off")
            _pip("install", *into, *WHEELS, "-r", str(listed), say=say)
    versions = {name: entry["version"] for name, entry in missing.items()}
    requires = {name.lower(): entry["requires"] for name, entry in missing.items()}
    lent = tuple(name for name in LENT if name in requires and _fits(requires[name], base["numpy"]))
    installation = Installation(staging, tuple(requirements), versions, base, lent)
    write_installation(installation)
    if read_installation(staging) is None:
        raise InputError("pip left out files: try again.")
    return installation


def resolve(requirements: list[str], base: dict[str, str | None] | None) -> dict[str, dict] | None:
    """What is to be installed so that requirements hold: by distribution its version, sha256 ("" where the index has
    none) and what it requires.

    With `base`, versions that stay, and what else the application has; None where nothing fits these versions.
    Without, all of it.

    Raises
    ------
    InputError
        If that cannot be told.
    """
    with tempfile.TemporaryDirectory() as temporary:
        report, kept = Path(temporary) / "report.json", Path(temporary) / "constraints.txt"
        pins = [f"{name}=={version}" for name, version in (base or {}).items() if version]
        kept.write_text("\n".join(pins), encoding="utf-8")
        with_base = ("--constraint", str(kept)) if base is not None else ("--ignore-installed",)
        try:
            _pip("install", "--dry-run", "--quiet", "--report", str(report), *WHEELS, *with_base, *requirements)
        except PipError as error:
            if base is not None and any(word in error.errors for word in CONFLICTS):
                return None
            raise
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {
        entry["metadata"]["name"]: {
            "version": entry["metadata"]["version"],
            "sha256": entry["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", ""),
            "requires": entry["metadata"].get("requires_dist", []),
        }
        for entry in found
    }


class PipError(InputError):
    """pip has failed; `errors` is what it said on standard error."""

    def __init__(self, errors: str) -> None:
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        said = [line for line in lines if line.startswith("ERROR")] or lines or ["it gave no reason"]
        reason = said[-1].removeprefix("ERROR: ")
        super().__init__(f"pip could not install the packages ({reason}): check the network and the disk, try again.")
        self.errors = errors


def _pip(*arguments: str, say: Callable[[str], None] = lambda line: None) -> None:
    own = {"PIP_USER": "0", "PYTHONNOUSERSITE": "1", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    command = [*PIP, *arguments[:1], *QUIETLY, *arguments[1:]]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        with subprocess.Popen(
            command,
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
        ) as pip:
            assert pip.stdout is not None
            for line in pip.stdout:
                if line.strip().startswith(TOLD):
                    say(line.strip())
        if pip.returncode:
            errors.seek(0)
            raise PipError(errors.read())


def _fits(requires: list[str], numpy: str | None) -> bool:
    """Whether a distribution's requirements admit a version of numpy."""
    from pip._vendor.packaging.requirements import Requirement

    wanted = [Requirement(text) for text in requires]
    wanted = [r for r in wanted if r.name == "numpy" and (r.marker is None or r.marker.evaluate({"extra": ""}))]
    return not wanted or (numpy is not None and all(r.specifier.contains(numpy, prereleases=True) for r in wanted))


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        return


def main() -> int:
    """Install what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--needs-mb", type=float, default=0.0)
    parser.add_argument("requirements", nargs="+")
    arguments = parser.parse_args()
    try:
        install(arguments.root, arguments.requirements, arguments.needs_mb, _say)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
