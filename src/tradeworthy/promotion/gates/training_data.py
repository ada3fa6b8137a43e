"""The version was trained on the data that it is tested on."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, require
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class TrainingDataFacts:
    """Whether the backtest's market data gives the training table of the manifest."""

    training_data_rebuilt: bool | None = None


def _training_data(facts: TrainingDataFacts, _: Policy) -> Finding:
    return require(
        facts.training_data_rebuilt,
        "was trained on the data that it is tested on",
        "was trained on other data than the backtest rebuilt",
    )


CONCERN = Concern(
    TrainingDataFacts,
    (
        Gate(
            "training_data",
            EVIDENCE,
            _training_data,
            "backtest on the market data of the manifest, or on the same with more days",
        ),
    ),
)
