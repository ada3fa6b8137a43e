"""What every room stands on: digests, the clock, the settings."""
