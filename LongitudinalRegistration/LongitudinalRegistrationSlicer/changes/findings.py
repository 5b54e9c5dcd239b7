"""The findings of a result: a table node that is saved with the scene, and a label map in which each has its number."""

import dataclasses

import vtk
from slicer.i18n import tr as _
from TableRemovalSlicer.chart_nodes import cellText, referencedNode, setColumns, textOfCell
from TableRemovalSlicer.hidden_nodes import removeWithDisplays

from LongitudinalRegistrationSlicer.results.nodes import movingOf, unusedName

TABLE_ROLE, LABELS_ROLE = "findings", "findingLabels"
OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
STATUSES = (OPEN, ACCEPTED, REJECTED)
RAS = ("R", "A", "S")


@dataclasses.dataclass(frozen=True)
class SceneFinding:
    """A connected change and what the reader says of it; see the Lib's changes.findings.Finding.

    number: its label, 1 is the surest; status: one of STATUSES; name: the reader's, or ""; kind: "denser" or "lighter";
    caution: what else may explain it ("bowel", "contrast phase", ...), or ""; position, followUpPosition: RAS, mm;
    diameters in mm; volumeChange: Jacobian determinant; confidence: 0 to 1.
    """

    number: int
    status: str
    name: str
    kind: str
    place: str
    caution: str
    position: tuple
    followUpPosition: tuple
    volumeMl: float
    meanHu: float
    largestHu: float
    contrastToNoise: float
    significance: float
    diameterBeforeMm: float
    diameterAfterMm: float
    volumeChange: float
    confidence: float

    @property
    def title(self):
        """What to call it: the reader's name, else its place."""
        return self.name or self.place

    @property
    def isDecided(self):
        """Whether the reader has said anything of it."""
        return self.status != OPEN or bool(self.name)


NUMBERS = {
    "volumeMl": "Volume (ml)",
    "meanHu": "Mean change (HU)",
    "largestHu": "Largest change (HU)",
    "contrastToNoise": "Contrast to noise",
    "significance": "Significance (SD)",
    "diameterBeforeMm": "Diameter before (mm)",
    "diameterAfterMm": "Diameter after (mm)",
    "volumeChange": "Jacobian",
    "confidence": "Confidence",
}
"""The columns of figures, by SceneFinding's name for them."""
TEXTS = {"status": "Status", "name": "Name", "kind": "Change", "place": "Place", "caution": "Caution"}
POSITIONS = {"position": "Baseline", "followUpPosition": "Follow-up"}


def findingFrom(entry, status=OPEN, name=""):
    """Return the SceneFinding of an entry of a changes content's "findings" (LPS, mm)."""
    return SceneFinding(
        number=entry["number"],
        status=status,
        name=name,
        kind=entry["kind"],
        place=entry["place"],
        caution=entry["caution"],
        position=_flipped(entry["position"]),
        followUpPosition=_flipped(entry["position_followup"]),
        volumeMl=entry["volume_ml"],
        meanHu=entry["mean_change_hu"],
        largestHu=entry["largest_change_hu"],
        contrastToNoise=entry["contrast_to_noise"],
        significance=entry["significance"],
        diameterBeforeMm=entry["diameter_before_mm"],
        diameterAfterMm=entry["diameter_after_mm"],
        volumeChange=entry["volume_change"],
        confidence=entry["confidence"],
    )


def _flipped(point):
    x, y, z = point
    return (-x, -y, z)


def findingsOf(result):
    """Return the SceneFindings of a result, the surest first; none where they were not looked for."""
    node = result.GetNodeReference(TABLE_ROLE)
    if node is None:
        return []
    table = node.GetTable()
    columns = {table.GetColumnName(index): table.GetColumn(index) for index in range(table.GetNumberOfColumns())}
    return [_findingAt(columns, row) for row in range(table.GetNumberOfRows())]


def _findingAt(columns, row):
    def text(title):
        return columns[title].GetVariantValue(row).ToString()

    figures = {key: float(text(title)) for key, title in NUMBERS.items()}
    places = {key: tuple(float(text(f"{title} {axis}")) for axis in RAS) for key, title in POSITIONS.items()}
    texts = {key: textOfCell(text(title)) for key, title in TEXTS.items()}
    return SceneFinding(number=int(float(text("Number"))), **texts, **places, **figures)


def setFindings(result, findings):
    """Keep the findings of a result in its table node, which is made at the first call; return the node."""
    name = _("{name} findings").format(name=movingOf(result).GetName() if movingOf(result) else result.GetName())
    isNew = result.GetNodeReference(TABLE_ROLE) is None
    node = referencedNode(result, TABLE_ROLE, "vtkMRMLTableNode", unusedName(name) if isNew else name)
    columns = [(vtk.vtkIntArray(), "Number", [finding.number for finding in findings])]
    for key, title in TEXTS.items():
        columns.append((vtk.vtkStringArray(), title, [cellText(getattr(finding, key)) for finding in findings]))
    for key, title in NUMBERS.items():
        columns.append((vtk.vtkDoubleArray(), title, [round(getattr(finding, key), 3) for finding in findings]))
    for key, title in POSITIONS.items():
        for axis, letter in enumerate(RAS):
            values = [round(getattr(finding, key)[axis], 2) for finding in findings]
            columns.append((vtk.vtkDoubleArray(), f"{title} {letter}", values))
    setColumns(node, columns)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def labelsNodeOf(result):
    """Return the label map node of a result's findings, or None."""
    return result.GetNodeReference(LABELS_ROLE)


def setLabels(result, image):
    """Keep the numbers of the findings (sitk.Image, uint16, LPS mm) in the result's label map node; return the node."""
    from TableRemovalSlicer.volumes import addVolumeNode

    removeWithDisplays(labelsNodeOf(result))
    name = _("{name} finding labels").format(name=movingOf(result).GetName() if movingOf(result) else result.GetName())
    node = addVolumeNode(image, unusedName(name), "vtkMRMLLabelMapVolumeNode")
    result.SetNodeReferenceID(LABELS_ROLE, node.GetID())
    return node
