"""Replaying a later stretch of the series as live traffic, with the drift scans that fall due."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl

from tradeworthy.client.client import Client
from tradeworthy.demo.market_series import DemoSeries
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.wire.drift import StoredDriftReport
from tradeworthy.wire.predictions import Predictions

CLOSE = time(21, tzinfo=UTC)
SESSIONS_A_WEEK = 5

Progress = Callable[[Iterable[date]], AbstractContextManager[Iterable[date]]]


@dataclass(frozen=True, slots=True)
class ClientRows:
    """Rows that a client computed with the feature file as it is now, and that code's hash."""

    hash: str
    rows: pl.DataFrame
    inputs: tuple[str, ...]

    def predict(self, client: Client, model: str, day: date) -> Predictions:
        """Predict on one day's close."""
        return client.predict(
            model,
            self.rows.filter(pl.col("date") == day).select(self.inputs).to_dicts(),
            feature_graph_hash=self.hash,
            event_time=datetime.combine(day, CLOSE),
        )

    @property
    def days(self) -> list[date]:
        """The days that have rows."""
        return self.rows["date"].unique().sort().to_list()


def client_rows(feature_file: Path, inputs: tuple[str, ...], series: DemoSeries) -> ClientRows:
    """Compute the features of the live stretch as a client of the service does."""
    graph = FeatureGraph.from_module(feature_file)
    table = compute_features(graph, series.bars, inputs)
    live = table.filter(pl.col("date") > series.history_end)
    return ClientRows(graph.bound_hash(inputs), live, inputs)


def replay(
    model: str,
    rows: ClientRows,
    trading_system: Client,
    operator: Client,
    progress: Progress,
) -> list[StoredDriftReport]:
    """Predict day by day, scan week by week; return the reports in the order of their slots."""
    reports: list[StoredDriftReport] = []
    with progress(rows.days) as days:
        for number, day in enumerate(days, start=1):
            rows.predict(trading_system, model, day)
            if number % SESSIONS_A_WEEK == 0:
                as_of = datetime.combine(day, time(23, tzinfo=UTC))
                reports += operator.scan_drift(model=model, as_of=as_of)
    return sorted(reports, key=lambda report: report.slot)
