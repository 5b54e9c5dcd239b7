"""Put the weights of a training run into Resources/Models, with their card.

    python -m LongitudinalRegistrationLib.training.ship RUN --notes NOTES.json [--scores SCORES.json]

RUN is the folder of a finished run without folds. NOTES.json holds the card's entries that only people know:
what_it_is, data (with attributions), held_out, command. SCORES.json is what `longct evaluate --out` wrote; ship once
without it, score, and ship again with it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..methods.network.model_store import MODELS_FOLDER, trained_model
from ..system.files import write_atomically, write_json
from ..system.versions import CODE_VERSION
from .config import TrainingConfig
from .session import RESULT, WEIGHTS, kept_config

PATHS = ("manifest", "initial_weights")


def largest_mm(config: TrainingConfig) -> float:
    """The largest displacement component that a run trained on, mm."""
    return config.motion.largest_mm if config.scheme == "pooled" else config.simulator.delta_mm


def card_of(run: Path, notes: dict, scores: dict | None) -> dict:
    """The card of a run: what the program reads first, then what people read.

    Parameters
    ----------
    run
        Folder of a finished run, without folds.
    """
    config = kept_config(run)
    weights = run / "all" / WEIGHTS
    model = trained_model(config.network, weights, config.leaky_slope, largest_mm(config), config.flow_resolution)
    options = config.content()
    options.update({name: Path(options[name]).name for name in PATHS if options[name]})
    result = json.loads((run / "all" / RESULT).read_text(encoding="utf-8"))
    return {
        "name": model.name,
        "network": model.network,
        "network_options": model.options,
        "grid": {"size": list(model.size), "spacing_mm": model.spacing_mm},
        "intensities": "HU from -1024 to the body's 99th percentile, as 0 to 1; air outside the body",
        "largest_displacement_mm": model.largest_displacement_mm,
        "weights": f"{model.name}.weights.h5",
        "sha256": model.sha256,
        **notes,
        "seed": config.seed,
        "options": options,
        "steps": result["steps"],
        "training": {name: value for name, value in result.items() if name not in ("split", "steps", "versions")},
        "code_version": CODE_VERSION,
        "versions": result["versions"],
        "scores": scores or {},
    }


def ship(run: Path, notes: dict, scores: dict | None, folder: Path = MODELS_FOLDER) -> Path:
    """Put the weights of a run and their card where models ship.

    Parameters
    ----------
    run
        Folder of a finished run, without folds.
    notes
        What the card says beside what the run knows.
    scores
        As from `longct evaluate`; None: not yet.
    folder
        Where to.

    Returns
    -------
    pathlib.Path
        The card.
    """
    card = card_of(run, notes, scores)
    weights = (run / "all" / WEIGHTS).read_bytes()
    write_atomically(folder / card["weights"], ".weights.h5", lambda name: Path(name).write_bytes(weights))
    return write_json(card, folder / f"{card['name']}.json")


def main() -> None:
    """Ship the run that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    arguments = parser.parse_args()
    scores = json.loads(arguments.scores.read_text()) if arguments.scores else None
    print(ship(arguments.run, json.loads(arguments.notes.read_text()), scores))


if __name__ == "__main__":
    main()
