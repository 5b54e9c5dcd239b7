"""Training of networks: cohorts, simulated follow-ups, schemes, checkpoints."""
