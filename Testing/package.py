"""Builds the archive that Slicer's Extensions Manager installs from a file, without a build of Slicer.

    python Testing/package.py [--slicer 5.10] [--system linux|win|macosx --revision N] [--out build]

The layout is that of Slicer's own packaging (SlicerExtensionCPack.cmake, SlicerMacroBuildScriptedModule.cmake): both
modules in lib/Slicer-X.Y/qt-scripted-modules, the files that their CMakeLists.txt name, and a description (.s4ext) in
share/Slicer-X.Y. There is no compiled code in it: the archives of the three systems differ in their folders only.
"""

import argparse
import datetime
import io
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

from cmake_lists import LISTS, MODULES, ROOT, files_in_list

NAME = "LongitudinalRegistration"
SYSTEMS = ("linux", "macosx", "win")
SLICER, REVISION = "5.10", "any"
FIELDS = ("homepage", "contributors", "category", "iconurl", "description", "screenshoturls", "depends")


def metadata():
    """Return what the top CMakeLists.txt says of the extension, by the names of FIELDS."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return {name: re.search(rf'set\(EXTENSION_{name.upper()} "([^"]*)"\)', text).group(1) for name in FIELDS}


def description():
    """Return the text of the .s4ext file."""
    lines = {"scm": "git", "scmurl": metadata()["homepage"], "scmrevision": _revision(), **metadata(), "enabled": "1"}
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def contents(slicer=SLICER):
    """Return the archive's files below its top folder: path to bytes."""
    files = {f"share/Slicer-{slicer}/{NAME}.s4ext": description().encode()}
    for module in MODULES:
        for name in LISTS:
            for file in files_in_list(module, name):
                target = f"lib/Slicer-{slicer}/qt-scripted-modules/{file}"
                if target in files:
                    raise ValueError(f"{file} is in both modules: installed, one would take the other's place")
                files[target] = (ROOT / module / file).read_bytes()
    return files


def build(folder, slicer=SLICER, revision=REVISION, system="linux"):
    """Write the archive into a folder and return its path; `revision` is Slicer's: macOS has it in a folder."""
    today = datetime.date.today().isoformat()
    top = f"{revision}-{system}-{'arm64' if system == 'macosx' else 'amd64'}-{NAME}-git{_revision()[:7]}-{today}"
    inner = f"{top}/Slicer.app/Contents/Extensions-{revision}/{NAME}" if system == "macosx" else top
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"{inner}/{path}": data for path, data in contents(slicer).items()}
    path = folder / f"{top}.{'zip' if system == 'win' else 'tar.gz'}"
    (_writeZip if system == "win" else _writeTar)(path, files)
    return path


def _writeZip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def _writeTar(path, files):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def _revision():
    """Return the commit that is packed, or zeros where this is no clone."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "0" * 40


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slicer", default=SLICER, help=f"version X.Y of Slicer (default {SLICER})")
    parser.add_argument("--revision", default=REVISION, help="revision of Slicer (Help > About), for macOS")
    parser.add_argument("--system", choices=SYSTEMS, default="linux")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder (default build)")
    options = parser.parse_args()
    if options.system == "macosx" and options.revision == REVISION:
        parser.error("macosx needs --revision: a folder in the archive has it in its name")
    print(build(options.out, options.slicer, options.revision, options.system))


if __name__ == "__main__":
    main()
