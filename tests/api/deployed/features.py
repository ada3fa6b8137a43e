"""Cheap features of daily bars."""

import polars as pl

from tradeworthy import feature

WINDOW = 5


@feature(version=1)
def day_return(close: pl.Expr) -> pl.Expr:
    return close.log().diff()


@feature(version=1)
def week_return(day_return: pl.Expr) -> pl.Expr:
    return day_return.rolling_mean(WINDOW)


@feature(version=1)
def unused(close: pl.Expr) -> pl.Expr:
    return close.log()


@feature(version=1, label=True)
def next_return(day_return: pl.Expr) -> pl.Expr:
    return day_return.shift(-1)
