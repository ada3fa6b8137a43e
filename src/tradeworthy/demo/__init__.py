"""The demonstration: the governed path from features to drift reports, on real market data."""
