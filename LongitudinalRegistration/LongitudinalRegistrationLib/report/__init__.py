"""The report of a registration: JSON, CSV, HTML, pictures."""
