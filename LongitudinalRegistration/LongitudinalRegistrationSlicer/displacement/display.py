"""What all displays of a displacement in a slice view have in common."""

import dataclasses

PERCENT = 99
"""Where scales end: the percentile of the body's points."""


@dataclasses.dataclass
class DisplacementDisplay:
    """A display of what a DisplacementSampler reads: with the affine part or without, in the body or everywhere."""

    sampler: object
    withAffine: bool = dataclasses.field(default=False, kw_only=True)
    onlyBody: bool = dataclasses.field(default=True, kw_only=True)

    def samples(self, frame):
        """Return the FrameSamples of a slice_overlay.Frame."""
        return self.sampler.onFrame(frame, self.withAffine, self.onlyBody)

    def highest(self, ofJacobian=False):
        """Return the PERCENT percentile in the body: of the magnitude in mm, or of |ln Jacobian|."""
        return self.sampler.percentile(PERCENT, self.withAffine, ofJacobian)
