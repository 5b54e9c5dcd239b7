"""What all rooms ask of the computer: files, shared memory, threads, versions."""
