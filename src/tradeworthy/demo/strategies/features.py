"""Features of daily bars: how far prices move, over several stretches of days."""

import math

import polars as pl

from tradeworthy import feature

WEEK = 5
MONTH = 21
QUARTER = 63
SMALLEST_VARIANCE = 1e-8


@feature(version=1, description="Close-to-close log return")
def log_return(close: pl.Expr) -> pl.Expr:
    return close.log().diff()


@feature(version=1, description="Daily variance from the day's range (Parkinson 1980)")
def range_variance(high: pl.Expr, low: pl.Expr) -> pl.Expr:
    return (high / low).log() ** 2 / (4 * math.log(2))


def log_volatility(variance: pl.Expr, window: int) -> pl.Expr:
    """Half the logarithm of a mean variance: the logarithm of a volatility."""
    return 0.5 * (variance.rolling_mean(window) + SMALLEST_VARIANCE).log()


@feature(version=1, description="Log volatility of a week's returns")
def volatility_week(log_return: pl.Expr) -> pl.Expr:
    return log_volatility(log_return**2, WEEK)


@feature(version=1, description="Log volatility of a month's returns")
def volatility_month(log_return: pl.Expr) -> pl.Expr:
    return log_volatility(log_return**2, MONTH)


@feature(version=1, description="Log volatility of a quarter's returns")
def volatility_quarter(log_return: pl.Expr) -> pl.Expr:
    return log_volatility(log_return**2, QUARTER)


@feature(version=1, description="Log volatility of today's range")
def range_day(range_variance: pl.Expr) -> pl.Expr:
    return log_volatility(range_variance, 1)


@feature(version=1, description="Log volatility of a week's ranges")
def range_week(range_variance: pl.Expr) -> pl.Expr:
    return log_volatility(range_variance, WEEK)


@feature(version=1, description="Log volatility of a month's ranges")
def range_month(range_variance: pl.Expr) -> pl.Expr:
    return log_volatility(range_variance, MONTH)


@feature(version=1, description="Return of a month")
def momentum_month(log_return: pl.Expr) -> pl.Expr:
    return log_return.rolling_sum(MONTH)


@feature(version=1, description="Return of a quarter")
def momentum_quarter(log_return: pl.Expr) -> pl.Expr:
    return log_return.rolling_sum(QUARTER)


@feature(version=1, label=True, description="Log volatility of the next day's return")
def next_day_volatility(log_return: pl.Expr) -> pl.Expr:
    return log_volatility((log_return**2).shift(-1), 1)
