"""`longct` run within a test."""

from LongitudinalRegistrationLib.cli.main import main


def longct(capsys, *words):
    """Exit code, standard output and standard error of one command."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err
