"""A Dask cluster on SLURM for `longct cohort` and `longct evaluate`: python slurm.py --workers 64.

Needs `pip install 'longct[cohort]' dask-jobqueue` in an environment that all nodes see. Run it on a login node, inside
tmux: it prints the address for `--scheduler`, and ends the jobs when it is stopped. Change QUEUE to your partition.
"""

import argparse
import signal

from dask_jobqueue import SLURMCluster

QUEUE = "compute"
THREADS = 4
MEMORY = "6GB"
HOURS = "04:00:00"


def make_cluster():
    """Return a cluster whose jobs are a worker each: one task at a time, on THREADS cores."""
    threads = [f"export {name}={THREADS}" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")]
    return SLURMCluster(
        queue=QUEUE,
        cores=1,
        processes=1,
        job_cpu=THREADS,
        memory=MEMORY,
        walltime=HOURS,
        job_script_prologue=[*threads, 'export NUMBA_CACHE_DIR="${TMPDIR:-/tmp}/longct-numba-$USER"'],
        worker_extra_args=["--lifetime", "3h50m", "--lifetime-stagger", "5m"],
        scheduler_options={"dashboard_address": ":8787"},
    )


def main():
    """Hold the cluster until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=16, help="most workers; they come and go with the work")
    most = parser.parse_args().workers
    with make_cluster() as cluster:
        cluster.adapt(minimum=1, maximum=most)
        print(f"longct cohort manifest.csv --out result --scheduler {cluster.scheduler_address} --threads {THREADS}")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
