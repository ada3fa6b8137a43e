"""Validation: what a model must prove on market data before it may be promoted.

Pure functions over numpy arrays: performance figures, their statistical significance, backtests,
walk-forward tests, checks of the market data, and the ledger of every trial ever made.
"""
