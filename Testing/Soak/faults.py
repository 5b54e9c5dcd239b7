"""Faults at random moments: nothing is lost, nobody runs on, nothing is left, the next run works.

    python Testing/Soak/faults.py [--rounds 200] [--seconds S] [--seed 1] [--kinds NAME ...] [--out FILE]

Each round is one fault, the kinds in turn. Of `longct register`: killed, short of memory or disk, no folder to write
to, twice at once, a clock that jumps, NiftyReg killed, the model damaged. In the scene: the process killed, the scene
closed, a volume deleted, cancelled. As root also: a small disk, the out-of-memory killer. Needs Linux. Ends with 1 at
the first round that does not hold.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Host")]

EVERY = 20
"""After so many rounds of `longct` one without a fault."""


def main(words: list[str] | None = None) -> int:
    """Run the rounds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=[], help="only kinds whose names hold one of these words")
    parser.add_argument("--out", type=Path, help="JSON file with what was survived")
    arguments = parser.parse_args(words)
    from aftermath import FaultError, require
    from command_faults import CommandFaults
    from scene_faults import STAND_IN, SceneFaults
    from slicerhost import boot
    from system_faults import SystemFaults

    boot(loadModules=False)
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic

    logic = LongitudinalRegistrationLogic(None, STAND_IN)
    rng, counts, begun = np.random.default_rng(arguments.seed), collections.Counter(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        commands, scene = CommandFaults(Path(folder), rng), SceneFaults(rng, logic)
        kinds = [
            (name, fault, owner)
            for owner in (commands, SystemFaults(commands), scene)
            for name, fault in owner.kinds.items()
            if not arguments.kinds or any(word in name for word in arguments.kinds)
        ]
        files = open_files()
        try:
            for number in range(arguments.rounds):
                if time.monotonic() - begun > arguments.seconds:
                    break
                name, fault, owner = kinds[number % len(kinds)]
                fault()
                counts[name] += 1
                if number % EVERY == EVERY - 1:
                    commands.check_works()
                print(f"{number + 1:4d}  {time.monotonic() - begun:6.0f} s  {name}", flush=True)
            commands.check_works()
            scene.check_works()
            scene.close()
            require(open_files() <= files + 2, f"open files: {files} before, {open_files()} after")
        except FaultError as error:
            print(f"Round {sum(counts.values()) + 1}, {name}, does not hold: {error}", file=sys.stderr)
            return 1
    told = {
        "rounds": sum(counts.values()),
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - begun),
        **counts,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(told))
    return 0


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    sys.exit(main())
