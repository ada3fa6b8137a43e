"""The version was trained on the data that it is tested on."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import BACKTEST, TRAIN
from tradeworthy.promotion.findings import Finding, require
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

_OTHER_TABLE = (
    "the market data that the manifest names does not give its training table: train on that data "
    f"as it is, by {TRAIN}"
)


@dataclass(frozen=True, slots=True)
class TrainingDataFacts:
    """Whether the backtest's market data gives the training table of the manifest.

    ``tested_on_its_source`` says whether that data is the one which the manifest names.
    """

    training_data_rebuilt: bool | None = None
    tested_on_its_source: bool = False


def _training_data(facts: TrainingDataFacts, _: Policy) -> Finding:
    finding = require(
        facts.training_data_rebuilt,
        "was trained on the data that it is tested on",
        "was trained on other data than the backtest rebuilt",
    )
    return finding.advising(_OTHER_TABLE if facts.tested_on_its_source else None)


CONCERN = Concern(
    TrainingDataFacts,
    (
        Gate(
            "training_data",
            EVIDENCE,
            _training_data,
            f"{BACKTEST} on the market data of the manifest, which is the default, or on the same "
            "with more days",
        ),
    ),
    from_backtest=True,
)
