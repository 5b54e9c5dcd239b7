"""How good a registration is: metrics, scores of scans and labels, the verdict."""
