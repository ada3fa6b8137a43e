"""Calling users' training functions and estimators, and checking what they give back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tradeworthy.base.users_errors import users_errors
from tradeworthy.errors import StrategyInvalid
from tradeworthy.training.strategy import Estimator, Floats, Strategy


def fit(strategy: Strategy, table: pl.DataFrame, config: Mapping[str, object]) -> Estimator:
    """Call the user's training function.

    Raises
    ------
    StrategyInvalid
        If it raises, or returns nothing that predicts.
    """
    with users_errors(
        f"{_name(strategy.train)} of strategy {strategy.name!r} failed", function=strategy.train
    ):
        estimator = strategy.train(table, _own(config))
        predicts = callable(getattr(estimator, "predict", None))
    if not predicts:
        raise StrategyInvalid(
            f"{_name(strategy.train)} of strategy {strategy.name!r} returned "
            f"{type(estimator).__name__}; return a fitted estimator with a predict method"
        )
    return estimator


def predict(estimator: Estimator, rows: Floats) -> Floats:
    """Return one finite prediction a row: of a classifier, the probability of its greater class.

    Raises
    ------
    StrategyInvalid
        If the estimator fails, or gives anything else.
    """
    with users_errors("the estimator failed"):
        values = np.asarray(_answer(estimator, rows), dtype=np.float64)
    if values.size != len(rows):
        raise StrategyInvalid(
            f"the estimator predicts an array of shape {values.shape} for {len(rows)} rows; a "
            "model predicts one finite number a row"
        )
    values = values.reshape(len(rows))
    _check_finite("the estimator predicts", values)
    return values


def _answer(estimator: Any, rows: Floats) -> Any:
    # What a served classifier answers too; its classes alone would say less.
    probabilities = getattr(estimator, "predict_proba", None)
    if not callable(probabilities):
        return estimator.predict(rows)
    shares = np.asarray(probabilities(rows))
    if shares.ndim != 2 or shares.shape[1] != 2:
        raise ValueError(
            f"its probabilities have shape {shares.shape}; classifiers of two classes are served"
        )
    return shares[:, 1]


def target_weights(
    strategy: Strategy, predictions: Floats, rows: pl.DataFrame, config: Mapping[str, object]
) -> Floats:
    """Call the user's signal rule.

    Raises
    ------
    StrategyInvalid
        If it raises, or gives anything but one finite weight a row.
    """
    with users_errors(
        f"{_name(strategy.signal)} of strategy {strategy.name!r} failed", function=strategy.signal
    ):
        values = np.asarray(
            strategy.signal(predictions.copy(), rows, _own(config)), dtype=np.float64
        )
    if values.shape != (rows.height,):
        raise StrategyInvalid(
            f"{_name(strategy.signal)} returned an array of shape {values.shape} for "
            f"{rows.height} rows; return one finite weight a row"
        )
    _check_finite(f"{_name(strategy.signal)} returned", values)
    return values


def _check_finite(what: str, values: Floats) -> None:
    odd = np.flatnonzero(~np.isfinite(values))
    if odd.size:
        raise StrategyInvalid(
            f"{what} {values[odd[0]]}, which is not finite, for row {odd[0]} of {values.size} "
            f"({odd.size} such rows)"
        )


def _own(config: Mapping[str, object]) -> dict[str, object]:
    # What one call does to its configuration is in no other's, nor on the record.
    return copy.deepcopy(dict(config))


def _name(function: Any) -> str:
    return str(function.__qualname__)
