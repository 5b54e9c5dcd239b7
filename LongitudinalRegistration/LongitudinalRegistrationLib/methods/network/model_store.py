"""Trained models: weights beside a card (JSON) that says what they are, in Resources/Models."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from TableRemovalLib.errors import InputError

from ...scan.grid import NETWORK_SIZE, NETWORK_SPACING_MM
from .architectures.catalogue import DEFAULT_NETWORK, network_options, spacing_of

MISSING = "The model's file {} is missing: reinstall, or use --method niftyreg."
OTHER = "The model's file {} does not match its card {}: reinstall it."
MODELS_FOLDER = Path(__file__).resolve().parents[3] / "Resources" / "Models"


CONVERTED = ("onnx", "compiled")
"""The forms beside Keras's that a card can name."""


@dataclass(frozen=True)
class Model:
    """A model as its card describes it.

    Attributes
    ----------
    name
        Of the model.
    network
        Name of the architecture.
    options
        What it is built with (see build_network).
    size
        Grid (i, j, k) it was made for.
    spacing_mm
        Of that grid, isotropic.
    largest_displacement_mm
        Largest component in training.
    weights
        The file for Keras.
    sha256
        Of that file.
    card
        The card's content.
    onnx
        The same for ONNX Runtime; None where the model was not converted to that.
    compiled
        The same for compiled code; None where the model was not converted to that.
    """

    name: str
    network: str
    options: dict
    size: tuple[int, int, int]
    spacing_mm: float
    largest_displacement_mm: float
    weights: Path
    sha256: str
    card: dict
    onnx: Path | None = None
    compiled: Path | None = None


def trained_model(
    network: str, weights: Path, leaky_slope: float, largest_displacement_mm: float, flow_resolution: str = "half"
) -> Model:
    """A model that has no card yet, on the box of the paper's grid."""
    spacing = spacing_of(network)
    (i, j, k), ratio = NETWORK_SIZE, NETWORK_SPACING_MM / spacing
    return Model(
        name=network,
        network=network,
        options=network_options(network, leaky_slope, flow_resolution),
        size=(round(i * ratio), round(j * ratio), round(k * ratio)),
        spacing_mm=spacing,
        largest_displacement_mm=largest_displacement_mm,
        weights=Path(weights),
        sha256=hashlib.sha256(Path(weights).read_bytes()).hexdigest(),
        card={},
    )


def find_model(network: str = DEFAULT_NETWORK, folder: Path | None = None) -> Model:
    """Read the card of the model that ships for a network.

    Raises
    ------
    InputError
        If there is no such card, or a file that it names is missing or another one.
    """
    folder = Path(folder) if folder else MODELS_FOLDER
    path = folder / f"{network}.json"
    if not path.exists():
        raise InputError(f"There is no model {network} in {folder}: reinstall, or use --method niftyreg.")
    card = json.loads(path.read_text())
    _check_file(folder / card["weights"], card["sha256"], path)
    converted = {form: folder / card[form]["file"] for form in CONVERTED if form in card}
    for form, file in converted.items():
        _check_file(file, card[form]["sha256"], path)
    return Model(
        name=card["name"],
        network=card["network"],
        options=card.get("network_options", {}),
        size=tuple(card["grid"]["size"]),
        spacing_mm=float(card["grid"]["spacing_mm"]),
        largest_displacement_mm=float(card["largest_displacement_mm"]),
        weights=folder / card["weights"],
        sha256=card["sha256"],
        card=card,
        **converted,
    )


@cache
def shipped_checksums() -> dict[str, str]:
    """Name the weights that ship, so that a result can say which ones it came from.

    Returns
    -------
    dict
        Network to the SHA-256 of its weights, from their cards.
    """
    cards = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(MODELS_FOLDER.glob("*.json"))}
    return {name: card["sha256"] for name, card in cards.items()}


def checked_content(model: Model, form: str) -> bytes:
    """Read a converted form of a model, and check what was read: it may have changed since the model was found.

    Parameters
    ----------
    model
        From find_model.
    form
        One of CONVERTED that the model has.

    Returns
    -------
    bytes
        Of the file.

    Raises
    ------
    InputError
        If the file is missing, or is not the one that its card names.
    """
    path: Path = getattr(model, form)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(MISSING.format(path)) from error
    if hashlib.sha256(content).hexdigest() != model.card[form]["sha256"]:
        raise InputError(OTHER.format(path, f"{model.name}.json"))
    return content


def _check_file(path: Path, sha256: str, card: Path) -> None:
    if not path.exists():
        raise InputError(MISSING.format(path))
    state = path.stat()
    if _sha256(path, state.st_size, state.st_mtime_ns) != sha256:
        raise InputError(OTHER.format(path, card.name))


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """SHA-256 of a file, computed once in a process as long as its size and time of change stay."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
