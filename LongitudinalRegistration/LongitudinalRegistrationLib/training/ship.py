"""Put the weights of a training run into Resources/Models, with their card.

    python -m LongitudinalRegistrationLib.training.ship RUN --data DATA.json [--scores SCORES.json]

DATA.json holds the card's entries that only people know: what_it_is, data (with attributions), held_out.
SCORES.json is what `evaluation.model_scores` printed; ship once without it, score, and ship again with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from ..grid import NETWORK_SIZE, NETWORK_SPACING_MM
from ..network.model_store import MODELS_FOLDER
from ..network.vxm2 import LEAKY_SLOPE
from ..versions import CODE_VERSION

WEIGHTS = "vxm2_half.weights.h5"


def card_of(run: Path, data: dict, scores: dict | None) -> dict:
    """The card of a run: what the program reads first, then what people read.

    Parameters
    ----------
    run
        Folder of a training run: weights, options.json, log.csv.
    """
    options = json.loads((run / "options.json").read_text())
    step, _, _, error, start, seconds = (run / "log.csv").read_text().split()[-1].split(",")
    return {
        "name": "vxm2",
        "network": "vxm2",
        "flow_resolution": "half",
        "leaky_slope": LEAKY_SLOPE,
        "grid": {"size": list(NETWORK_SIZE), "spacing_mm": NETWORK_SPACING_MM},
        "intensities": "HU from -1024 to the body's 99th percentile, as 0 to 1; air outside the body",
        "largest_displacement_mm": options["delta_mm"],
        "weights": "vxm2.weights.h5",
        "sha256": hashlib.sha256((run / WEIGHTS).read_bytes()).hexdigest(),
        **data,
        "seed": options["seed"],
        "options": options,
        "steps": int(step),
        "training_seconds": int(seconds),
        "last_training_error_voxels": {"start": float(start), "end": float(error)},
        "code_version": CODE_VERSION,
        "scores": scores or {},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--out", type=Path, default=MODELS_FOLDER)
    arguments = parser.parse_args()
    scores = json.loads(arguments.scores.read_text()) if arguments.scores else None
    card = card_of(arguments.run, json.loads(arguments.data.read_text()), scores)
    shutil.copy(arguments.run / WEIGHTS, arguments.out / card["weights"])
    (arguments.out / "vxm2.json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
