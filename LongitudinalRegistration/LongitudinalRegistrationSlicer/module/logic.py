"""The module's logic: two scans in; transform, registered volume and scores out."""

from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from TableRemovalSlicer.kept_nodes import keptNode
from TableRemovalSlicer.packages import moduleCommand

from LongitudinalRegistrationSlicer.module.parameter_node import LongitudinalRegistrationParameterNode
from LongitudinalRegistrationSlicer.process.registrations import Registrations
from LongitudinalRegistrationSlicer.process.request import RegistrationRequest


def workerCommand():
    """Return the command that starts the process which registers, without its folder."""
    return moduleCommand("LongitudinalRegistrationLib.pipeline.worker")


class LongitudinalRegistrationLogic(Registrations, ScriptedLoadableModuleLogic):
    """Two volume nodes in; a transform node, then the registered volume and a table out (see Registrations).

    Slicer's base comes last: it passes its initialisation on to the next class, without arguments.
    """

    def __init__(self, job=None, command=None):
        ScriptedLoadableModuleLogic.__init__(self)
        Registrations.__init__(self, lambda: command or workerCommand(), job)

    def getParameterNode(self):
        return LongitudinalRegistrationParameterNode(keptNode(super().getParameterNode()))

    def requestFrom(self, parameters):
        """Return the RegistrationRequest that a parameter node stands for."""
        return RegistrationRequest(
            fixed=parameters.fixedVolume,
            moving=parameters.movingVolume,
            fixedLabels=parameters.fixedLabels,
            movingLabels=parameters.movingLabels,
            method=parameters.method,
            tableRemoval=parameters.tableRemoval,
            refinement=parameters.refinement,
            effort=parameters.effort,
            budgetSeconds=parameters.budgetSeconds,
            matches=parameters.matches,
        )
