"""What differs between two registered scans: change map, findings, lesions over time, vertebrae."""
