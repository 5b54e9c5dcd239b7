"""Options of a training run, read from a JSON file."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from TableRemovalLib.errors import InputError

from ..methods.network.architectures.catalogue import DEFAULT_NETWORK, DIVISOR, NETWORKS
from ..methods.network.architectures.compute import COMPUTE
from .simulation.appearance import AppearanceOptions
from .simulation.motion import MotionOptions
from .simulation.simulator import SimulatorOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")

SCHEMES = ("incremental", "single", "pooled")
PAPER: dict = {
    "network": "vxm2",
    "leaky_slope": 0.5,
    "centred_first_layer": False,
    "clip_norm": 0.0,
    "block": [256, 160, 160],
    "learning_rate": [1e-4, 1e-6],
    "loss": {"end_point": 0.0, "ncc": 1.0, "diffusion": 1.0, "expected_error": 0.0},
}
"""What the paper's schemes take where a configuration is silent; K and the patience are those of IncrementalOptions."""


@dataclass(frozen=True)
class LossOptions:
    """Weights of the parts of the loss.

    end_point: error against the known field, every step of the network counted (multi-scale), the last one most;
    ncc: local NCC of the fixed and the warped image; diffusion: smoothness of the field on the input's voxels, to which
    a coarser one is interpolated, in voxels, as in the paper, so that its weight is the paper's lambda;
    inverse_consistency: the field from moving to fixed must undo the one from fixed to moving;
    expected_error: likelihood of the end-point error under the error that the network expects, if it expects one;
    it does not change what the network is taught to answer.
    The paper's loss is ncc 1, diffusion 1, the others 0 (section 3.3, eq. 2 to 5).
    """

    end_point: float = 1.0
    ncc: float = 0.0
    diffusion: float = 0.0
    inverse_consistency: float = 0.0
    expected_error: float = 0.1

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        values = asdict(self)
        if not all(0 <= value < math.inf for value in values.values()) or self.end_point + self.ncc == 0:
            return False, "no part of the loss may be negative, and end_point or ncc must be positive."
        return True, ""


@dataclass(frozen=True)
class IncrementalOptions:
    """The paper's scheme (section 3.3): one volume after the other, each with its deformed copies.

    deformations: K, copies per volume, the paper's 30; validation_deformations: copies that are set apart, half of them
    to monitor, half to test; validation_steps: pairs of one validation; patience: epochs without a better validation
    before an iteration ends; most_epochs: an iteration ends then at the latest; passes: how often the cohort is gone
    through.
    """

    deformations: int = 30
    validation_deformations: int = 20
    validation_steps: int = 50
    patience: int = 20
    most_epochs: int = 100
    passes: int = 1

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        for name, value in asdict(self).items():
            if value < 1:
                return False, f"{name} must be 1 or more, it is {value}."
        if self.validation_deformations < 2:
            return False, "validation_deformations must be 2 or more: half of them monitor, half are kept for testing."
        return True, ""


