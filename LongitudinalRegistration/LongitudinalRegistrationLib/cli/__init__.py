"""longct, the command line."""
