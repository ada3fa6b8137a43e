"""Policies: what each model is held to, by the policy file in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tradeworthy.base.digests import canonical_json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.promotion.policy.policy import Policy, resolve_policy
from tradeworthy.promotion.policy.policy_document import PolicyDocument
from tradeworthy.store.ports.documents import Document

USUAL_TIER = "standard"
"""The tier of a model that is in none of those that the policy file names."""


def policy_documents(policy: Policy) -> tuple[Document, ...]:
    """Return what makes a policy readable later: as judged, and without the request's overrides."""
    return tuple(
        Document(digest, "policy", canonical_json(dict(values)))
        for digest, values in (
            (policy.digest, policy.values),
            (policy.standing_digest, policy.standing_values),
        )
    )


class Policies:
    """Reads the policy file in force anew for every decision.

    Parameters
    ----------
    read
        Reads the file.
    """

    def __init__(self, read: Callable[[], PolicyDocument]) -> None:
        self._read = read

    def of(self, state: ModelState, overrides: Mapping[str, object] | None = None) -> Policy:
        """Return the policy that a model is held to.

        Raises
        ------
        PolicyInvalid
            If the policy file cannot be used.
        OverrideLoosensPolicy
            If an override loosens a tighten-only policy.
        """
        return resolve_policy(self._read(), state.name, state.strategy, state.tier, overrides)

    def check_tier(self, tier: str) -> None:
        """Raise ``InvalidInput`` unless the policy file knows a risk tier, or it is the usual one.

        A tier that was mistyped would be held to less than it should be, and nobody would know.
        """
        known = sorted({USUAL_TIER, *self._read().tiers})
        if tier not in known:
            raise InvalidInput(
                f"the policy file has no tier {tier!r}: use {', '.join(known)}", field="tier"
            )
