"""The displacement of a result: sampled, in colour, as lines, as arrows, as text."""
