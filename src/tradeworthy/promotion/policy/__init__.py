"""The policy: its keys, its file format, its effective values."""
