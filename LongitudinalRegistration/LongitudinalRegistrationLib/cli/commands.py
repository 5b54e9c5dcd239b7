"""What each command of `longct` does."""

from __future__ import annotations

import argparse
import collections
import csv
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.options import TableRemovalOptions

from ..scan.read import read_image
from ..scan.write import EXPECTED_ERROR, image_suffix, write_image, write_transform
from ..system.files import ready_folder, results_folder, write_json, write_text
from ..system.staged_files import StagedFiles
from .apply_command import apply
from .changes_command import changes
from .cohort_commands import cohort
from .cohort_phantom import phantom_cohort
from .console import Console
from .export_commands import export_dicom
from .import_commands import import_set
from .inputs import check_memory_of_both, check_not_input, is_same_place, read_transform
from .invert_command import invert
from .training_commands import evaluate, simulate, train

REGISTER_FILES = (
    *("registered.nii.gz", "registered_labels.nii.gz", "dvf.nii.gz", "transform.h5", EXPECTED_ERROR),
    *("report.json", "report.html", "vertebrae.csv"),
)


def info(arguments: argparse.Namespace, console: Console) -> None:
    """Versions and what is missing."""
    from ..methods.network.architectures.catalogue import DEFAULT_NETWORK
    from ..methods.network.model_store import find_model
    from ..methods.network.runtime import runtime_missing, runtime_words, tensorflow_missing
    from ..methods.niftyreg.binaries import find_programs
    from ..system.versions import versions

    def runs(network: str) -> str:
        missing = runtime_missing(network)
        return f"missing: {missing}" if missing else f"runs in {runtime_words(network)}, float32"

    def state(find: Callable[[], str]) -> str:
        try:
            return find()
        except InputError as error:
            return f"missing: {error}"

    installed = versions()
    content = {
        "versions": installed,
        "network": runs(DEFAULT_NETWORK),
        "vxm2": runs("vxm2"),
        "training": f"missing: {missing}" if (missing := tensorflow_missing()) else "present",
        "niftyreg": state(lambda: f"present: {find_programs()['reg_f3d'].parent}"),
        "model": state(lambda: f"present: {find_model().name}"),
    }
    lines = [f"{name:<12} {value or 'not installed'}" for name, value in installed.items()]
    lines += ["", *(f"{name:<12} {content[name]}" for name in ("network", "vxm2", "training", "niftyreg", "model"))]
    console.result(content, "\n".join(lines))


def install(arguments: argparse.Namespace, console: Console) -> None:
    """Fetch NiftyReg."""
    from ..methods.niftyreg.binaries import install as fetch

    folder = fetch(arguments.folder)
    console.result({"niftyreg": str(folder)}, f"NiftyReg is in {folder}")


def phantom(arguments: argparse.Namespace, console: Console) -> None:
    """Make and write the synthetic pair, or a cohort."""
    if arguments.cohort:
        phantom_cohort(arguments, console)
        return
    from ..phantom import PhantomOptions, make_phantom, write_phantom

    options = PhantomOptions(
        size=arguments.size, slices=arguments.slices, samples_per_slice=arguments.samples_per_slice
    )
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    with results_folder(arguments.out) as folder:
        pair = make_phantom(arguments.seed, options, lambda part: console.progress("phantom", 0.7 * part))
        write_phantom(pair, folder)
    console.progress("phantom", 1.0)
    files = sorted(path.name for path in folder.iterdir() if path.name.startswith(("baseline", "followup", "true")))
    text = f"In {folder}:\n" + "\n".join(f"  {name}" for name in files)
    console.result({"folder": str(folder), "files": files}, text)


