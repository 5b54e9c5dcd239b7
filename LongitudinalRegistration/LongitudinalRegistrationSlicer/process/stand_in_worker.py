"""Takes the place of LongitudinalRegistrationLib.pipeline.worker in tests: every pair is registered by a shift of 6 mm.

    python -m LongitudinalRegistrationSlicer.process.stand_in_worker FOLDER

NiftyReg is never ready here, so that a test can cancel it. As the real worker, it ends when its input is closed.
"""

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from LongitudinalRegistrationLib.system.shared_arrays import save_image, take_image


def main():
    """Answer as the real worker does."""
    folder, scans, commands = Path(sys.argv[1]), {}, queue.SimpleQueue()

    def say(**event):
        print(json.dumps(event), flush=True)

    def listen():
        for line in sys.stdin:
            commands.put(json.loads(line))
        os._exit(0)

    say(event="ready", seconds=0.1, network="compiled code, numba 0.61.2")
    threading.Thread(target=listen, daemon=True).start()
    while True:
        command = commands.get()
        if command["do"] == "prepare":
            scans[command["scan"]] = take_image(folder, command["image"])
            say(event="prepared", scan=command["scan"], seconds=0.1)
        if command["do"] == "changes":
            say(**changesOf(command, scans, folder))
        if command["do"] != "register":
            continue
        job = command["job"]
        say(event="progress", job=job, stage="affine", fraction=0.5)
        if command["options"]["method"] == "niftyreg":
            time.sleep(600)
        fixed, moving = scans[command["fixed"]], scans[command["moving"]]
        shift = sitk.AffineTransform(3)
        shift.SetTranslation((6.0, 0.0, 0.0))
        matrix = np.eye(4)
        matrix[0, 3] = 6.0
        field = sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3)
        field.SetSpacing([40.0] * 3)
        report = {"method": "niftyreg", "seconds": {"to_transform": 1.0}}
        field = save_image(field, folder, f"field-{job}.npy")
        say(event="transform", job=job, affine=matrix.ravel().tolist(), field=field, report=report)
        warped = save_image(sitk.Resample(moving, fixed, shift, sitk.sitkLinear, -1024), folder, f"warped-{job}.npy")
        say(event="registered", job=job, image=warped)
        report["dsc"] = {"20": {"before": 0.5, "after": 0.9}}
        say(event="result", job=job, report=report)


def changesOf(command, scans, folder):
    """Compare two scans as the real worker does, without bodies and labels."""
    from LongitudinalRegistrationLib.changes.options import ChangeOptions
    from LongitudinalRegistrationLib.pipeline.changes import Labelled, find_all_changes
    from LongitudinalRegistrationLib.pipeline.changes_message import changes_answer, take_transform
    from TableRemovalLib.errors import InputError

    transform, number = take_transform(folder, command["transform"]), command["changes"]
    for record in command["labels"].values():
        take_image(folder, record)
    pair = (Labelled(scans[command[side]]) for side in ("fixed", "moving"))
    try:
        changes = find_all_changes(*pair, transform, ChangeOptions(region=command["region"]))
    except InputError as error:
        return {"event": "changes failed", "changes": number, "message": str(error)}
    return {"event": "changes", "changes": number, **changes_answer(changes, folder, number)}


if __name__ == "__main__":
    main()
