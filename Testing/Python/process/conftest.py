"""What the tests of the registration process share."""

import pytest


@pytest.fixture
def make_logic(scene):
    """A function that makes the module's logic with a command in the worker's place; its process ends with the test."""
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    made = []

    def make(command=None):
        made.append(LongitudinalRegistrationLogic(None, command))
        return made[-1]

    yield make
    for logic in made:
        logic.shutDown()
