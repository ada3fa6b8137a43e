"""Model governance for trading: the gate and the record between models and money."""

__version__ = "0.1.0"
