"""A gate is one check; a concern is the gates that read the same facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.findings import Finding, GateStatus, Shown
from tradeworthy.promotion.policy.policy import Policy

F = TypeVar("F")

EVERY_STEP = frozenset({Stage.TRAINED, Stage.VALIDATED, Stage.STAGING, Stage.PRODUCTION})
EVIDENCE = frozenset({Stage.VALIDATED, Stage.PRODUCTION})
DEPLOYMENT = frozenset({Stage.STAGING, Stage.PRODUCTION})
LIVE = frozenset({Stage.PRODUCTION})
WITHDRAWAL = frozenset({Stage.RETIRED})


@dataclass(frozen=True, slots=True)
class GateResult:
    """A finding with the gate's name and, where it failed, what to do about it."""

    gate: str
    status: GateStatus
    observed: Shown
    threshold: Shown
    reason: str
    advice: str | None = None

    @property
    def lets_through(self) -> bool:
        """Whether this gate does not stand in the way."""
        return self.status is not GateStatus.FAILED


@dataclass(frozen=True, slots=True)
class Gate(Generic[F]):
    """One check, the targets that ask for it, and advice for who fails it.

    ``before_rollback`` says that a rollback asks for it too: it makes sure that the version is safe
    to load, and takes no time.
    """

    name: str
    targets: frozenset[Stage]
    judge: Callable[[F, Policy], Finding]
    advice: str
    before_rollback: bool = False

    def check(self, facts: F, policy: Policy) -> GateResult:
        """Judge the facts."""
        finding = self.judge(facts, policy)
        return GateResult(
            gate=self.name,
            status=finding.status,
            observed=_finite(finding.observed),
            threshold=_finite(finding.threshold),
            reason=finding.reason,
            advice=finding.advice or self.advice if finding.status is GateStatus.FAILED else None,
        )


@dataclass(frozen=True, slots=True)
class Concern(Generic[F]):
    """Gates that read one kind of facts.

    Parameters
    ----------
    reads
        The class of the facts; called without arguments it gives those of which nothing is known.
    gates
        What reads them, in the order of the verdict.
    from_backtest
        Whether a backtest makes the facts, so that without one the advice is to run it.
    """

    reads: type[F]
    gates: tuple[Gate[F], ...]
    from_backtest: bool = False

    def before(self, target: Stage) -> Iterator[Gate[F]]:
        """Return the gates that ``target`` asks for."""
        return (gate for gate in self.gates if target in gate.targets)


def _finite(value: Shown) -> Shown:
    # A verdict is JSON, which has no NaN; the reason says what was seen.
    return None if isinstance(value, float) and not math.isfinite(value) else value
