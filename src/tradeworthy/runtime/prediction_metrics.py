"""The hot path's counters as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tradeworthy.serving.hot_path import LATENCY_BOUNDS, PredictionCounters


class PredictionMetrics(Collector):
    """Reads the counters when they are scraped.

    Parameters
    ----------
    counters
        Those of this worker's hot path.
    """

    def __init__(self, counters: PredictionCounters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        answers = CounterMetricFamily(
            "tradeworthy_predict_answers", "Predict requests", labels=("model", "status")
        )
        for (model, status), count in sorted(self._counters.answers.items()):
            answers.add_metric((model, str(status)), count)
        yield answers
        rows = CounterMetricFamily(
            "tradeworthy_predicted_rows", "Rows predicted", labels=("model",)
        )
        for model, count in sorted(self._counters.rows.items()):
            rows.add_metric((model,), count)
        yield rows
        yield self._latency()

    def _latency(self) -> HistogramMetricFamily:
        counted, buckets = 0, []
        for bound, count in zip(
            (*map(str, LATENCY_BOUNDS), "+Inf"), self._counters.latency_buckets, strict=True
        ):
            counted += count
            buckets.append((bound, counted))
        family = HistogramMetricFamily(
            "tradeworthy_predict_seconds", "Time to an answered prediction"
        )
        family.add_metric((), buckets, self._counters.latency_sum)
        return family
