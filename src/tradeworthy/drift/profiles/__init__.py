"""Profiles of features: counts and moments that merge."""
