"""Backtests: target weights, what trading costs, walk-forward."""
