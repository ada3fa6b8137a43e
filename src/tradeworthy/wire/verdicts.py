"""Verdicts: what every gate of a step saw and decided, under which policy, resting on what."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.bodies import ResponseBody

GateFigure = bool | int | float | str | None


class JudgedGate(ResponseBody):
    """One gate: what it saw, what it compared with, why it decided so and what to do about it."""

    gate: str
    status: Literal["PASSED", "FAILED", "NOT_APPLICABLE"]
    observed: GateFigure
    threshold: GateFigure
    reason: str
    advice: str | None


class VerdictBasis(ResponseBody):
    """The evidence that a verdict rests on."""

    artifact_digest: str | None
    manifest_digest: str | None
    dataset_hash: str
    evidence_digest: str
    result_digest: str
    training_data_rebuilt: bool
    sharpe_per_period: float | None
    periods_per_year: float
    formulas: str


class GivenVerdict(ResponseBody):
    """Whether a version may reach a stage, gate by gate, and the policy's values at that time.

    ``basis`` is None where no evaluation was judged; ``loosened`` names the request's overrides
    that loosened the policy; ``ledger_position`` counts the trials that were known.
    """

    target: Stage
    passed: bool
    gates: list[JudgedGate]
    policy: dict[str, JsonValue]
    policy_digest: str
    loosened: list[str]
    ledger_position: int | None
    basis: VerdictBasis | None
