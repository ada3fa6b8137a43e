"""Performance, significance and overfitting of series of returns."""
