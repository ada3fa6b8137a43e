"""A training run of one's own script or notebook, recorded in a few lines."""
