"""Evaluations of trained versions, each in a fenced process of its own."""
