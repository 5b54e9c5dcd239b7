"""A cohort of slabs of a small phantom: registrations of a second each, of which one cannot be read."""

import SimpleITK as sitk
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions

OPTIONS = RegistrationOptions(method="refinement")
SLABS = {"A": ((20, 34), (21, 35), (22, 36)), "B": ((24, 38), (25, 39), (26, 40))}
BROKEN = "B3.nii.gz"


def write_cohort(pair, folder):
    """Write a baseline and three slabs of the follow-up for two patients; one file is cut off."""
    rows = ["patient,time_point,image,labels,truth,split"]
    sitk.WriteTransform(pair.true_transform, str(folder / "truth.h5"))
    for patient, slabs in SLABS.items():
        scans = [(pair.baseline, slabs[0], ""), *((pair.followup, slab, "truth.h5") for slab in slabs)]
        for number, (scan, (first, stop), truth) in enumerate(scans):
            name = f"{patient}{number}"
            sitk.WriteImage(scan.image[:, :, first:stop], str(folder / f"{name}.nii.gz"))
            sitk.WriteImage(scan.vertebrae[:, :, first:stop], str(folder / f"{name}_labels.nii.gz"))
            rows.append(f"{patient},{number},{name}.nii.gz,{name}_labels.nii.gz,{truth},fold1")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    whole = (folder / BROKEN).read_bytes()
    (folder / BROKEN).write_bytes(whole[:2000])
    return whole
