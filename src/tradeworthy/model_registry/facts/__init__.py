"""What gathers the facts that gates read."""
