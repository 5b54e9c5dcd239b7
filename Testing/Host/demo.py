"""`make demo`: a sample pair (or your own scans), table removal, registration, table of scores, picture, window.

The views run in their own process, which gets ready beside the registration.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MADE = "made.json"
SAMPLE = ("--samples-per-slice", 3)
"""A slice of the sample shows its thickness, as a scanner's does."""


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=1, help="which synthetic patient")
    parser.add_argument("--fixed", type=Path, help="your baseline scan: file or DICOM folder")
    parser.add_argument("--moving", type=Path, help="your follow-up scan")
    parser.add_argument("--fixed-labels", type=Path)
    parser.add_argument("--moving-labels", type=Path)
    parser.add_argument("--method", default="auto", choices=["auto", "cost-volume", "vxm2", "niftyreg", "refinement"])
    arguments = parser.parse_args()
    if (arguments.fixed is None) != (arguments.moving is None):
        parser.error("give both FIXED=... and MOVING=..., or neither")
    return arguments


def _longct(*words) -> None:
    """Run a command of longct in this process; leave with its exit code where it fails."""
    from LongitudinalRegistrationLib.cli.main import main

    code = main([str(word) for word in words])
    if code:
        sys.exit(code)


def _made_by(seed: int) -> str:
    """What stands for the sample pair of a seed, as the phantom's code makes it now."""
    import LongitudinalRegistrationLib.phantom as phantom

    sources = sorted(Path(phantom.__file__).parent.glob("*.py"))
    return hashlib.sha256(
        b"".join([str((seed, SAMPLE)).encode(), *(path.read_bytes() for path in sources)])
    ).hexdigest()


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.*")) if path.name != MADE}


def _is_there(folder: Path, made_by: str) -> bool:
    """Whether an earlier demo has left the same pair, whole."""
    try:
        return json.loads((folder / MADE).read_text()) == {"made_by": made_by, "files": _sizes(folder)}
    except (OSError, ValueError):
        return False


def _sample_pair(arguments) -> dict[str, Path]:
    folder, made_by = arguments.out / "sample", _made_by(arguments.seed)
    if _is_there(folder, made_by):
        print(f"The sample pair (seed {arguments.seed}) is in {folder} from before.", flush=True)
    else:
        print(f"Making the sample pair (seed {arguments.seed}) ...", flush=True)
        (folder / MADE).unlink(missing_ok=True)
        _longct("phantom", "--out", folder, "--seed", arguments.seed, *SAMPLE)
        (folder / MADE).write_text(json.dumps({"made_by": made_by, "files": _sizes(folder)}))
    return {
        "fixed": folder / "baseline.nii.gz",
        "moving": folder / "followup.nii.gz",
        "fixed-labels": folder / "baseline_vertebrae.nii.gz",
        "moving-labels": folder / "followup_vertebrae.nii.gz",
    }


def _own_pair(arguments) -> dict[str, Path]:
    pair = {
        "fixed": arguments.fixed,
        "moving": arguments.moving,
        "fixed-labels": arguments.fixed_labels,
        "moving-labels": arguments.moving_labels,
    }
    return {role: path for role, path in pair.items() if path is not None}


def main() -> None:
    arguments = _arguments()
    pair = _sample_pair(arguments) if arguments.fixed is None else _own_pair(arguments)
    result = arguments.out / "result"
    print("\nRegistering ...\n", flush=True)
    words = [word for role, path in pair.items() for word in (f"--{role}", path)]
    picture = arguments.out / "registration.png"
    show = [sys.executable, HERE / "show.py", "--wait", "--result", result, "--picture", picture, *words]
    # Started now, the views are ready when the result is; they end if their input is closed before a word came.
    with subprocess.Popen(show, stdin=subprocess.PIPE) as views:
        _longct("register", "--out", result, "--overwrite", "--method", arguments.method, *words)
        views.communicate(b"show\n")
    sys.exit(views.returncode)


if __name__ == "__main__":
    main()
