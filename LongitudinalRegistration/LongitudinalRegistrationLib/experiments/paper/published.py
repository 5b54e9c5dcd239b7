"""What the paper reports (van Eijnatten et al. 2021, arXiv:2005.07545), to stand beside our numbers."""

SOURCE = "van Eijnatten et al. 2021"
FOUR_FOLDS = {
    "incremental": {"dsc": (0.929, 0.037), "ssim": (0.984, 0.009)},
    "single": {"dsc": (0.883, 0.033), "ssim": (0.969, 0.007)},
    "niftyreg": {"dsc": (0.988, 0.003), "ssim": (0.995, 0.002)},
}
"""Method to measure to mean and standard deviation, over four folds (its abstract)."""
TIMES_FASTER = 300.0
"""How many times as long NiftyReg takes as the network (its abstract)."""
STORIES = {
    "fig7": "with the table removed, both VoxelMorph and NiftyReg register significantly better",
    "table1": "the network is about 300 times as fast as NiftyReg",
    "fig9": "incremental training is better than training on a single volume; NiftyReg is better than both",
}
"""Experiment to what the paper's abstract says of it, in a clause."""
