"""A patient's lesions over time: a table node that belongs to the baseline, and RECIST 1.1."""

import dataclasses
import math

import vtk
from slicer.i18n import tr as _
from TableRemovalSlicer.chart_nodes import cellText, referencedNode, setColumns, textOfCell

from LongitudinalRegistrationSlicer.changes.time_points import calledTimePoints, scansInOrder
from LongitudinalRegistrationSlicer.results.series import dateOf

LESIONS_ROLE = "lesions"
FIGURES = {
    "longestMm": "Longest (mm)",
    "perpendicularMm": "Perpendicular (mm)",
    "volumeMl": "Volume (ml)",
    "meanHu": "Mean HU",
}


@dataclasses.dataclass(frozen=True)
class Lesion:
    """A lesion at one time point, as the reader has confirmed it; NaN where its mark has no such figure.

    scan: the name of the scan; date: when it was taken, "" where that is not known; lymphNode: whether it is measured
    across (RECIST 1.1: short axis).
    """

    name: str
    scan: str
    longestMm: float
    perpendicularMm: float
    volumeMl: float
    meanHu: float
    lymphNode: bool = False
    date: str = ""

    @property
    def diameterMm(self):
        """The diameter that counts in RECIST 1.1."""
        return self.perpendicularMm if self.lymphNode else self.longestMm


def lesionsOf(baseline):
    """Return the Lesions of a baseline's volume node, in the order in which they were confirmed."""
    node = baseline.GetNodeReference(LESIONS_ROLE)
    if node is None:
        return []
    table = node.GetTable()

    def text(title, row):
        column = table.GetColumnByName(title)
        return column.GetVariantValue(row).ToString() if column is not None else ""

    return [
        Lesion(
            textOfCell(text("Lesion", row)),
            textOfCell(text("Scan", row)),
            **{key: float(text(title, row)) for key, title in FIGURES.items()},
            lymphNode=bool(int(float(text("Lymph node", row)))),
            date=textOfCell(text("Date", row)),
        )
        for row in range(table.GetNumberOfRows())
    ]


def setLesions(baseline, lesions):
    """Keep the Lesions of a baseline in its table node, which is made at the first call; return the node."""
    node = referencedNode(baseline, LESIONS_ROLE, "vtkMRMLTableNode", f"{baseline.GetName()} lesions")
    columns = [
        (vtk.vtkStringArray(), "Lesion", [cellText(lesion.name) for lesion in lesions]),
        (vtk.vtkStringArray(), "Scan", [cellText(lesion.scan) for lesion in lesions]),
        (vtk.vtkStringArray(), "Date", [cellText(lesion.date) for lesion in lesions]),
        (vtk.vtkIntArray(), "Lymph node", [int(lesion.lymphNode) for lesion in lesions]),
    ]
    for key, title in FIGURES.items():
        columns.append((vtk.vtkDoubleArray(), title, [round(getattr(lesion, key), 2) for lesion in lesions]))
    setColumns(node, columns)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def addMeasures(baseline, scan, measures, lymphNode=False):
    """Take what marks measure on a scan (a volume node) into the lesions of a baseline, in place of earlier figures.

    measures: MarkMeasures. Returns all Lesions.
    """
    date = dateOf(scan)
    made = [
        Lesion(
            each.name,
            scan.GetName(),
            each.longestMm,
            each.perpendicularMm,
            each.volumeMl,
            each.meanHu,
            lymphNode,
            date,
        )
        for each in measures
    ]
    replaced = {(lesion.name, lesion.scan) for lesion in made}
    kept = [lesion for lesion in lesionsOf(baseline) if (lesion.name, lesion.scan) not in replaced]
    setLesions(baseline, [*kept, *made])
    return lesionsOf(baseline)


def datesOf(lesions):
    return {lesion.scan: lesion.date for lesion in lesions}


def timePointsOf(baseline, withNames=True):
    """Return what each scan of a baseline's lesions is called, by its name: see time_points.calledTimePoints."""
    dates = datesOf(lesionsOf(baseline))
    names = {scan: scan for scan in (baseline.GetName(), *dates)} if withNames else {}
    return calledTimePoints(baseline.GetName(), dates, names)


def courseOf(baseline, withNames=True):
    """Return the RECIST 1.1 course (the Lib's changes.recist.Course) of a baseline's lesions; None without one that has
    a diameter on the baseline. withNames: see timePointsOf."""
    from LongitudinalRegistrationLib.changes.recist import Target, course_of

    lesions = lesionsOf(baseline)
    scans = scansInOrder(baseline.GetName(), datesOf(lesions))
    found = {(lesion.name, lesion.scan): lesion for lesion in lesions}
    targets = []
    for name in dict.fromkeys(lesion.name for lesion in lesions):
        diameters = tuple(found[name, scan].diameterMm if (name, scan) in found else math.nan for scan in scans)
        if not math.isnan(diameters[0]):
            lymphNode = any(lesion.lymphNode for lesion in lesions if lesion.name == name)
            targets.append(Target(name, diameters, lymphNode))
    called = timePointsOf(baseline, withNames)
    return course_of(targets, [called[scan] for scan in scans]) if targets else None


def courseText(course):
    """Return a course in words: sum of diameters, percent, category and nadir, a line each time point."""
    from LongitudinalRegistrationLib.changes.recist import CATEGORIES

    lines = []
    for point in course.points:
        text = _("{name}: sum {total:.0f} mm").format(name=point.name, total=point.sum_mm)
        if math.isnan(point.sum_mm):
            text = _("{name}: not every target was measured").format(name=point.name)
        if point.category:
            text += _(
                ", {baseline:+.0f} % from baseline, {nadir:+.0f} % from nadir ({least:.0f} mm): {category}"
            ).format(
                baseline=point.from_baseline_percent,
                nadir=point.from_nadir_percent,
                least=point.nadir_mm,
                category=f"{point.category}, {CATEGORIES[point.category]}",
            )
        lines.append(text + ".")
    return "\n".join([*lines, *course.warnings])
