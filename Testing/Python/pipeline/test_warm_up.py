"""What is loaded before a scan waits for it."""

import threading

from LongitudinalRegistrationLib.pipeline import warm_up
from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions


def test_what_fails_beside_the_reading_is_left_to_the_registration(monkeypatch):
    """Where bad input ends the process, the thread that loads is cut off: one line is told, and no traceback."""
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def cut_off(options, progress):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(warm_up, "load", cut_off)
    warm_up.load_beside(RegistrationOptions()).join()
    assert told == []