def remove_table(arguments: argparse.Namespace, console: Console) -> None:
    """Mask a scan and write it."""
    from TableRemovalLib.body_mask import apply_body_mask, compute_body_mask
    from TableRemovalLib.validate import validate_ct

    outputs = [path for path in (arguments.output, arguments.mask_out, arguments.report) if path is not None]
    for path in outputs:
        check_not_input(path, arguments.input)
        ready_folder(path.parent)
    for path in outputs[: 1 + (arguments.mask_out is not None)]:
        image_suffix(path)
    options = TableRemovalOptions(
        method=arguments.method,
        threshold=arguments.threshold,
        seed_ij=arguments.seed,
        seed_size=arguments.seed_size,
        fill_hu=arguments.fill_hu,
    )
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    image = read_image(arguments.input, arguments.series, arguments.acquisition)
    validate_ct(image, arguments.input.name)
    found = compute_body_mask(image, options, lambda part: console.progress("body_mask", part))
    write_image(apply_body_mask(image, found.mask, options.fill_hu), arguments.output)
    if arguments.mask_out:
        write_image(found.mask, arguments.mask_out)
    litres = sitk.GetArrayViewFromImage(found.mask).sum() * _voxel_ml(image) / 1000
    flagged = [record for record in found.slices if record.flags]
    content = {
        "output": str(arguments.output),
        "body_litres": round(float(litres), 3),
        "seconds": round(found.seconds, 3),
        "remark": found.remark,
        "options": asdict(options),
        "slices": [asdict(record) for record in found.slices],
    }
    if arguments.report:
        write_json(content, arguments.report)
    text = f"Body of {litres:.1f} litres in {len(found.slices)} slices, {found.seconds:.1f} s; in {arguments.output}"
    if found.remark:
        text += f"\nNote: {found.remark}"
    if flagged:
        counts = collections.Counter(flag for record in flagged for flag in record.flags)
        reasons = ", ".join(f"{flag} in {count}" for flag, count in counts.most_common())
        text += f"\n{len(flagged)} slices to look at: {reasons} (which: --report R.json)"
    console.result(content, text)


def _voxel_ml(image: sitk.Image) -> float:
    x, y, z = image.GetSpacing()
    return x * y * z / 1000


def register(arguments: argparse.Namespace, console: Console) -> None:
    """Register two scans and write the results."""
    from ..methods.refinement.options import RefinementOptions
    from ..pipeline.options import RegistrationOptions
    from ..pipeline.registration import Registered, check_ready
    from ..pipeline.registration import register as run
    from ..pipeline.report_content import report_content
    from ..pipeline.stages import Stages
    from ..pipeline.warm_up import load_beside
    from ..report.content import report_text
    from ..report.files import write_report
    from ..report.pictures import central_point, report_pictures

    options = RegistrationOptions(
        method=arguments.method,
        table_removal=not arguments.no_table_removal,
        affine=not arguments.no_affine,
        refinement=not arguments.no_refinement,
        network=arguments.network,
        threads=arguments.threads,
        refinement_options=RefinementOptions(effort=arguments.effort, budget_seconds=arguments.budget),
    )
    check_ready(options)
    inputs = {
        "fixed": arguments.fixed,
        "moving": arguments.moving,
        "fixed_labels": arguments.fixed_labels,
        "moving_labels": arguments.moving_labels,
        "keep_volume": arguments.keep_volume,
    }
    for name in REGISTER_FILES:
        check_not_input(arguments.out / name, *inputs.values())
    if is_same_place(arguments.fixed, arguments.moving) and not _names_a_part(arguments):
        raise InputError("Baseline and follow-up are the same: give two scans.")
    stages = Stages(console.progress)
    check_memory_of_both(arguments)
    load_beside(options)
    with results_folder(arguments.out, REGISTER_FILES, arguments.overwrite) as folder, StagedFiles(folder) as staged:

        def write_registered(registered: Registered) -> None:
            staged.write("transform.h5", partial(write_transform, registered.transform))
            staged.write("dvf.nii.gz", lambda path: write_image(registered.dvf, path))
            staged.write("registered.nii.gz", partial(write_image, registered.image))

        with stages.stage("read"):
            fixed, moving, fixed_labels, moving_labels, keep_volume = _read_inputs(arguments)
            doubts = _patient_warnings(arguments)
        result = run(
            fixed,
            moving,
            options,
            fixed_labels,
            moving_labels,
            stages=stages,
            keep_volume=keep_volume,
            on_registered=write_registered,
        )
        result = replace(result, warnings=(*result.warnings, *doubts))
        with stages.stage("write"):
            if result.expected_error is not None:
                staged.write(EXPECTED_ERROR, partial(write_image, result.expected_error))
            if result.registered_labels is not None:
                staged.write("registered_labels.nii.gz", partial(write_image, result.registered_labels))
            point = central_point(result.common_centre, fixed_labels)
            pictures = report_pictures(fixed, moving, result.registered, point)
            content = report_content(result, inputs, {"fixed": fixed, "moving": moving}, arguments.names)
            staged.wait()
        content["seconds"] = stages.report()
        write_report(staged.folder, content, pictures)
        staged.publish(REGISTER_FILES)
    console.result(
        {**content, "folder": str(folder)}, f"{report_text(content)}{label_note(inputs)}\n\nResults       {folder}"
    )


