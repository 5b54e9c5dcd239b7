"""The check box that switches the follow-up's transform off and on."""

import slicer
import vtk
from LongitudinalRegistrationSlicer.results.nodes import movingOf, setTransformOn, transformIsOn
from slicer.i18n import tr as _


class TransformSwitch:
    """Follows the follow-up's transform, whoever changes it; `onChanged()` is called when it has changed."""

    def __init__(self, checkBox, onChanged):
        self._checkBox, self._onChanged = checkBox, onChanged
        self._result, self._observation, self._stamp = None, None, None
        checkBox.connect("clicked(bool)", lambda _on=False: self.toggle())
        self.setResult(None)

    @property
    def isOff(self):
        """Whether the follow-up is shown unregistered, and can be placed under the transform."""
        return self._checkBox.enabled and not self._checkBox.checked

    def setResult(self, result):
        """Switch another result, or none."""
        if result is not self._result:
            self._observe(result)
        if result is not None and (result is not self._result or transformIsOn(result)):
            self._stamp = _stampOf(movingOf(result))
        self._result = result
        self._show()

    def toggle(self):
        """Switch the follow-up's transform off or on."""
        if self._checkBox.enabled:
            setTransformOn(self._result, not transformIsOn(self._result))
            self._onMoved()

    def _observe(self, result):
        if self._observation is not None:
            observed, tag = self._observation
            observed.RemoveObserver(tag)
        self._observation = None
        if result is not None:
            moving, moved = movingOf(result), slicer.vtkMRMLTransformableNode.TransformModifiedEvent
            self._observation = moving, moving.AddObserver(moved, lambda caller, event: self._onMoved())

    def _onMoved(self):
        self._show()
        self._onChanged()

    def _show(self):
        there = self._result is not None and movingOf(self._result) is not None
        on = there and transformIsOn(self._result)
        hardened = there and not on and _stampOf(movingOf(self._result)) != self._stamp
        self._checkBox.checked = on
        self._checkBox.enabled = there and not hardened
        if hardened:
            text = _("The follow-up's voxels or geometry have changed since it was registered: register it again.")
        else:
            text = _("Off: the follow-up is shown unregistered.")
        self._checkBox.toolTip = text


def _stampOf(volume):
    """Return what is another when a volume's voxels or place were changed, as by hardening a transform."""
    toRAS, image = vtk.vtkMatrix4x4(), volume.GetImageData()
    volume.GetIJKToRASMatrix(toRAS)
    place = tuple(slicer.util.arrayFromVTKMatrix(toRAS).ravel())
    return (place, image.GetAddressAsString(""), image.GetMTime()) if image is not None else (place,)
