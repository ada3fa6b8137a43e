"""What of errors is written to the disk."""