def label_note(inputs: Mapping[str, Path | str | None]) -> str:
    """Say where labels of one scan alone were given, for no vertebra is scored then; else nothing.

    Parameters
    ----------
    inputs
        Paths, by the names `fixed_labels` and `moving_labels`.
    """
    missing = [role for role in ("fixed", "moving") if not inputs.get(f"{role}_labels")]
    return f"\n\nNote          No DSC: it needs --{missing[0]}-labels too." if len(missing) == 1 else ""


def _read_inputs(
    arguments: argparse.Namespace,
) -> tuple[sitk.Image, sitk.Image, sitk.Image | None, sitk.Image | None, sitk.Image | None]:
    """The scans and the labels and mask that were given, beside each other; whoever interrupts does not wait for it."""
    readers = ThreadPoolExecutor(thread_name_prefix="longct-read")
    try:
        fixed = readers.submit(read_image, arguments.fixed, arguments.fixed_series, arguments.fixed_acquisition)
        moving = readers.submit(read_image, arguments.moving, arguments.moving_series, arguments.moving_acquisition)
        paths = (arguments.fixed_labels, arguments.moving_labels, arguments.keep_volume)
        given = [readers.submit(read_image, path) if path else None for path in paths]
        of_fixed, of_moving, kept = (future.result() if future else None for future in given)
        return fixed.result(), moving.result(), of_fixed, of_moving, kept
    finally:
        readers.shutdown(wait=False, cancel_futures=True)


def _patient_warnings(arguments: argparse.Namespace) -> list[str]:
    """What the DICOM headers say against registering the scans with each other."""
    from ..scan.dicom_series import are_of_two_patients

    folders, series = (arguments.fixed, arguments.moving), (arguments.fixed_series, arguments.moving_series)
    if all(folder.is_dir() for folder in folders) and are_of_two_patients(*folders, *series):
        return ["The DICOM headers name two patients: make sure that the scans are of one."]
    return []


def _names_a_part(arguments: argparse.Namespace) -> bool:
    """Whether the scans are chosen out of one folder by series or acquisition."""
    return any(
        (arguments.fixed_series, arguments.moving_series, arguments.fixed_acquisition, arguments.moving_acquisition)
    )


def score(arguments: argparse.Namespace, console: Console) -> None:
    """DSC of every label before and after a transform."""
    from ..evaluation.scores import score_labels
    from ..report.content import dsc_content, mean_dsc
    from ..scan.label_checks import check_label_volume

    if arguments.csv:
        ready_folder(arguments.csv.parent)
    transform = read_transform(arguments.transform)
    fixed, moving = read_image(arguments.fixed_labels), read_image(arguments.moving_labels)
    for image, path in ((fixed, arguments.fixed_labels), (moving, arguments.moving_labels)):
        check_label_volume(image, f"The labels in {path}")
    scores = score_labels(fixed, moving, {"before": None, "after": transform})
    if not any(score.in_fixed and score.in_moving for score in scores):
        raise InputError("No label is in both volumes: give the labels of both scans, with the same numbers.")
    rows = [(s.label, s.name, s.dsc["before"], s.dsc["after"]) for s in scores]
    means = {step: mean_dsc(scores, step) for step in ("before", "after")}
    if arguments.csv:
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["label", "name", "dsc_before", "dsc_after"])
        writer.writerows([label, name, f"{before:.4f}", f"{after:.4f}"] for label, name, before, after in rows)
        write_text(table.getvalue(), arguments.csv)
    lines = [f"{name:<6} {before:.3f}  {after:.3f}" for _, name, before, after in rows]
    text = "\n".join(["       before after", *lines, f"mean   {means['before']:.3f}  {means['after']:.3f}"])
    console.result({"dsc": dsc_content(scores), "mean_dsc": means}, text)


COMMANDS = {
    "info": info,
    "install": install,
    "phantom": phantom,
    "remove-table": remove_table,
    "register": register,
    "apply": apply,
    "changes": changes,
    "invert": invert,
    "export-dicom": export_dicom,
    "score": score,
    "evaluate": evaluate,
    "simulate": simulate,
    "train": train,
    "cohort": cohort,
    "import": import_set,
}
