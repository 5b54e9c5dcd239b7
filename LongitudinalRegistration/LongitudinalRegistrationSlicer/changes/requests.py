"""Asks the warm process what has changed between the scans of a result, and brings the answer into the scene."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from LongitudinalRegistrationSlicer.changes.decisions import carriedOver
from LongitudinalRegistrationSlicer.changes.findings import (
    findingFrom,
    findingsOf,
    labelsNodeOf,
    setFindings,
    setLabels,
)
from LongitudinalRegistrationSlicer.results.nodes import setChanges

BONE, EVERYWHERE = "bone", "everywhere"
REGIONS = (BONE, EVERYWHERE)


class ChangeRequests:
    """One request at a time, after each registration one of itself.

    job: the RegistrationJob whose process computes; requestFor(result): the RegistrationRequest of a result's pair;
    offer(request): has the process given the scans that it lacks; onFound(result): is called when its findings are new
    ones. `layersOf` has what a painter shows.
    """

    def __init__(self, job, requestFor, offer, onFound):
        self._job, self._requestFor, self._offer, self._onFound = job, requestFor, offer, onFound
        self._number, self._result, self._region, self._isDue = 0, None, BONE, False
        self._layers, self._last = {}, None  # the layers: (region, ReslicedVolume) by the result's ID, as its findings
        self.message, self.revision = "", 0
        job.others["changes"] = self._onChanges
        job.others["changes failed"] = self._onFailed
        job.others["changes put off"] = self._onPutOff

    @property
    def busy(self):
        """Whether an answer is awaited."""
        return self._result is not None

    def isBusyWith(self, result):
        """Whether a result's changes are awaited."""
        return self._result is result and result is not None

    def layersOf(self, result, region):
        """Return (ReslicedVolume) what is shown of a result's changes in a region of REGIONS; None: not computed."""
        kept, layers = self._layers.get(result.GetID() if result is not None else None, (None, None))
        return layers if kept == region else None

    def request(self, result, region=BONE):
        """Have a result's scans compared; region: one of REGIONS. An earlier request is given up."""
        self._number += 1
        self._result, self._region, self._isDue = result, region, True
        self.message = ""
        self.revision += 1

    def poll(self, results, registers):
        """Go on: ask for what is due, once nothing is registered.

        results: RegistrationNodes of the last registration, or None; registers: whether one is under way.
        """
        transform = results.transform if results is not None and results.registered is not None else None
        if transform is not None and transform is not self._last and not registers:
            self._last = transform
            if transform.GetScene() is not None:
                self.request(transform)
        if self.busy and not self._job.isWarm and not self._isDue:
            self._fail(_("The process that compares the scans has stopped: compute again."))
        if self._isDue and self._job.isWarm and self._job.ready and not registers:
            self._ask()

    def forget(self):
        """The scene is closed."""
        self._number += 1
        self._result, self._isDue, self._last, self._layers = None, False, None, {}
        self.message = ""

    def _ask(self):
        from LongitudinalRegistrationSlicer.process.exchange import changesMessage

        self._isDue = False
        request = self._requestFor(self._result) if self._result.GetScene() is not None else None
        if request is None or not request.isValid()[0]:
            self._fail(_("The scans of this result are not in the scene (any more)."))
            return
        try:
            self._offer(request)
            self._job.ask(changesMessage(request, self._result, self._region, self._job.folder, self._number))
        except (RuntimeError, ValueError, OSError) as error:
            self._fail(_("The scans could not be compared: {error}").format(error=error))

    def _fail(self, message):
        self._result, self.message = None, message
        self.revision += 1

    def _onFailed(self, said):
        if said["changes"] == self._number:
            self._fail(said["message"])

    def _onPutOff(self, said):
        self._job.letGo(said["scans"])
        if said["changes"] == self._number and self.busy:
            self._isDue = True

    def _onChanges(self, said):
        from LongitudinalRegistrationLib.system.shared_arrays import take_image

        images = {name: take_image(self._job.folder, record) for name, record in said["layers"].items()}
        labels = take_image(self._job.folder, said["labels"])
        result, self._result = self._result, None if said["changes"] == self._number else self._result
        if said["changes"] != self._number or result is None or result.GetScene() is None:
            return
        self._layers[result.GetID()] = self._region, _resliced(images)
        importFindings(result, said["content"], labels)
        self._onFound(result)
        self.message = ""
        self.revision += 1


def importFindings(result, content, labels):
    """Keep what has changed on a result: the content, its findings as table and label map (sitk.Image, LPS mm).

    What the reader has said of findings that were there before is carried over.
    """
    import SimpleITK as sitk

    node = labelsNodeOf(result)
    earlierLabels = slicer.util.arrayFromVolume(node) if node is not None else None
    numbers = sitk.GetArrayFromImage(labels)
    found = [findingFrom(entry) for entry in content["findings"]]
    findings, numbers = carriedOver(findingsOf(result), earlierLabels, found, numbers)
    kept = sitk.GetImageFromArray(numbers.astype(np.uint16))
    kept.CopyInformation(labels)
    setLabels(result, kept)
    setFindings(result, findings)
    setChanges(result, {key: value for key, value in content.items() if key != "findings"})


def _resliced(images):
    """Return the ReslicedVolume of change (HU) and significance."""
    import SimpleITK as sitk
    from LongitudinalRegistrationLib.scan.geometry import voxel_matrix

    from LongitudinalRegistrationSlicer.results.transforms import FLIP
    from LongitudinalRegistrationSlicer.views.resliced import ReslicedVolume

    arrays = [sitk.GetArrayViewFromImage(images[name]) for name in ("change_hu", "significance")]
    toRAS = FLIP @ voxel_matrix(images["change_hu"])
    return ReslicedVolume(np.stack(arrays, axis=-1), toRAS)
