"""From two scans to a result: options, choice of the method, worker process."""
