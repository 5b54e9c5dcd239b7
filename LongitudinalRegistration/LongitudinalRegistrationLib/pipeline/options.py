"""Options of a registration."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..methods.network.architectures.catalogue import DEFAULT_NETWORK
from ..methods.refinement.options import RefinementOptions
from ..methods.registry import AUTO, NAMES, current_name


@dataclass(frozen=True)
class RegistrationOptions:
    """Options of a registration.

    Attributes
    ----------
    method
        One of methods.registry.NAMES, or a former name of one: "auto" takes the first method that its policy names, and
        the other where that cannot be trusted (see choice).
    table_removal
        Whether the bodies are found, and all else is left out.
    affine
        Whether the scans are pre-aligned.
    refinement
        Whether the network's field is improved.
    network
        Name of the model.
    threads
        Most threads at work; None: all cores.
    niftyreg_folder
        Where NiftyReg's programs are, if not in the usual places.
    niftyreg_spacing_mm
        Isotropic voxels that NiftyReg works on, 2 to 10 mm.
    refinement_options
        How much work the refinement does.
    """

    method: str = AUTO
    table_removal: bool = True
    affine: bool = True
    refinement: bool = True
    network: str = DEFAULT_NETWORK
    threads: int | None = None
    niftyreg_folder: str | None = None
    niftyreg_spacing_mm: float = 2.0
    refinement_options: RefinementOptions = field(default_factory=RefinementOptions)

    def __post_init__(self) -> None:
        """Take a method's former name as the present one."""
        object.__setattr__(self, "method", current_name(self.method))

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if self.method not in NAMES:
            return False, f"method must be one of {', '.join(NAMES)}, not {self.method}."
        if self.threads is not None and self.threads < 1:
            return False, f"threads must be 1 or more, not {self.threads}."
        if not 2.0 <= self.niftyreg_spacing_mm <= 10.0:
            return False, f"niftyreg_spacing_mm must be from 2 to 10, not {self.niftyreg_spacing_mm}."
        return self.refinement_options.isValid()

    @property
    def thread_count(self) -> int:
        """Threads to use."""
        return self.threads or os.cpu_count() or 1
