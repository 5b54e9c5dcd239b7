"""The section about Python packages: what is missing, installing it, what is installed, removing it."""

import os

import slicer
from slicer.i18n import tr as _

UI = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Resources", "UI", "PackagesSection.ui")


class PackagesSection:
    """Widgets of the section, for a `Packages`.

    It is the first of its panel while something is missing, else the last and closed; where neither is anything missing
    nor installed, it is not shown. `onChanged()` is called when packages have come or gone, `beforeRemoving()` before
    they go: what uses them must end.
    """

    def __init__(self, layout, packages, onChanged, beforeRemoving):
        self.widget = slicer.util.loadUI(UI)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.packages = packages
        self._layout, self._onChanged, self._beforeRemoving = layout, onChanged, beforeRemoving
        self._isFirst, self._shownLines = None, 0
        self.ui.installButton.connect("clicked(bool)", lambda _on=False: self.onInstallButton())
        self.ui.removeButton.connect("clicked(bool)", lambda _on=False: self.onRemoveButton())
        self.show()

    def enter(self):
        """The module is shown again: packages may have come or gone meanwhile."""
        if not self.packages.running:
            self.packages.message = ""
            self.packages.refresh()
        self.show()

    def poll(self):
        """Called by the panel's timer: show how far an installation is."""
        if self.packages.poll():
            self.show()
            if not self.packages.running:
                self._onChanged()

    def cleanup(self):
        """End an installation that runs."""
        self.packages.cancel()

    def onInstallButton(self):
        if self.packages.running:
            self.packages.cancel()
        else:
            with slicer.util.tryWithErrorDisplay(_("The packages could not be installed.")):
                self.packages.install()
        self._shownLines = 0
        self.ui.packagesLogEdit.clear()
        self.show()
        self._onChanged()

    def onRemoveButton(self):
        self._beforeRemoving()
        with slicer.util.tryWithErrorDisplay(_("The packages could not be removed."), waitCursor=True):
            self.packages.remove()
        self.show()
        self._onChanged()

    def show(self):
        """Show what there is."""
        packages, ui = self.packages, self.ui
        running, wanted = packages.running, packages.wanted
        isInstalled = packages.installation is not None
        self._place(bool(running or wanted or packages.problem))
        self.widget.visible = bool(running or wanted or isInstalled or packages.problem)
        ui.packagesLabel.text = self._text()
        ui.installButton.visible = bool(running or wanted or packages.problem)
        ui.installButton.text = _("Cancel") if running else _("Repair") if packages.problem else _("Install packages")
        ui.installButton.toolTip = (
            _("Cancel the installation; what was installed before is kept.")
            if running
            else _("Install them into a folder of this extension: {folder}").format(folder=packages.root)
        )
        ui.removeButton.visible = bool(isInstalled or packages.problem) and not running
        ui.removeButton.toolTip = _("Remove the folder {folder}, which both modules use.").format(folder=packages.root)
        ui.packagesLogEdit.visible = running
        for line in packages.log[self._shownLines :]:
            ui.packagesLogEdit.appendPlainText(line)
        self._shownLines = len(packages.log)
        ui.packagesMessageLabel.text = packages.message
        ui.packagesMessageLabel.visible = bool(packages.message) and not running

    def _text(self):
        packages = self.packages
        if packages.running:
            return _("Installing ... The rest of Slicer can be used meanwhile.")
        apart = _("a folder of this extension; Slicer's own Python and other extensions stay as they are.")
        names = ", ".join(package.shownName for package in packages.wanted)
        size = packages.sizeText(packages.wanted)
        if packages.problem and packages.wanted:
            text = _("{problem} Needed: {names}, {size}, in {apart}")
        elif packages.problem:
            text = _("{problem} Repair or remove it.")
        elif packages.missing:
            text = _("Missing: {names}. They are installed once, {size}, into {apart}")
        elif packages.wanted:
            text = _("Without {names}, VoxelMorph (paper) cannot be used. Installed once, {size}, in {apart}")
        elif packages.installation is None:
            return ""
        else:
            text = _("Installed: {names}, and what they need: {mb} MB in {apart}")
            names = ", ".join(self._installed())
        return text.format(problem=packages.problem, names=names, size=size, apart=apart, mb=round(packages.sizeMb()))

    def _installed(self):
        asked = {package.name: package.shownName for package in self.packages.required + self.packages.forNetwork}
        versions = self.packages.installation.versions
        return [f"{asked[name]} {version}" for name, version in versions.items() if name in asked] or versions

    def _place(self, first):
        if first == self._isFirst:
            return
        self._isFirst = first
        self._layout.removeWidget(self.widget)
        self._layout.insertWidget(0 if first else self._layout.count() - 1, self.widget)
        self.widget.collapsed = not first
