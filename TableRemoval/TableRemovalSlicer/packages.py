"""Python packages that a module needs and Slicer does not bring along: what is missing, installing it, removing it.

They go into a folder of this extension (TableRemovalLib.packages), which only processes that the modules start have on
their path (`moduleCommand`). Slicer's own packages, and those of other extensions, stay as they are.
"""

import dataclasses
import importlib.util
import os
import re
import shutil

import slicer
from slicer.i18n import tr as _
from TableRemovalLib.errors import InputError
from TableRemovalLib.packages import folder as packagesFolder
from TableRemovalLib.packages.lend import lend

from TableRemovalSlicer.child_process import ChildProcess, environmentWith, pythonExecutable

_cleaned = set()


@dataclasses.dataclass(frozen=True)
class Package:
    """A pip requirement, and about how many MB it and what it needs download and take, on the system with the most.

    `title` is what users know it by, where that is not the distribution's name.
    """

    requirement: str
    downloadMb: int
    diskMb: int
    title: str = ""

    @property
    def name(self):
        """The distribution's name."""
        return re.match(r"[\w.-]+", self.requirement).group()

    @property
    def shownName(self):
        """The name for users."""
        return self.title or self.name


NUMBA = Package("numba>=0.60,<1", 64, 195)


def packagesRoot():
    """Return where the packages for this version of Slicer are."""
    return packagesFolder.packages_root(f"slicer-{slicer.app.majorVersion}.{slicer.app.minorVersion}")


def libraryFolders(*names):
    """Return where packages of our own code lie."""
    files = [importlib.util.find_spec(name).origin for name in names]
    return [os.path.dirname(os.path.dirname(os.path.abspath(file))) for file in files]


def moduleCommand(module, *arguments):
    """Return the command that runs a Python module of ours, with the installed packages first on its path."""
    installation = packagesFolder.current(packagesRoot())
    start = ["TableRemovalLib.packages.start", str(installation.folder)] if installation else []
    return [pythonExecutable(), "-m", *start, module, *arguments]


class Packages:
    """What is missing, and how to get it: `refresh`, `install`, then `poll` until not `running`.

    `required` and `forNetwork` are Packages without which nothing, or only the network, works. `afterwards` is a Python
    module of ours that runs when the packages are there, as the last step of the installation; its lines go into the
    log. `missing` and `missingForNetwork` are Packages, `installation` what is in the folder (None: nothing), `problem`
    what is wrong with it, `message` how the last installation or removal ended.
    """

    def __init__(self, required, forNetwork=(), afterwards=None, startProcess=ChildProcess):
        self.required, self.forNetwork = tuple(required), tuple(forNetwork)
        self._afterwards, self._startProcess = afterwards, startProcess
        self._process, self._finishing = None, False
        self._complaint = ""
        self.root = packagesRoot()
        self.installation, self.problem, self.message = None, "", ""
        self.missing, self.missingForNetwork = (), ()
        self.log = []
        if self.root not in _cleaned:
            _cleaned.add(self.root)
            packagesFolder.clean(self.root)
        self.refresh()

    @property
    def running(self):
        """Whether an installation of ours runs."""
        return self._process is not None

    def refresh(self):
        """Look at what there is."""
        found, self.problem = packagesFolder.current(self.root), ""
        outdated = found is not None and found.base != packagesFolder.base_versions()
        self.installation = None if outdated else found
        self.missing = tuple(package for package in self.required if not self._isThere(package))
        self.missingForNetwork = tuple(package for package in self.forNetwork if not self._isThere(package))
        if outdated and self.wanted:
            self.problem = _("Slicer's numpy or scipy has changed since the packages were installed.")
        elif not self.running and packagesFolder.interrupted(self.root):
            self.problem = _("An interrupted or damaged installation was found.")
        else:
            self.installation = found
        lend(self.installation)

    def _isThere(self, package):
        if self.installation is not None and package.requirement in self.installation.requirements:
            return True
        return packagesFolder.is_satisfied(package.requirement)

    @property
    def wanted(self):
        """The Packages that `install` would install."""
        return self.missing + self.missingForNetwork

    def isLent(self, name):
        """Return whether this process can import a package that is not missing."""
        return packagesFolder.installed_version(name) is not None or name in self.installation.lent

    def sizeText(self, packages):
        """Return how much packages download and take, as text."""
        return _("about {download} MB to download, {disk} MB on disk").format(
            download=sum(package.downloadMb for package in packages), disk=sum(package.diskMb for package in packages)
        )

    def sizeMb(self):
        """Return how much the installation takes."""
        return packagesFolder.size(self.installation.folder) / 1e6 if self.installation else 0.0

    def install(self):
        """Start installing what is missing, with what is there already; where nothing is, remove what was interrupted.

        Raises OSError where pip cannot be started.
        """
        if not self.wanted:
            self._removeUnfinished()
            self.message = _("What was left of it was removed.")
            self.refresh()
            return
        names = {package.name for package in self.wanted}
        there = self.installation.requirements if self.installation else ()
        kept = [requirement for requirement in there if Package(requirement, 0, 0).name not in names]
        needed = sum(package.diskMb for package in self.required + self.wanted)
        wanted = [package.requirement for package in self.wanted]
        self.log, self.message, self._complaint, self._finishing = [], "", "", False
        program = [pythonExecutable(), "-m", "TableRemovalLib.packages.install"]
        self._start([*program, str(self.root), "--needs-mb", str(needed), *kept, *wanted], "TableRemovalLib")

    def _start(self, command, *ours):
        self._process = self._startProcess(command, environmentWith(libraryFolders(*ours)))

    def poll(self):
        """Hear how far the installation is; return whether there is something new to show."""
        if not self.running:
            return False
        code = self._process.ended()
        lines = self._process.output()
        errors = [line for line in self._process.errors() if line.strip()]
        self.log += lines + errors
        self._complaint = errors[-1] if errors else self._complaint
        if code is not None:
            self._process = None
            self._onEnd(code)
        return bool(lines or errors) or code is not None

    def _onEnd(self, code):
        if self._finishing:
            self.message = _("Installed.")
            if code:
                self.message = _(
                    "Installed. Compiling, which failed, will be tried again at the first use: {why}"
                ).format(why=self._complaint)
        elif code:
            self.message = self._complaint or _("The installation stopped with code {code}.").format(code=code)
            self._removeUnfinished()
        elif self._afterwards is not None:
            self._finishing, self._complaint = True, ""
            self.refresh()
            self._start(moduleCommand(self._afterwards), "TableRemovalLib", self._afterwards.split(".")[0])
            return
        else:
            self.message = _("Installed.")
        self.refresh()

    def cancel(self):
        """End the installation at once; what was there before stays."""
        if not self.running:
            return
        self._process.kill()
        self._process = None
        self.message = _("Installed.") if self._finishing else _("Cancelled: nothing was installed.")
        if not self._finishing:
            self._removeUnfinished()
        self.refresh()

    def _removeUnfinished(self):
        for folder in packagesFolder.interrupted(self.root):
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self):
        """Remove the folder's packages; `message` says what that freed, or what the user can do where it cannot be."""
        lend(None)
        try:
            freed = packagesFolder.remove(self.root)
            self.message = _("The packages were removed: {size} MB are free again.").format(size=round(freed / 1e6))
        except InputError as error:
            self.message = str(error)
        self.refresh()
