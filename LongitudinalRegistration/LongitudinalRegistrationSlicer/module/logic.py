"""The module's logic: two scans in; transform, registered volume and scores out."""

from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from TableRemovalSlicer.kept_nodes import keptNode
from TableRemovalSlicer.packages import moduleCommand

from LongitudinalRegistrationSlicer.module.parameter_node import LongitudinalRegistrationParameterNode
from LongitudinalRegistrationSlicer.process.registrations import Registrations
from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
from LongitudinalRegistrationSlicer.results.belongings import belongingsOf
from LongitudinalRegistrationSlicer.results.bringing import Bringing


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
        self._bringing = Bringing()

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

    def belongings(self, result, towards):
        """Return what can be brought through a result, as results.belongings.Belongings.

        towards: "baseline" or "follow-up", the scan that things are brought to.
        """
        return belongingsOf(result, towards)

    def bring(self, result, nodes, towards):
        """Bring volumes, label maps, segmentations, markups and models to the other scan; return the new nodes.

        result: a registration's transform node; towards: "baseline" (of the follow-up's nodes) or "follow-up" (of the
        baseline's, by the inverse). Originals are not changed. Raises InputError where the other scan was removed.
        """
        return self._bringing.bring(result, nodes, towards)

    @property
    def canUndoBring(self):
        """Whether something that was brought is still in the scene."""
        return self._bringing.canUndo

    def undoBring(self):
        """Remove the nodes that the last `bring` added, as far as they are still there; return how many they were."""
        return self._bringing.undo()

    def forget(self):
        """The scene is closed: end what runs, and forget what was in the scene."""
        self._bringing.forget()
        super().forget()
