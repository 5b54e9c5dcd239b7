"""How much memory something takes at its most, on top of what the process holds; on Linux, elsewhere 0."""

from contextlib import contextmanager
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_THE_MOST = "5"


def held(name="VmRSS"):
    """What the process holds by a line of its status, bytes: VmRSS resident, VmHWM its most, VmSize all addresses."""
    if not CLEAR.exists():
        return 0
    return next(int(line.split()[1]) << 10 for line in STATUS.read_text().splitlines() if line.startswith(name))


@contextmanager
def memory_taken():
    """Give a list that has how many bytes were taken at most, when the block has ended."""
    taken = []
    if CLEAR.exists():
        CLEAR.write_text(RESET_THE_MOST)
    before = held()
    try:
        yield taken
    finally:
        taken.append(held("VmHWM") - before)
