"""The parts of evidence: periods of folds, what data guards found, and who saw the future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tradeworthy.evidence.record_types import Flag, StrictRecord, Text, Whole


@dataclass(frozen=True, slots=True)
class FoldPeriod(StrictRecord):
    """The first and last moment of a fold's test, and the bars that it was trained on."""

    first: Text
    last: Text
    trained_on: Whole


@dataclass(frozen=True, slots=True)
class GuardFinding(StrictRecord):
    """What a data guard found, at the first bar concerned; ``fail`` blocks a validation."""

    guard: Text
    symbol: Text
    date: Text
    severity: Literal["fail", "warn"]
    message: Text


@dataclass(frozen=True, slots=True)
class FeatureSight(StrictRecord):
    """How far a feature sees: bars ahead (0 for none) and back (None if beyond the data)."""

    passed: Flag
    steps_ahead: Whole
    lookback: Whole | None
    tests: Mapping[str, Flag]


@dataclass(frozen=True, slots=True)
class LookAheadFindings(StrictRecord):
    """Whether a feature saw the future, on how many bars, with which seed."""

    passed: Flag
    bars: Whole
    seed: Whole
    features: Mapping[str, FeatureSight]
