"""NiftyReg's programs."""
