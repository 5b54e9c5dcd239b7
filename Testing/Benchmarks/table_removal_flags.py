"""How many slices of right masks are flagged, and how many of masks made wrong on purpose.

    python Testing/Benchmarks/table_removal_flags.py [--data ../shared/data] [--phantoms 10] [--out docs/benchmarks]

Puts the section "Flags" into table_removal.md. The right mask of a phantom is its true body, that of a real scan what
`robust` finds, which was looked at. Every sixth slice is made wrong in each way; a slice is wrong where that changed
3 cm2 or more. Jumps of the area do not count for wrong slices: where all slices are wrong alike, nothing jumps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE)]

from couch_scenes import LAYING, CouchScene, make_scene  # noqa: E402
from table_removal import FLAGS_BEGIN as BEGIN  # noqa: E402
from table_removal import SCENARIOS  # noqa: E402
from TableRemovalLib.body_mask import compute_body_mask, numeric_view  # noqa: E402
from TableRemovalLib.borders import BORDER_HU  # noqa: E402
from TableRemovalLib.columns import column_statistics  # noqa: E402
from TableRemovalLib.quality import AREA_JUMP, SliceRecord, slice_records  # noqa: E402
from wrong_masks import WAYS, wrong_slices  # noqa: E402

EVERY = 6
PHANTOM_SIZE, PHANTOM_SLICES = 256, 60
END = "<!-- end of the flags -->"


@dataclass(frozen=True)
class FlagCount:
    """slices: of the scan. flagged: those of the right mask. found: by way, flagged and all wrong slices."""

    name: str
    slices: int
    flagged: int
    found: dict[str, tuple[int, int]]


def count_flags(name: str, image: sitk.Image, mask: np.ndarray) -> FlagCount:
    """Count the flags of a right mask and of masks made wrong.

    Parameters
    ----------
    name
        Of the scan.
    image
        CT in HU, axial.
    mask
        The right mask, bool [k, j, i].

    Returns
    -------
    FlagCount
        Slices flagged.
    """
    array, spacing = numeric_view(image), image.GetSpacing()
    columns = column_statistics(array, BORDER_HU)

    def records(of: np.ndarray) -> list[SliceRecord]:
        return slice_records(array, columns, of.astype(np.uint8), spacing, np.zeros(len(of)), [()] * len(of))

    found = {}
    for way, spoil in WAYS.items():
        rng = np.random.default_rng(0)
        spoilt = mask.copy()
        for k in range(0, len(mask), EVERY):
            spoilt[k] = spoil(array[k], mask[k], spacing[:2], rng)
        wrong = wrong_slices(mask, spoilt, spacing)
        flagged = np.array([bool(set(record.flags) - {AREA_JUMP}) for record in records(spoilt)])
        found[way] = int(np.count_nonzero(flagged & wrong)), int(np.count_nonzero(wrong))
    return FlagCount(name, len(mask), sum(bool(record.flags) for record in records(mask)), found)


def real_scans(folder: Path) -> Iterator[tuple[str, sitk.Image]]:
    """Yield name and CT of all scans in a folder: NIfTI files, also one folder down, and DICOM series."""
    for path in sorted(folder.glob("*.nii.gz")) + sorted(folder.glob("*/*.nii.gz")):
        if "vertebrae" not in path.name:
            yield path.name.removesuffix(".nii.gz"), sitk.ReadImage(str(path))
    for path in sorted(folder.glob("*_dicom")):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        yield path.name, reader.Execute()


def counts(data: Path, phantoms: int) -> Iterator[FlagCount]:
    """Yield the counts of all phantoms, of what radiotherapy lies on, then of all real scans."""
    from LongitudinalRegistrationLib.phantom import PhantomOptions, make_phantom

    for seed in range(1, phantoms + 1):
        scenario, switches = SCENARIOS[(seed - 1) % len(SCENARIOS)]
        options = PhantomOptions(size=PHANTOM_SIZE, slices=PHANTOM_SLICES, **switches)
        scan = make_phantom(seed, options).baseline
        yield count_flags(f"phantom, {scenario}", scan.image, sitk.GetArrayFromImage(scan.body) > 0)
    for laying in LAYING:
        image, body = make_scene(CouchScene(laying=laying), np.random.default_rng(1))
        yield count_flags(f"radiotherapy, {laying}", image, body)
    for name, image in real_scans(data):
        yield count_flags(name, image, sitk.GetArrayFromImage(compute_body_mask(image).mask) > 0)


def section(results: list[FlagCount], command: str) -> str:
    """Return the section of the page."""
    lines = [
        BEGIN,
        "",
        "## Flags",
        "",
        f"Written by `{command}`: slices flagged of right masks (target: at most",
    ]
    lines += [
        "5 % of each scan), and of slices made wrong on purpose, flagged of all (target: 90 %). How: see its top.",
        "",
    ]
    lines += ["| scan | right mask, flagged | " + " | ".join(WAYS) + " |", "| --- " * (2 + len(WAYS)) + "|"]
    for result in results:
        ways = " | ".join(f"{hit} of {all_}" if all_ else "-" for hit, all_ in result.found.values())
        lines.append(f"| {result.name} | {result.flagged} of {result.slices} | {ways} |")
    total = [tuple(map(sum, zip(*(r.found[way] for r in results), strict=True))) for way in WAYS]
    shares = " | ".join(f"**{hit / max(1, all_):.1%}**" for hit, all_ in total)
    right = sum(r.flagged for r in results) / sum(r.slices for r in results)
    lines.append(f"| **all** | **{right:.1%}** | {shares} |")
    hit, all_ = map(sum, zip(*total, strict=True))
    lines += ["", f"Wrong slices flagged, all ways together: {hit} of {all_}, {hit / all_:.1%}.", "", END]
    return "\n".join(lines)


def put_section(page: Path, text: str) -> None:
    """Replace the section in a page, or put it at its end."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    if BEGIN in old:
        before, rest = old.split(BEGIN)
        old = before + text + rest.split(END)[1]
    else:
        old = old.rstrip("\n") + "\n\n" + text + "\n"
    page.write_text(old, encoding="utf-8")


def main() -> None:
    """Count everything and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with real scans")
    parser.add_argument("--phantoms", type=int, default=10, help="how many phantoms, the scenarios in turn")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of table_removal.md")
    arguments = parser.parse_args()
    results = []
    for result in counts(arguments.data, arguments.phantoms):
        print(result, flush=True)
        results.append(result)
    command = f"python Testing/Benchmarks/table_removal_flags.py --phantoms {arguments.phantoms}"
    put_section(arguments.out / "table_removal.md", section(results, command))


if __name__ == "__main__":
    main()