@dataclass(frozen=True)
class PooledOptions:
    """Random blocks of all scans, a new motion each.

    steps: gradient steps; minutes: the run ends then if its steps are not done, 0 for no limit, and the learning rate
    falls with whichever is further; validation_pairs: fixed pairs to monitor with; workers: processes that draw pairs
    beside the one that trains, 0 for none; stretched: how many copies of every scan are trained on beside it, each
    stretched or compressed along its three axes by up to a quarter; repeats: how often a pair is used, 2 or more for a
    device that is faster than the workers: batches are then drawn from the latest pairs, mirrored at random along two
    axes; lung_share: how often a block is centred in a lung, any voxel of all lungs alike.
    """

    steps: int = 6000
    minutes: float = 0.0
    validation_pairs: int = 24
    workers: int = 0
    stretched: int = 0
    repeats: int = 1
    lung_share: float = 0.0

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if self.steps < 1 or self.validation_pairs < 1 or self.repeats < 1:
            return False, "steps, validation_pairs and repeats must be 1 or more."
        if self.workers < 0 or self.stretched < 0 or not 0 <= self.minutes < math.inf:
            return False, "workers, stretched and minutes must not be negative."
        if not 0 <= self.lung_share <= 1:
            return False, "lung_share is a probability, from 0 to 1."
        return True, ""


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    manifest: CSV of the cohort (see manifest.py). network: one of NETWORKS; of vxm2: leaky_slope, flow_resolution
    ("half" or "full" of the input's) and centred_first_layer (whether training from nothing starts where CT intensities
    are, see warm_start). clip_norm: largest norm of each weight's gradient, 0 for no limit. Where the scheme is the
    paper's, its numbers are the defaults (PAPER).
    compute: "float32", or "bfloat16" for the convolutions (losses and coordinates stay float32), which is refused where
    this processor's gradients are wrong in it (see gradient_check).
    scheme: "incremental" and "single" follow the paper, "pooled" mixes all scans. folds: 4 for 4-fold cross-validation
    by patient, 0 for one run on all patients but those in validation_patients and test_patients. time_points: of each
    patient only the first so many scans take part, 0 for all. initial_weights: file to start from. block: voxels
    [k, j, i] of the blocks trained on, on the network's grid; batch: blocks per step. learning_rate: first and last.
    epoch_steps: steps between validations. checkpoint_minutes: least time between two. simulator: the paper's field;
    motion, appearance: ours, for "pooled".
    """

    manifest: Path
    network: str = DEFAULT_NETWORK
    scheme: str = "pooled"
    seed: int = 1
    folds: int = 0
    validation_patients: tuple[str, ...] = ()
    test_patients: tuple[str, ...] = ()
    time_points: int = 0
    initial_weights: Path | None = None
    leaky_slope: float = 0.2
    flow_resolution: str = "half"
    centred_first_layer: bool = True
    clip_norm: float = 1.0
    compute: str = "float32"
    block: tuple[int, int, int] = (48, 48, 48)
    batch: int = 1
    learning_rate: tuple[float, float] = (1e-4, 1e-6)
    epoch_steps: int = 100
    checkpoint_minutes: float = 2.0
    loss: LossOptions = field(default_factory=LossOptions)
    incremental: IncrementalOptions = field(default_factory=IncrementalOptions)
    pooled: PooledOptions = field(default_factory=PooledOptions)
    simulator: SimulatorOptions = field(default_factory=SimulatorOptions)
    motion: MotionOptions = field(default_factory=MotionOptions)
    appearance: AppearanceOptions = field(default_factory=AppearanceOptions)

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if self.network not in NETWORKS:
            return False, f"network must be one of {', '.join(NETWORKS)}, not {self.network}."
        if self.scheme not in SCHEMES:
            return False, f"scheme must be one of {', '.join(SCHEMES)}, not {self.scheme}."
        if self.folds == 1 or self.folds < 0:
            return False, "folds must be 0 (no cross-validation) or 2 or more; the paper has 4."
        if self.folds and (self.validation_patients or self.test_patients):
            return False, "folds choose the patients: leave validation_patients and test_patients out."
        if self.time_points < 0:
            return False, f"time_points must be 1 or more, or 0 for all; it is {self.time_points}."
        if len(self.block) != 3 or any(not isinstance(n, int) or n < DIVISOR or n % DIVISOR for n in self.block):
            return False, f"block must be three multiples of {DIVISOR}, not {list(self.block)}."
        if self.batch < 1 or self.epoch_steps < 1:
            return False, "batch and epoch_steps must be 1 or more."
        if self.seed < 0:
            return False, f"seed must be 0 or more, it is {self.seed}."
        if not all(isinstance(name, str) for name in (*self.validation_patients, *self.test_patients)):
            return False, 'validation_patients and test_patients must be lists of texts, as in ["P1", "P2"].'
        if self.flow_resolution not in ("half", "full"):
            return False, f"flow_resolution must be half or full, not {self.flow_resolution}."
        if not 0 <= self.clip_norm < math.inf:
            return False, f"clip_norm must not be negative, it is {self.clip_norm}."
        if self.compute not in COMPUTE:
            return False, f"compute must be one of {', '.join(COMPUTE)}, not {self.compute}."
        if len(self.learning_rate) != 2 or not all(0 < rate < math.inf for rate in self.learning_rate):
            return False, "learning_rate must be two positive numbers, the first and the last."
        parts = ("loss", "incremental", "pooled", "simulator", "motion", "appearance")
        for name in parts:
            ok, reason = getattr(self, name).isValid()
            if not ok:
                return False, f"{name}: {reason}"
        return True, ""

    def content(self) -> dict:
        """The same as JSON content, paths as text."""
        return json.loads(json.dumps(asdict(self), default=str))


def _make(kind: type[Options], content: dict, where: str) -> Options:
    """A dataclass from JSON content; unknown names and wrong types are refused."""
    if not isinstance(content, dict):
        raise InputError(f"{where} must be an object with named values, not {content!r}.")
    known = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise InputError(f"{where}: there is no option {unknown[0]!r}; there are {', '.join(known)}.")
    values = {}
    for name, value in content.items():
        default, factory = known[name].default, known[name].default_factory
        if default is dataclasses.MISSING and factory is not dataclasses.MISSING:
            value = _make(type(factory()), value, f"{where}, {name}")
        elif isinstance(default, tuple) or isinstance(value, list):
            if not isinstance(value, list):
                raise InputError(f"{where}: {name} must be a list, not {value!r}.")
            value = tuple(value)
        elif isinstance(default, bool) != isinstance(value, bool):
            raise InputError(f"{where}: {name} must not be {value!r}.")
        elif isinstance(default, int) and not isinstance(value, int):
            raise InputError(f"{where}: {name} must be a whole number, not {value!r}.")
        elif isinstance(default, float) and not isinstance(value, (int, float)):
            raise InputError(f"{where}: {name} must be a number, not {value!r}.")
        elif isinstance(default, str) and not isinstance(value, str):
            raise InputError(f"{where}: {name} must be a text, not {value!r}.")
        values[name] = value
    return kind(**values)


def config_from(content: dict, folder: Path, where: str = "The configuration") -> TrainingConfig:
    """Options from JSON content; file names are relative to `folder`.

    Parameters
    ----------
    content
        As from TrainingConfig.content.
    folder
        What file names are relative to.
    where
        What error messages call the content.

    Returns
    -------
    TrainingConfig
        Checked.

    Raises
    ------
    InputError
        If an option is unknown or its value cannot be used.
    """
    if not isinstance(content, dict) or not isinstance(content.get("manifest"), str):
        raise InputError(f'{where} must be a JSON object with at least "manifest", the CSV file of the cohort.')
    paper = PAPER if content.get("scheme") in ("incremental", "single") else {}
    content = {**paper, **content}
    for name in ("manifest", "initial_weights"):
        if content.get(name):
            content[name] = (folder / content[name]).resolve()
    try:
        config = _make(TrainingConfig, content, where)
        ok, reason = config.isValid()
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: a value has the wrong type or length ({error}).") from error
    if not ok:
        raise InputError(f"{where}: {reason}")
    if config.initial_weights and not config.initial_weights.exists():
        raise InputError(f"{where}: there is no file {config.initial_weights}: check initial_weights.")
    return config


def read_config(path: Path) -> TrainingConfig:
    """Options from a JSON file; see config_from.

    Raises
    ------
    InputError
        If there is no such file or it is no JSON.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}.") from error
    return config_from(content, path.parent, path.name)
