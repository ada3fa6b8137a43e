"""Hold the index at a constant volatility: less of it when tomorrow looks rough.

The model forecasts the next day's volatility from past ones by a linear regression of logarithms
(Corsi 2009). It has no view on direction; what it earns is the index's own premium.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression

from tradeworthy import Strategy

TRADING_DAYS = 252

INPUTS = (
    "volatility_week",
    "volatility_month",
    "volatility_quarter",
    "range_day",
    "range_week",
    "range_month",
)


def train(table: pl.DataFrame, config: Mapping[str, float]) -> LinearRegression:
    """Regress tomorrow's log volatility on today's measures of it."""
    model = LinearRegression()
    inputs = table.select(INPUTS).to_numpy()
    label = table["next_day_volatility"].to_numpy()
    model.fit(inputs, label)
    # The exponential of a mean logarithm is too low a volatility: shift the forecasts so that
    # their mean square is that of the returns.
    forecast_variance = np.mean(np.exp(2 * model.predict(inputs)))
    model.intercept_ += 0.5 * np.log(np.mean(np.exp(2 * label)) / forecast_variance)
    return model


def target_weight(
    forecasts: np.ndarray, rows: pl.DataFrame, config: Mapping[str, float]
) -> np.ndarray:
    """Weight each index so that all of them together run at the target volatility."""
    volatility = np.exp(forecasts) * np.sqrt(TRADING_DAYS)
    weight = np.minimum(config["target_volatility"] / volatility, config["largest_weight"])
    return np.asarray(weight / config["indices"])


strategy = Strategy(
    name="volatility_target",
    features="features.py",
    inputs=INPUTS,
    label="next_day_volatility",
    label_horizon=1,
    train=train,
    signal=target_weight,
    config={"target_volatility": 0.10, "largest_weight": 1.5, "indices": 2},
    seeds={},
)
