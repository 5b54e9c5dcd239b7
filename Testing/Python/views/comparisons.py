"""A pair of cubes with a known shift, registered and shown in the arranged views: known pixels."""

import numpy as np
import SimpleITK as sitk
from places import RESOURCES

HALF_MM, BODY_MM, CORE_MM = 100.0, 50.0, 16.0
SHIFT = (20.0, 0.0, 0.0)
FIXED_HU, MOVING_HU, BONE_HU, AIR_HU = 0, 150, 1000, -1000
FIXED_GREY, MOVING_GREY = 70, 92
"""FIXED_HU and MOVING_HU in the bone window: 255 * (HU + 500) / 1800."""
IN_BOTH, LEFT_SIDE, RIGHT_SIDE, AIR = (0.0, 35.0, 0.0), (-40.0, 35.0, 0.0), (60.0, 35.0, 0.0), (0.0, 80.0, 0.0)


def add_scan(name, hu, shift):
    """A cube of tissue of 100 mm with a core of bone of 32 mm, moved by a shift (RAS, mm)."""
    from TableRemovalSlicer.volumes import addVolumeNode

    along = np.arange(-HALF_MM, HALF_MM + 1, 2.0)
    lps = np.stack(np.meshgrid(along, along, along, indexing="ij")[::-1], axis=-1)
    distance = np.abs(lps - np.array(shift) * (-1, -1, 1)).max(axis=-1)
    voxels = np.select([distance <= CORE_MM, distance <= BODY_MM], [BONE_HU, hu], AIR_HU).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((2.0,) * 3)
    image.SetOrigin((-HALF_MM,) * 3)
    node = addVolumeNode(image, name)
    node.CreateDefaultDisplayNodes()
    return node


def shift_transform():
    """The field that moves all points by SHIFT, as a registration's transform is composed."""
    voxels = np.broadcast_to(np.array(SHIFT) * (-1.0, -1.0, 1.0), (65, 65, 65, 3))
    field = sitk.GetImageFromArray(voxels.copy(), isVector=True)
    field.SetSpacing((5.0,) * 3)
    field.SetOrigin((-160.0,) * 3)
    return sitk.CompositeTransform([sitk.AffineTransform(3), sitk.DisplacementFieldTransform(field)])


def make_result():
    from LongitudinalRegistrationSlicer.results.nodes import RESULT_ATTRIBUTE, setTransformOn
    from LongitudinalRegistrationSlicer.results.transforms import addTransformNode

    fixed, moving = add_scan("Baseline", FIXED_HU, (0, 0, 0)), add_scan("FollowUp", MOVING_HU, SHIFT)
    result = addTransformNode(shift_transform(), "Result")
    result.SetAttribute(RESULT_ATTRIBUTE, "cost-volume")
    result.SetNodeReferenceID(result.GetFixedNodeReferenceRole(), fixed.GetID())
    result.SetNodeReferenceID(result.GetMovingNodeReferenceRole(), moving.GetID())
    setTransformOn(result, True)
    return result


class Shown:
    """The section with its views arranged, and what they show."""

    def __init__(self, host, result):
        from LongitudinalRegistrationWidgets.comparison_section import ComparisonSection

        self._host, self.result = host, result
        self.section = ComparisonSection(lambda name: str(RESOURCES / name))
        self.section.setResult(result)
        self.section.enter()
        self.section.arrange()
        self.section.jumpTo((0.0, 0.0, 0.0))
        self.ui = self.section.ui

    def view(self, column, row=1):
        name = f"Longct{column}{row}"
        views = self._host.core.view_manager.get_slice_views()
        return next(view for view in views if view.get_singleton_tag() == name)

    def picture(self, column="Overlay", row=1):
        from slicerhost import views

        return views.renderArray(self.view(column, row))

    def colour(self, ras, column="Overlay", row=1):
        """Return the colour (r, g, b) which a view shows at a point that lies in its slice."""
        import slicer

        picture = self.picture(column, row)
        to_xy = np.linalg.inv(slicer.util.arrayFromVTKMatrix(self.view(column, row).get_view_node().GetXYToRAS()))
        x, y = np.round((to_xy @ (*ras, 1.0))[:2]).astype(int)
        return tuple(int(value) for value in picture[picture.shape[0] - 1 - y, x])

    def choose(self, mode, value=None):
        self.ui.modeComboBox.setCurrentText(mode)
        if value is not None:
            self.ui.modeSlider.value = value


def near(colour, expected, tolerance=1):
    return np.abs(np.subtract(colour, expected)).max() <= tolerance
