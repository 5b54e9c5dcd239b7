"""The experiments of van Eijnatten et al. (2021), section 4, with their statistics and figures."""

EXPERIMENTS = ("slices", "fig7", "table1", "fig8", "fig9", "fig10", "fig11")
"""Their names, in the paper's order."""
