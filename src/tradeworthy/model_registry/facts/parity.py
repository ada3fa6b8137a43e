"""How far the artifact's answers are from those of the fitted estimator."""

from __future__ import annotations

import numpy as np

from tradeworthy.artifacts.parity import parity_tolerance
from tradeworthy.errors import TradeworthyError
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.parity import ParityFacts


def gather(case: Case) -> ParityFacts:
    """Return the facts."""
    if case.manifest is None:
        return ParityFacts()
    if case.predictor is None:
        return ParityFacts(answers=False)
    golden = case.manifest.evidence
    if not golden.golden_rows or not golden.golden_predictions:
        return ParityFacts()
    try:
        answers = case.predictor.predict(np.array(golden.golden_rows, dtype=np.float64))
    except TradeworthyError:
        return ParityFacts()
    expected = np.array(golden.golden_predictions)
    return ParityFacts(float(np.max(np.abs(answers - expected))), parity_tolerance(expected))
