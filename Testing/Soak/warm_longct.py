"""`longct` in a process that has done it once: imported by the server that runs are forked from, on one thread each.

What is imported and compiled is there then, so that a run takes as long as its work.
"""

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

OPTIONS = "--overwrite", "--no-table-removal", "--threads", "1"
SCANS = "LONGCT_SOAK_SCANS"
"""The variable that names the folder of the pair."""


def words_for(folder, out, method="refinement"):
    """Return the arguments of a run over the pair in a folder."""
    scans = ["--fixed", f"{folder}/baseline.nii.gz", "--moving", f"{folder}/followup.nii.gz"]
    return ["register", *scans, "--out", str(out), *OPTIONS, "--method", method]


def run_longct(before, words, environment, said):
    """Run the command in this process, after some code, its standard error in a file; ends the process."""
    os.environ.update(environment)
    tempfile.tempdir = None
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    exec(before, {})
    from LongitudinalRegistrationLib.cli.main import main

    code = main(words)
    sys.stderr.flush()
    os._exit(code)


if SCANS in os.environ:
    from LongitudinalRegistrationLib.cli.main import main as _main

    with tempfile.TemporaryDirectory() as _folder, contextlib.redirect_stdout(io.StringIO()):
        _main(words_for(os.environ[SCANS], Path(_folder) / "out"))
