"""What has changed between the scans: at the cursor, as a map, as findings."""
