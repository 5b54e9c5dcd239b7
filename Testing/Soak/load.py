"""Many pairs one after the other, in one process and through the module: as quick and as small at the end as at first.

    python Testing/Soak/load.py [--pairs 100] [--in-scene 100] [--seed 1] [--out FILE]

Prints the median and the 95th percentile of every stage's seconds over the first and the last quarter of the pairs,
and the memory of each process after a fifth of the pairs and at the end. Ends with 1 where it has grown by over 5 %.
Seconds of a busy machine say little: they are told, not judged. Memory needs Linux.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Host")]

MOST_GROWTH = 0.05
SETTLED = 0.2
LONGEST_S = 300.0
DISTINCT = 10
"""So many different pairs; then they come again."""


def main(words: list[str] | None = None) -> int:
    """Run both; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100, help="in one process (default 100)")
    parser.add_argument("--in-scene", type=int, default=100, help="through the module, by its process (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file with the figures")
    arguments = parser.parse_args(words)
    from small_pair import small_pair

    pairs = [small_pair(arguments.seed + n) for n in range(min(DISTINCT, max(arguments.pairs, arguments.in_scene)))]
    told = {}
    if arguments.pairs:
        told["one process"] = in_one_process(pairs, arguments.pairs)
    if arguments.in_scene:
        told["module"] = in_scene(pairs, arguments.in_scene)
    print(json.dumps(told, indent=2))
    if arguments.out:
        arguments.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    held = [(f"{way}, {name}", row["grown"]) for way in told for name, row in told[way]["memory"].items()]
    grown = [name for name, by in held if by > MOST_GROWTH]
    if grown:
        print(f"Memory has grown by more than {MOST_GROWTH:.0%}: {', '.join(grown)}", file=sys.stderr)
    return bool(grown)


def in_one_process(pairs: list, count: int) -> dict:
    """Register pairs as `longct register` does, without writing; what it took."""
    from LongitudinalRegistrationLib.pipeline.options import RegistrationOptions
    from LongitudinalRegistrationLib.pipeline.registration import register

    options, seconds, memory = RegistrationOptions(method="cost-volume", table_removal=False), [], []
    for number in range(count):
        seconds.append(register(*pairs[number % len(pairs)], options).seconds)
        gc.collect()
        memory.append({"process": resident_mb(os.getpid())})
    return summary(seconds, memory)


def in_scene(pairs: list, count: int) -> dict:
    """Register pairs by the module's logic and its own process, each in a scene of its own; what it took."""
    from slicerhost import boot

    boot(loadModules=False)
    import slicer
    from LongitudinalRegistrationSlicer.module.logic import LongitudinalRegistrationLogic
    from LongitudinalRegistrationSlicer.process.request import RegistrationRequest
    from TableRemovalSlicer.volumes import addVolumeNode

    logic, seconds, memory = LongitudinalRegistrationLogic(), [], []
    for number in range(count):
        nodes = [addVolumeNode(image, name) for image, name in zip(pairs[number % len(pairs)], "ab", strict=True)]
        logic.startRegistration(RegistrationRequest(*nodes, method="Cost-volume network", tableRemoval=False))
        end = time.monotonic() + LONGEST_S
        while (logic.busy or logic.needsPolling) and time.monotonic() < end:
            logic.poll()
            time.sleep(0.005)
        if logic.state.value != "done":
            raise RuntimeError(f"pair {number} ended as {logic.state.value}: {logic.log}")
        seconds.append(logic.report["seconds"])
        worker = logic._job._process._process.pid
        slicer.mrmlScene.Clear(0)
        logic.forget()
        gc.collect()
        memory.append({"host": resident_mb(os.getpid()), "worker": resident_mb(worker)})
    logic.shutDown()
    return summary(seconds, memory)


def resident_mb(pid: int) -> float:
    """The memory that a process holds, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1e3, 1)
    return 0.0


def summary(seconds: list[dict[str, float]], memory: list[dict[str, float]]) -> dict:
    """Stages and memory, at first and at the end."""
    quarter = max(len(seconds) // 4, 1)
    stages = {}
    for name in seconds[0]:
        first, last = ([row[name] for row in part] for part in (seconds[1 : 1 + quarter], seconds[-quarter:]))
        if max(first) > 0.005:
            ends = (("first", first), ("last", last))
            stages[name] = {when: np.percentile(values, (50, 95)).round(3).tolist() for when, values in ends}
    settled, end = memory[int(SETTLED * len(memory))], memory[-1]
    return {
        "pairs": len(seconds),
        "seconds, median and 95 %": stages,
        "memory": {
            name: {"settled_mb": settled[name], "end_mb": end[name], "grown": round(end[name] / settled[name] - 1, 4)}
            for name in settled
        },
    }


if __name__ == "__main__":
    sys.exit(main())
