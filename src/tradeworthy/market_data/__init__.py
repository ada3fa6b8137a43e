"""Bars of market data, and the guards that they have to pass."""
