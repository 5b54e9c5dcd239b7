"""Renders the pictures of docs/changes.md: the section "Changes" beside its views.

    python Testing/Host/screenshots_changes.py [BASELINE FOLLOWUP] [--folder FOLDER]

BASELINE and FOLLOWUP are CT volumes of one patient; without them it is the synthetic patient 1, whose lesions are
known.
"""

import argparse
import sys
from pathlib import Path

from screenshots_registration import HERE, Studio, beside, sheet

FOLDER = HERE.parents[1] / "docs" / "pictures" / "changes"
TILE_PX, VIEW_PX, PANEL_HEIGHT = 400, 480, 960


def volumesOf(paths):
    """Return the volumes of a pair by name: read, or those of the synthetic patient with its labels."""
    import SimpleITK as sitk

    if paths:
        names = ("Baseline", "Follow-up")
        return {
            name: sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkInt16) for name, path in zip(names, paths, strict=True)
        }
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    patient = make_phantom(1, PhantomOptions(size=256, slices=100, samples_per_slice=3))
    scans = (("Baseline", patient.baseline), ("Follow-up", patient.followup))
    return {
        **{name: scan.image for name, scan in scans},
        **{f"{name} vertebrae": scan.vertebrae for name, scan in scans},
    }


def waitForChanges(studio):
    """Let the module's timer run until the scans are compared and shown."""
    panel = studio.panel
    panel.onTimer()
    studio._wait(lambda: not panel.logic.changes.busy)
    panel.results.changesSection.update()


def chooseFirst(section):
    """Have the views show the first finding, if there is one."""
    import slicer

    section.ui.findingsTable.setCurrentCell(-1, -1)
    if section.table.shown:
        section.ui.findingsTable.selectRow(0)
    for _turn in range(20):
        slicer.app.processEvents()


def render(studio, folder, name):
    """Render the panel beside the views, the two channels and the report; return the paths."""
    from LongitudinalRegistrationSlicer.views import layout

    section = studio.panel.results.changesSection
    paths = [folder / f"{name}-{part}" for part in ("panel.png", "channels.png", "report")]
    studio.size(VIEW_PX)
    chooseFirst(section)
    views = [[(studio.view(column, row), "") for column in layout.COLUMNS] for row in layout.ROWS]
    beside(studio.panelPicture(("changes",), PANEL_HEIGHT), sheet(views)).save(str(paths[0]))
    studio.size(TILE_PX)
    chooseFirst(section)
    tiles = []
    for index in range(2):
        section.ui.showComboBox.setCurrentIndex(index)
        tiles.append((studio.view("Registered", 1), ""))
    section.ui.showComboBox.setCurrentIndex(0)
    sheet([tiles]).save(str(paths[1]))
    studio.panel.logic.saveChangesReport(studio.panel.result, paths[2])
    return paths


def main():
    """Render into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", type=Path, nargs="*", help="baseline and follow-up, CT volumes")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--name", default="phantom")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    options.folder.mkdir(parents=True, exist_ok=True)
    studio = Studio(volumesOf(options.scans))
    waitForChanges(studio)
    for path in render(studio, options.folder, options.name):
        print(path)
    studio.close()


if __name__ == "__main__":
    main()
