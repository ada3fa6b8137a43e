"""A running service: put together in one place, with the loops that work beside its requests."""
