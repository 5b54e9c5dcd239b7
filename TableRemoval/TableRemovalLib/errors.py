"""Errors whose message is written for the user."""


class InputError(ValueError):
    """The input cannot be used. The message is one line and says what to do about it."""
