"""The policy of one model, as the policy file in force says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradeworthy.promotion.files.policy_file import read_policy_file
from tradeworthy.promotion.policy.policy import Policy, resolve_policy


def get_policy_for_model(
    model: str,
    strategy: str | None = None,
    overrides: Mapping[str, object] | None = None,
    path: Path | str | None = None,
    *,
    tier: str | None = None,
) -> Policy:
    """Return the effective policy of ``model``: request > model > strategy > tier > default.

    Parameters
    ----------
    model, strategy, tier
        Names of the model, its strategy and its risk tier; unknown ones add nothing.
    overrides
        Thresholds that a promote request asks for.
    path
        The policy file; the one that comes with the package by default.

    Raises
    ------
    PolicyInvalid
        If the file cannot be read or used.
    InvalidInput, OverrideLoosensPolicy
        If the overrides cannot be used, or loosen a policy that may only be tightened.

    Examples
    --------
    >>> policy = get_policy_for_model("spx", overrides={"min_sharpe": 2})
    >>> policy.number("min_sharpe"), policy.required_approvals >= 1
    (2.0, True)
    """
    return resolve_policy(read_policy_file(path), model, strategy, tier, overrides)
