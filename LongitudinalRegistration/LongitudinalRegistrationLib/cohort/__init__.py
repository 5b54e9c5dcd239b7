"""Many registrations on Dask: tasks, workers, what is done already, tables, a summary."""
