"""The drift report: what was compared, what was seen, and the verdict that follows from it.

A report carries the evidence of its verdict, so that anyone can compute the severity again from
the stored report alone (``recompute``), years later and without the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from tradeworthy.base.digests import json_digest
from tradeworthy.drift.calibration.drift_calibration import Windows, discoveries
from tradeworthy.drift.data_quality import HARD_GATES, QualityFloors
from tradeworthy.drift.feature_drift import FeatureDrift, encode, feature_severity
from tradeworthy.drift.severity import DriftMetrics, Floors, Severity
from tradeworthy.errors import InvalidInput

SCHEME = "drift-report/v1"
SEVERE_SCORE = 0.3
MODERATE_SCORE = 0.15


class Status(Enum):
    """Whether the windows could be compared at all."""

    OK = "OK"
    INSUFFICIENT = "INSUFFICIENT"
    CLOSED = "CLOSED"
    NO_DATA = "NO_DATA"


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The report of one model version for one slot.

    Parameters
    ----------
    model, version, slot
        The key; ``slot`` as written by ``slot_text``.
    status, severity
        The verdict; ``severity`` is None when it is unknown.
    current_sessions, reference_sessions
        Ids of the sessions compared, oldest first.
    median_session_rows
        Rows of the median one of them, without the first of several, which may not be a whole one.
    session_under_way
        Whether today's session was not over: of each one, the part was taken that had passed of it.
    features
        Evidence per feature, in order of name.
    """

    model: str
    version: int
    slot: str
    status: Status
    severity: Severity | None
    current_sessions: tuple[int | str, ...] = ()
    reference_sessions: tuple[int | str, ...] = ()
    current_rows: int = 0
    reference_rows: int = 0
    median_session_rows: float = 0.0
    session_under_way: bool = False
    features: tuple[FeatureDrift, ...] = ()
    windows: Windows = field(default_factory=Windows)
    floors: Floors = field(default_factory=Floors)
    quality_floors: QualityFloors = field(default_factory=QualityFloors)

    @property
    def digest(self) -> str:
        """Digest of the report's canonical JSON."""
        return json_digest(SCHEME, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready values; no NaN or infinity occurs in them."""
        return {"scheme": SCHEME, **encode(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DriftReport:
        """Return the report that ``to_json`` described.

        Raises
        ------
        InvalidInput
            For another scheme or values that make no report.
        """
        values = dict(data)
        if values.pop("scheme", None) != SCHEME:
            raise InvalidInput(f"not a drift report of scheme {SCHEME}")
        try:
            severity, floors = values["severity"], values["floors"]
            return cls(
                **values
                | {
                    "status": Status(values["status"]),
                    "severity": None if severity is None else Severity(severity),
                    "current_sessions": tuple(values["current_sessions"]),
                    "reference_sessions": tuple(values["reference_sessions"]),
                    "features": tuple(FeatureDrift.from_json(x) for x in values["features"]),
                    "windows": Windows(**values["windows"]),
                    "floors": Floors(**{key: DriftMetrics(**floors[key]) for key in floors}),
                    "quality_floors": QualityFloors(**values["quality_floors"]),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"not a drift report: {error}") from error


def model_severity(features: Sequence[FeatureDrift]) -> Severity | None:
    """Return the model's severity from those of its features.

    The score is the sum of importance times 0, .5 or 1. SEVERE from a score of .3, for a hard
    data gate on a feature that counts, or when a feature of the highest importance is SEVERE and
    survives Benjamini-Hochberg at 10%. MODERATE from .15, or for any feature that survives it.
    Never worse than the worst feature. Unknown (None) when a feature could not be judged and the
    others do not make it SEVERE.
    """
    if not features:
        return None
    total = sum(one.importance for one in features)
    ranks = [one.severity.rank if one.severity else 0 for one in features]
    pairs = list(zip(features, ranks, strict=True))
    score = sum(one.importance * rank / 2.0 for one, rank in pairs) / total
    survives = discoveries(np.array([one.p_value for one in features]))
    top = max(one.importance for one in features)
    severe = score >= SEVERE_SCORE - 1e-12 or any(
        rank == 2 and ((kept and one.importance == top) or _dead(one))
        for (one, rank), kept in zip(pairs, survives, strict=True)
    )
    moderate = score >= MODERATE_SCORE - 1e-12 or any(
        rank and kept for rank, kept in zip(ranks, survives, strict=True)
    )
    level = min(2 if severe else int(moderate), max(ranks))
    if level < 2 and any(one.severity is None for one in features):
        return None
    return list(Severity)[level]


def _dead(one: FeatureDrift) -> bool:
    return one.importance > 0 and any(finding.kind in HARD_GATES for finding in one.findings)


def recompute(report: Mapping[str, Any]) -> Severity | None:
    """Return the severity that a stored report's evidence leads to, ignoring stored verdicts.

    Parameters
    ----------
    report
        What ``DriftReport.to_json`` returned.

    Raises
    ------
    InvalidInput
        For values that make no report.
    """
    stored = DriftReport.from_json(report)
    if stored.status is Status.NO_DATA:
        return Severity.SEVERE
    judged = [
        replace(
            one,
            severity=feature_severity(
                one.comparisons,
                one.findings,
                stored.floors,
                stored.quality_floors,
                capped=one.findings_capped,
            ),
        )
        for one in stored.features
    ]
    return model_severity(judged)
