"""A verdict: every gate of a step with what it saw, a pure function of facts and policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tradeworthy.base.digests import Json, canonical_json, tagged_digest
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.advice import BACKTEST, filled_in
from tradeworthy.promotion.concerns import CONCERNS
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.gate import Concern, Gate, GateResult
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import PolicyValue


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the facts let a version reach ``target`` under one policy, gate by gate.

    ``loosened`` names the request's overrides that loosened the policy, ``basis`` what the facts
    rest on, ``ledger_position`` the trials that were known.
    """

    target: Stage
    gates: tuple[GateResult, ...]
    policy: Mapping[str, PolicyValue]
    policy_digest: str
    loosened: tuple[str, ...] = ()
    ledger_position: int | None = None
    basis: Mapping[str, Json] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.gates:
            raise InvalidInput(f"no gate judged {self.target}; an empty verdict is none")

    @property
    def passed(self) -> bool:
        """True when no gate stands in the way."""
        return all(result.lets_through for result in self.gates)

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The gates that stand in the way."""
        return tuple(result for result in self.gates if not result.lets_through)

    @property
    def digest(self) -> str:
        """Digest of `to_json`."""
        return tagged_digest("verdict/v2", self.to_json())

    def as_dict(self) -> dict[str, Json]:
        """Return the verdict as JSON-ready values, every gate listed."""
        return {
            "target": str(self.target),
            "passed": self.passed,
            "gates": [_gate_dict(result) for result in self.gates],
            "policy": dict(self.policy),
            "policy_digest": self.policy_digest,
            "loosened": list(self.loosened),
            "ledger_position": self.ledger_position,
            "basis": dict(self.basis) or None,
        }

    def to_json(self) -> bytes:
        """Return the verdict as canonical JSON: the same facts and policy, the same bytes.

        Raises
        ------
        InvalidInput
            If the basis holds something that JSON cannot.
        """
        return canonical_json(self.as_dict())


def judge_promotion(target: Stage, facts: Facts, policy: Policy) -> Verdict:
    """Ask every gate before ``target``.

    Parameters
    ----------
    target
        The stage that the version is to reach.
    facts
        What is known about the version now.
    policy
        The effective policy of its model.

    Raises
    ------
    InvalidInput
        For a target that no gate guards (DRAFT).

    Examples
    --------
    >>> from tradeworthy.promotion.promotion_policy import get_policy_for_model
    >>> verdict = judge_promotion(Stage.TRAINED, Facts(), get_policy_for_model("spx"))
    >>> verdict.passed, [result.gate for result in verdict.failures]
    (False, ['manifest_complete', 'artifact_digests'])
    """
    return _judged(target, facts, policy, lambda gate: target in gate.targets)


def judge_rollback(facts: Facts, policy: Policy) -> Verdict:
    """Ask the gates before a standby version takes over again as champion.

    Its recorded approvals stand; digests, loading, alignment and quarantine are checked again.
    """
    return _judged(Stage.PRODUCTION, facts, policy, lambda gate: gate.before_rollback)


def _judged(
    target: Stage, facts: Facts, policy: Policy, wanted: Callable[[Gate[Any]], bool]
) -> Verdict:
    return Verdict(
        target=target,
        gates=tuple(
            _checked(concern, gate, facts, policy)
            for concern in CONCERNS.values()
            for gate in concern.gates
            if wanted(gate)
        ),
        policy=policy.values,
        policy_digest=policy.digest,
        loosened=policy.loosened,
        ledger_position=facts.ledger_position,
        basis=MappingProxyType(facts.basis.as_dict() if facts.basis else {}),
    )


def _checked(concern: Concern[Any], gate: Gate[Any], facts: Facts, policy: Policy) -> GateResult:
    """Check one gate; its advice names the version, and a backtest where there is none."""
    result = gate.check(facts.of(concern.reads), policy)
    if result.advice is None:
        return result
    advice = BACKTEST if concern.from_backtest and facts.basis is None else result.advice
    filled = filled_in(advice, *facts.candidate) if facts.candidate else advice
    return dataclasses.replace(result, advice=filled)


def _gate_dict(result: GateResult) -> dict[str, Json]:
    return {
        "gate": result.gate,
        "status": str(result.status),
        "observed": result.observed,
        "threshold": result.threshold,
        "reason": result.reason,
        "advice": result.advice,
    }
