"""A result as files: transform, registered volume, tables and report; or as DICOM."""

from pathlib import Path

from slicer.i18n import tr as _
from TableRemovalSlicer.volumes import imageFromVolumeNode

from LongitudinalRegistrationSlicer.results.nodes import expectedErrorOf, fixedOf, movingOf, registeredOf, reportOf
from LongitudinalRegistrationSlicer.results.series import seriesHeader
from LongitudinalRegistrationSlicer.results.transforms import itkTransformFromNode

FILES = TRANSFORM, REGISTERED = "transform.h5", "registered.nii.gz"


def saveResult(result, folder):
    """Write a result into a folder; return the names of the files.

    Raises InputError where the folder cannot be written to, has one of the files already, or a scan was removed.
    """
    from LongitudinalRegistrationLib.report.content import scan_content
    from LongitudinalRegistrationLib.report.files import REPORT_FILES, write_report
    from LongitudinalRegistrationLib.scan.write import EXPECTED_ERROR, write_image, write_transform
    from LongitudinalRegistrationLib.system.files import ready_folder
    from LongitudinalRegistrationLib.system.staged_files import StagedFiles
    from LongitudinalRegistrationLib.system.versions import versions
    from TableRemovalLib.errors import InputError

    fixed, moving, registered = _images(result)
    folder = ready_folder(Path(folder))
    there = [name for name in (*FILES, EXPECTED_ERROR, *REPORT_FILES) if (folder / name).exists()]
    if there:
        text = _("{folder} has {file} already: choose an empty folder.")
        raise InputError(text.format(folder=folder, file=there[0]))
    places = {"fixed": scan_content(fixed), "moving": scan_content(moving)}
    report = {**reportOf(result), "versions": versions(), "inputs": places}
    with StagedFiles(folder) as staged:
        write_transform(itkTransformFromNode(result), staged.folder / TRANSFORM)
        write_image(registered, staged.folder / REGISTERED)
        error = expectedErrorOf(result)
        if error is not None:
            write_image(error, staged.folder / EXPECTED_ERROR)
        written = write_report(staged.folder, report, _pictures(fixed, moving, registered))
        staged.publish()
    return [*FILES, *([EXPECTED_ERROR] if error is not None else []), *written]


def exportDicom(result, folder):
    """Write a result's registered scan and its transform as DICOM into a new folder; return what was written.

    The scans' own series are taken from Slicer's DICOM database, where they came from there.
    Raises InputError where pydicom is missing, the folder has content, or a scan was removed.
    """
    from LongitudinalRegistrationLib.dicom.registration_export import REGISTRATION, SERIES, export_registration

    registered = _images(result)[2]
    source, reference = (seriesHeader(volume) for volume in (movingOf(result), fixedOf(result)))
    transform = itkTransformFromNode(result)
    export_registration(Path(folder), registered, transform, source, reference)
    return [SERIES, REGISTRATION] if source is not None else [SERIES]


def _images(result):
    from TableRemovalLib.errors import InputError

    nodes = fixedOf(result), movingOf(result), registeredOf(result)
    if None in nodes:
        raise InputError(_("A scan, or the registered volume, is not in the scene (any more): register again."))
    return [imageFromVolumeNode(node) for node in nodes]


def _pictures(fixed, moving, registered):
    from LongitudinalRegistrationLib.report.pictures import report_pictures

    middle = fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()])
    return report_pictures(fixed, moving, registered, middle)
