"""The sample of Slicer's Sample Data module: a synthetic patient scanned twice, made on this computer when asked for.

Nothing is downloaded, and nothing is computed before: the phantom is made by `longct phantom` in a process of its own.
"""

import os
import time

import slicer
from slicer.i18n import tr as _
from TableRemovalLib.owned_folders import owned_folder
from TableRemovalSlicer.child_process import ChildProcess, environmentWith
from TableRemovalSlicer.packages import Packages, libraryFolders, moduleCommand

from LongitudinalRegistrationSlicer.process.packages import PACKAGES

CATEGORY, SAMPLE = "Longitudinal CT", "LongitudinalCTPhantom"
SEED, SIZE_PX, SLICES = 5, 192, 75
SAMPLES_PER_SLICE = 3
"""A slice shows its thickness, as a scanner's does: else endplates come and go, and are listed as changes."""
VOLUMES = {
    "baseline": ("CT 2024-03 baseline", "vtkMRMLScalarVolumeNode"),
    "followup": ("CT 2025-01 follow-up", "vtkMRMLScalarVolumeNode"),
    "baseline_vertebrae": ("CT 2024-03 baseline vertebrae", "vtkMRMLLabelMapVolumeNode"),
    "followup_vertebrae": ("CT 2025-01 follow-up vertebrae", "vtkMRMLLabelMapVolumeNode"),
}
"""What is loaded: the file's name, without its suffix, with the name and the class of its node."""
STEP_S = 0.02


def registerSampleData(thumbnail):
    """Offer the sample in the Sample Data module, where the application has that module; it has it once, however often
    it is offered.

    `thumbnail`: the picture on its button, a path.
    """
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris="",
        fileNames="",
        nodeNames=_("Longitudinal CT phantom (two scans)"),
        thumbnailFileName=thumbnail,
        customDownloader=loadSample,
    )


def loadSample(source):
    """Make the sample, add it to the scene, and return its nodes by the keys of VOLUMES; {} where that failed.

    `source`: what was registered; there is one sample. The window stays alive meanwhile; a failure is shown.
    """
    with slicer.util.tryWithErrorDisplay(_("The sample could not be made."), waitCursor=True):
        return makeSample()
    return {}


def makeSample():
    """Make a pair of scans of SIZE_PX x SIZE_PX pixels, add them with their labels, return the nodes by VOLUMES' keys.

    Raises RuntimeError with what to do where packages are missing, or what the process said where it failed.
    """
    import SimpleITK as sitk
    from TableRemovalSlicer.volumes import addVolumeNode

    missing = ", ".join(package.shownName for package in Packages(PACKAGES).missing)
    if missing:
        text = _("Missing: {names}. Install them in the module Longitudinal Registration: button at the top.")
        raise RuntimeError(text.format(names=missing))
    with owned_folder() as folder:
        _runPhantom(folder)
        return {
            key: addVolumeNode(sitk.ReadImage(os.path.join(folder, f"{key}.nii.gz")), name, className)
            for key, (name, className) in VOLUMES.items()
        }


def _runPhantom(folder):
    words = ("phantom", "--out", folder, "--seed", SEED, "--size", SIZE_PX, "--slices", SLICES)
    words += ("--samples-per-slice", SAMPLES_PER_SLICE)
    command = moduleCommand("LongitudinalRegistrationLib.cli.main", *map(str, words))
    process = ChildProcess(command, environmentWith(libraryFolders("LongitudinalRegistrationLib", "TableRemovalLib")))
    try:
        while process.ended() is None:
            slicer.app.processEvents()
            time.sleep(STEP_S)
        if process.ended():
            raise RuntimeError("\n".join(process.errors()))
    finally:
        process.dismiss()
