"""Shell: market data files."""
