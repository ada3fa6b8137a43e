"""A rule found by trying many: a random mixture of momentum and volatility says long or short.

There is no idea in it. Of enough such rules one looks good on any stretch of history, which is
what the trial ledger and the deflated Sharpe ratio are for.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from sklearn.linear_model import LinearRegression

from tradeworthy import Strategy

INPUTS = (
    "momentum_month",
    "momentum_quarter",
    "volatility_month",
    "volatility_quarter",
    "range_month",
)


def train(table: pl.DataFrame, config: Mapping[str, float]) -> LinearRegression:
    """Draw the mixture; the only thing learnt from the data is where its middle lies."""
    draw = np.random.default_rng(int(config["seed"])).normal(size=len(INPUTS))
    inputs = table.select(INPUTS).to_numpy()
    model = LinearRegression()
    model.coef_ = draw / inputs.std(axis=0)
    model.intercept_ = -np.median(inputs @ model.coef_)
    model.n_features_in_ = len(INPUTS)
    return model


def target_weight(
    scores: np.ndarray, rows: pl.DataFrame, config: Mapping[str, float]
) -> np.ndarray:
    """Go long where the mixture is above its middle, else short."""
    return np.asarray(np.sign(scores) * config["weight"] / config["indices"])


strategy = Strategy(
    name="lucky_rule",
    features="features.py",
    inputs=INPUTS,
    label="next_day_volatility",
    label_horizon=1,
    train=train,
    signal=target_weight,
    config={"seed": 0, "weight": 0.6, "indices": 2},
    seeds={"mixture": 0},
)
