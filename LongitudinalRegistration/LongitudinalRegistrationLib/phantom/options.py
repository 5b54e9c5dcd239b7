"""What the phantom shows and how it is scanned."""

from dataclasses import dataclass

POSITIONS = ("supine", "prone")
ARMS = ("up", "down")
COVERAGES = ("abdomen", "chest")


@dataclass(frozen=True)
class PhantomOptions:
    """Options of ``make_phantom``; the defaults give a routine oncological abdomen-pelvis pair.

    size: pixels along a row and a column of both scans (the physical field of view does not depend on it).
    slices: slices of the baseline; the follow-up has other ones over its own extent.
    samples_per_slice: odd; a slice shows the mean of so many samples over its thickness, as a scanner's does, and the
        labels of the middle one. With 1, the default, it shows its middle alone.
    coverage: "abdomen" (T9 to the upper thighs) or "chest" (120 mm more at the top).
    position: "supine" or "prone"; the table is always at the bottom of the picture.
    arms: "up" (outside the scan) or "down" (separate regions beside the body).
    legs_apart: the thighs part high enough for the centre of the lowest slices to be air.
    off_centre_mm: patient's offset (x, y) from the centre of the field of view.
    truncated_fov: the field of view is narrower than the patient, who touches its edge.
    thin_chest_wall: a wall of about 9 mm over the lungs instead of about 25.
    prosthesis_on_skin: the breast prosthesis touches the skin instead of lying 5 mm off it.
    table_contact: no mattress; the table top touches the skin along the whole scan.
    padding_hu: value outside the circle of reconstruction, or None for no circle.
    deformation_mm: size of the smooth displacement (mm) left after the rigid motion; 0 is a rigid follow-up.
    lesion_growth: follow-up over baseline diameter of the lesions.
    new_lesions: balls that the follow-up alone has, in vertebrae of their own, denser and lighter in turn; at most 4.
    new_lesion_radius_mm, new_lesion_hu: their radius, and how far they are off the bone around them.
    """

    size: int = 512
    slices: int = 150
    samples_per_slice: int = 1
    coverage: str = "abdomen"
    position: str = "supine"
    arms: str = "up"
    legs_apart: bool = False
    off_centre_mm: tuple[float, float] = (0.0, 0.0)
    truncated_fov: bool = False
    thin_chest_wall: bool = False
    prosthesis_on_skin: bool = False
    table_contact: bool = False
    padding_hu: int | None = None
    deformation_mm: float = 8.0
    lesion_growth: float = 1.6
    new_lesions: int = 0
    new_lesion_radius_mm: float = 5.0
    new_lesion_hu: float = 100.0

    def isValid(self) -> tuple[bool, str]:
        """(True, "") or (False, one line that says what to change)."""
        checks = (
            (32 <= self.size <= 1024, "size must be 32 to 1024 pixels"),
            (16 <= self.slices <= 600, "slices must be 16 to 600"),
            (
                1 <= self.samples_per_slice <= 9 and self.samples_per_slice % 2 == 1,
                "samples_per_slice must be odd, 1 to 9",
            ),
            (self.coverage in COVERAGES, f"coverage must be one of {', '.join(COVERAGES)}"),
            (self.position in POSITIONS, f"position must be one of {', '.join(POSITIONS)}"),
            (self.arms in ARMS, f"arms must be one of {', '.join(ARMS)}"),
            (
                len(self.off_centre_mm) == 2 and all(abs(v) <= 150 for v in self.off_centre_mm),
                "off_centre_mm must be two offsets within 150 mm",
            ),
            (
                self.padding_hu is None or -32768 <= self.padding_hu <= 3071,
                "padding_hu must be None or a value from -32768 to 3071",
            ),
            (0 <= self.deformation_mm <= 12, "deformation_mm must be 0 to 12 mm"),
            (0.5 <= self.lesion_growth <= 3, "lesion_growth must be 0.5 to 3"),
            (0 <= self.new_lesions <= 4, "new_lesions must be 0 to 4"),
            (2 <= self.new_lesion_radius_mm <= 10, "new_lesion_radius_mm must be 2 to 10"),
            (0 <= self.new_lesion_hu <= 1000, "new_lesion_hu must be 0 to 1000"),
        )
        for passed, reason in checks:
            if not passed:
                return False, f"{reason}."
        return True, ""
