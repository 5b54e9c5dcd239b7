"""The other ways to register, each a function (fixed, moving, seconds) -> sitk transform from fixed to moving points.

fixed and moving are scans without table on 2 mm voxels, HU; `seconds` takes the time of each stage.

    python Testing/Benchmarks/peers.py METHOD FOLDER

runs one of them, in a process of its own, on FOLDER/fixed.nii and moving.nii, writes FOLDER/METHOD.h5, and prints
seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

THREADS = 2
AIR_HU = -1024.0


@contextmanager
def timed(seconds: dict[str, float], name: str):
    """Add the time of a block to seconds[name]."""
    begun = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begun


def niftyreg(fixed, moving, seconds):
    """reg_aladin and reg_f3d with their defaults, on intensities stretched as in the paper (see run.stretched)."""
    from LongitudinalRegistrationLib.field.transforms import compose
    from LongitudinalRegistrationLib.methods.niftyreg.binaries import find_programs
    from LongitudinalRegistrationLib.methods.niftyreg.run import aladin, f3d

    programs = find_programs()
    with timed(seconds, "reg_aladin"):
        affine = aladin(programs, fixed, moving, THREADS)
    with timed(seconds, "reg_f3d"):
        field = f3d(programs, fixed, moving, affine, THREADS)
    return compose(affine, field)


def greedy(fixed, moving, seconds):
    """greedy: affine from the image centres, then deformable, normalised correlation in both."""
    from picsl_greedy import Greedy3D

    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / name) for name in ("f.nii", "m.nii", "affine.mat", "warp.nii")]
        sitk.WriteImage(fixed, names[0])
        sitk.WriteImage(moving, names[1])
        program, images, silent = (
            Greedy3D(),
            f"-d 3 -threads {THREADS} -i {names[0]} {names[1]} -bg -1024",
            open("/dev/null", "w"),
        )
        with timed(seconds, "affine"):
            program.execute(
                f"{images} -a -dof 12 -ia-image-centers -m NCC 2x2x2 -n 100x50x10 -o {names[2]}", out=silent
            )
        with timed(seconds, "deformable"):
            program.execute(f"{images} -it {names[2]} -m NCC 2x2x2 -n 100x50x10 -o {names[3]}", out=silent)
        matrix = np.loadtxt(names[2])
        warp = sitk.ReadImage(names[3], sitk.sitkVectorFloat64)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    matrix = flip @ matrix @ flip
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(warp)])


def _aligned(fixed, moving, seconds):
    """Our own affine step, for peers that have none of their own."""
    from LongitudinalRegistrationLib.methods.affine.align import align
    from LongitudinalRegistrationLib.pipeline.warm_up import warm_up
    from LongitudinalRegistrationLib.scan.pyramid import make_pyramid

    warm_up()
    with timed(seconds, "affine"):
        scans = [make_pyramid(sitk.Cast(image, sitk.sitkInt16), table_removal=False) for image in (fixed, moving)]
        return align(*scans).transform


def _windowed(image):
    return sitk.ShiftScale(sitk.Clamp(image, sitk.sitkFloat32, -200.0, 400.0), 200.0, 1 / 600.0)


def demons(fixed, moving, seconds):
    """ITK's fast symmetric forces demons at 16, 8 and 4 mm, after our affine."""
    affine = _aligned(fixed, moving, seconds)
    with timed(seconds, "deformable"):
        field = None
        for spacing, iterations, smoothing in ((16.0, 60, 1.5), (8.0, 40, 1.5), (4.0, 30, 1.5)):
            factor = spacing / fixed.GetSpacing()[0]
            size = [int(np.ceil(n / factor)) for n in fixed.GetSize()]
            reference = sitk.Image(size, sitk.sitkUInt8)
            reference.SetSpacing([spacing] * 3)
            reference.SetOrigin(fixed.GetOrigin())
            images = [sitk.SmoothingRecursiveGaussian(_windowed(image), spacing / 2) for image in (fixed, moving)]
            pair = [
                sitk.Resample(image, reference, transform, sitk.sitkLinear, 0.0)
                for image, transform in zip(images, (sitk.Transform(3, sitk.sitkIdentity), affine), strict=True)
            ]
            filter_ = sitk.FastSymmetricForcesDemonsRegistrationFilter()
            filter_.SetNumberOfIterations(iterations)
            filter_.SetStandardDeviations(smoothing)
            if field is None:
                field = sitk.Image(size, sitk.sitkVectorFloat64, 3)
                field.CopyInformation(reference)
            field = sitk.Resample(field, reference, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear)
            field = filter_.Execute(*pair, field)
        from LongitudinalRegistrationLib.field.transforms import compose

        return compose(affine, field)


def bspline(fixed, moving, seconds):
    """SimpleITK's B-spline registration: 40 mm mesh, doubled twice, mutual information, after our affine."""
    affine = _aligned(fixed, moving, seconds)
    images = [_windowed(image) for image in (fixed, moving)]
    extent = np.array(fixed.GetSize()) * np.array(fixed.GetSpacing())
    mesh = [max(int(round(e / 40.0)), 2) for e in extent]
    with timed(seconds, "deformable"):
        spline = sitk.BSplineTransformInitializer(fixed, mesh, 3)
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(32)
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(0.05, 1)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetMovingInitialTransform(affine)
        method.SetInitialTransformAsBSpline(spline, inPlace=True, scaleFactors=[1, 2, 2])
        method.SetShrinkFactorsPerLevel([4, 2, 2])
        method.SetSmoothingSigmasPerLevel([2, 1, 1])
        method.SetOptimizerAsLBFGS2(numberOfIterations=40)
        method.Execute(*images)
    return sitk.CompositeTransform([affine, spline])


PEERS = {"niftyreg": niftyreg, "greedy": greedy, "demons": demons, "bspline": bspline}


def main() -> None:
    """Run the peer that the command line names."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    fixed, moving = (sitk.ReadImage(str(folder / f"{side}_2mm.nii")) for side in ("fixed", "moving"))
    seconds: dict[str, float] = {}
    transform = PEERS[name](fixed, moving, seconds)
    sitk.WriteTransform(transform, str(folder / f"{name}.h5"))
    kilobytes = max(_own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    print(json.dumps({"seconds": seconds, "peak_gb": kilobytes / 2**20}))


def _own_peak() -> float:
    """The most memory this process had, KB (Linux); getrusage would count what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
