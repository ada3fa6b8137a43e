"""The age of a version's validation."""

from __future__ import annotations

from datetime import timedelta

from tradeworthy.lifecycle.events import VersionPromoted
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.freshness import FreshnessFacts

_DAY = timedelta(days=1)


def gather(case: Case) -> FreshnessFacts:
    """Return the facts."""
    with case.sources.store.read() as view:
        history = view.events.of_model(case.state.name)
    moments = [
        recorded.event.at
        for recorded in history
        if isinstance(recorded.event.body, VersionPromoted)
        and recorded.event.version == case.version.version
        and recorded.event.body.target is Stage.VALIDATED
    ]
    if case.version.stage is Stage.STAGING and case.backtest is not None:
        # The step before it judges the latest evidence anew: that is a validation.
        moments.append(case.backtest.at)
    age = (case.now - max(moments)) / _DAY if moments else None
    return FreshnessFacts(age, renewed_by_backtest=case.version.stage is Stage.STAGING)
