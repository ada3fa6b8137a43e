"""What the store keeps, a file a concern: its records, what can be read and what can be written."""
