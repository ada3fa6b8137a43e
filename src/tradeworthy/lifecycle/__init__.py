"""The life of a version: stages, events, and the pure decisions between them."""
