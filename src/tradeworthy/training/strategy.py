"""What a strategy file declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Estimator(Protocol):
    """A fitted model, as scikit-learn's are.

    Of one that has ``predict_proba``, a classifier of two classes, the prediction is the
    probability of the greater class.
    """

    def predict(self, x: Floats, /) -> Floats:
        """Return one prediction for each row of ``x``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategy:
    """A recipe: features, a label, a training function and a signal rule.

    A strategy file defines one ``Strategy`` at its top level.

    Parameters
    ----------
    name
        The strategy's name: its policy overrides and its trial ledger go by it.
    inputs
        The features that the model takes, in its order.
    label
        What the model learns to predict: a feature declared with ``label=True``, which may look
        ``label_horizon`` bars ahead; the inputs may not.
    label_horizon
        How many bars ahead the label looks; the purge between training and test.
    train
        Takes the feature table (date, symbol, inputs and label by their names; no nulls) and the
        resolved configuration, returns a fitted estimator. Called once for the artifact and once
        a fold.
    signal
        Takes predictions, shape (n,), and the table's rows they belong to, without the label, and
        the configuration; returns target weights, shape (n,), decided at the close of the row.
    config
        The configuration's defaults; a run may replace values of keys that are here.
    features
        The file of the features, beside the strategy file; the strategy file itself by default.
    seeds
        Names and values of the seeds that ``train`` uses.
    """

    name: str
    inputs: tuple[str, ...]
    label: str
    label_horizon: int
    train: Callable[[pl.DataFrame, Mapping[str, Any]], Estimator]
    signal: Callable[[Floats, pl.DataFrame, Mapping[str, Any]], Floats]
    config: Mapping[str, Any] = field(default_factory=dict)
    features: str | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
