"""Simulated follow-ups: known motions and appearances put onto real scans, and the pairs cut from them."""
