"""The experiments of van Eijnatten et al. (2021), section 4, with their statistics and figures."""
