"""Between the parameter node, which the panel shows, and the options of the Libs."""

import dataclasses

METHODS = {"Robust": "robust", "Paper": "paper"}


@dataclasses.dataclass(frozen=True)
class SettingsShown:
    """What the seed and threshold widgets show for the whole scan or for the slices chosen."""

    automaticThreshold: bool
    threshold: float
    automaticSeed: bool
    seed: tuple
    seedSize: int


def optionsFrom(parameters):
    """Return the TableRemovalOptions that a parameter node stands for."""
    from TableRemovalLib.options import TableRemovalOptions

    return TableRemovalOptions(
        method=METHODS[parameters.method],
        threshold=None if parameters.automaticThreshold else parameters.threshold,
        seed_ij=None if parameters.automaticSeed else (parameters.seedColumn, parameters.seedRow),
        seed_size=parameters.seedSize,
        fill_hu=parameters.fillHu,
    )


def finishOptionsFrom(parameters):
    """Return the FinishOptions that a parameter node stands for."""
    from TableRemovalLib.finish import FinishOptions

    return FinishOptions(parameters.fillHu, parameters.softEdge, parameters.crop, parameters.cropMargin)


def writeOptions(parameters, options):
    """Write TableRemovalOptions into a parameter node, as one change."""
    node = parameters.parameterNode
    wasModifying = node.StartModify()
    try:
        parameters.method = next(name for name, method in METHODS.items() if method == options.method)
        parameters.automaticThreshold = options.threshold is None
        if options.threshold is not None:
            parameters.threshold = options.threshold
        parameters.automaticSeed = options.seed_ij is None
        if options.seed_ij is not None:
            parameters.seedColumn, parameters.seedRow = options.seed_ij
        parameters.seedSize = options.seed_size
        parameters.fillHu = options.fill_hu
    finally:
        node.EndModify(wasModifying)


def settingsOf(parameters):
    """Return the SettingsShown of a parameter node alone, where nothing is being edited."""
    return SettingsShown(
        parameters.automaticThreshold,
        parameters.threshold,
        parameters.automaticSeed,
        (parameters.seedColumn, parameters.seedRow),
        parameters.seedSize,
    )


def settingsInSession(session, indices, thresholdBefore):
    """Return the SettingsShown for slices, or for the whole scan (None), of what is being edited.

    Where the threshold is automatic it is the one that the slice has got, or thresholdBefore.
    """
    k = session.k if indices is None or session.k in indices else indices[0]
    own, holds = session.state.overrides.at(k), session.state.slice_options(k)
    if indices is None:
        holds = own = session.state.options
    used = session.records[k].threshold_used if session.editable and len(session.records) > k else None
    seed = holds.seed_ij or (session.size[0] // 2, session.size[1] // 2)
    threshold = holds.threshold or used or thresholdBefore
    return SettingsShown(own.threshold is None, threshold, own.seed_ij is None, seed, holds.seed_size)
