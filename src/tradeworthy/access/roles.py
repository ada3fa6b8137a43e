"""Roles, actors, and the one table of what each role may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tradeworthy.errors import Forbidden


class Role(StrEnum):
    """What a token is for; a token may carry several."""

    VIEWER = "viewer"
    RESEARCHER = "researcher"
    VALIDATOR = "validator"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be asked of the product."""

    READ = "read"
    PREDICT = "predict"
    REGISTER_MODEL = "register_model"
    DRAFT_VERSION = "draft_version"
    RECORD_MANIFEST = "record_manifest"
    UPLOAD = "upload"
    BACKTEST = "backtest"
    PROMOTE = "promote"
    PROMOTE_TRAINED = "promote_trained"
    PROMOTE_VALIDATED = "promote_validated"
    PROMOTE_STAGING = "promote_staging"
    PROMOTE_PRODUCTION = "promote_production"
    APPROVE = "approve"
    RETIRE = "retire"
    QUARANTINE = "quarantine"
    MOVE_RELEASE = "move_release"
    ACTIVATE_RELEASE = "activate_release"
    FORCE_RELEASE = "force_release"
    SCAN_DRIFT = "scan_drift"
    MANAGE_TOKENS = "manage_tokens"


_EVERYBODY = frozenset(Role)

PERMISSIONS: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.READ: _EVERYBODY,
        Action.PREDICT: _EVERYBODY,
        Action.REGISTER_MODEL: frozenset({Role.RESEARCHER}),
        Action.DRAFT_VERSION: frozenset({Role.RESEARCHER}),
        Action.RECORD_MANIFEST: frozenset({Role.RESEARCHER}),
        Action.UPLOAD: frozenset({Role.RESEARCHER, Role.OPERATOR}),
        Action.BACKTEST: frozenset({Role.RESEARCHER, Role.VALIDATOR}),
        # Whoever may take one of the steps; which one is known when the request is read.
        Action.PROMOTE: frozenset({Role.RESEARCHER, Role.VALIDATOR, Role.OPERATOR}),
        Action.PROMOTE_TRAINED: frozenset({Role.RESEARCHER}),
        Action.PROMOTE_VALIDATED: frozenset({Role.VALIDATOR}),
        Action.PROMOTE_STAGING: frozenset({Role.OPERATOR}),
        Action.PROMOTE_PRODUCTION: frozenset({Role.OPERATOR}),
        Action.APPROVE: frozenset({Role.VALIDATOR}),
        Action.RETIRE: frozenset({Role.OPERATOR}),
        Action.QUARANTINE: frozenset({Role.OPERATOR}),
        Action.MOVE_RELEASE: frozenset({Role.OPERATOR, Role.ADMIN}),
        Action.ACTIVATE_RELEASE: frozenset({Role.OPERATOR}),
        Action.FORCE_RELEASE: frozenset({Role.ADMIN}),
        Action.SCAN_DRIFT: frozenset({Role.OPERATOR}),
        Action.MANAGE_TOKENS: frozenset({Role.ADMIN}),
    }
)


UNSCOPED_ACTIONS = frozenset(
    {Action.MOVE_RELEASE, Action.ACTIVATE_RELEASE, Action.FORCE_RELEASE, Action.MANAGE_TOKENS}
)
"""What touches every strategy at once: a token that is scoped to some may not do it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated person or program.

    Parameters
    ----------
    name
        Who it is; four-eyes rules compare names.
    roles
        What it may do.
    strategies
        The strategies it is scoped to, None for all.
    """

    name: str
    roles: frozenset[Role]
    strategies: frozenset[str] | None = None

    def sees(self, strategy: str) -> bool:
        """Tell whether a strategy lies within the scope."""
        return self.strategies is None or strategy in self.strategies

    def require(self, action: Action, strategy: str | None = None) -> None:
        """Raise ``Forbidden`` unless this actor may do ``action`` for ``strategy``.

        Examples
        --------
        >>> Actor("ana", frozenset({Role.VIEWER})).require(Action.READ)
        >>> Actor("ana", frozenset({Role.VIEWER})).require(Action.RETIRE)
        Traceback (most recent call last):
        ...
        tradeworthy.errors.Forbidden: 'ana' may not retire: that takes the role operator
        """
        allowed = PERMISSIONS[action]
        if not self.roles & allowed:
            names = " or ".join(sorted(allowed))
            raise Forbidden(
                f"{self.name!r} may not {action.replace('_', ' ')}: that takes the role {names}",
                action=action,
                roles=sorted(allowed),
            )
        if self.strategies is None:
            return
        if action in UNSCOPED_ACTIONS:
            raise Forbidden(
                f"the token of {self.name!r} is scoped to strategies and may not "
                f"{action.replace('_', ' ')}: that takes one without a scope",
                action=action,
            )
        if strategy is not None and not self.sees(strategy):
            raise Forbidden(
                f"the token of {self.name!r} is not for strategy {strategy!r}: ask an admin",
                action=action,
                strategy=strategy,
            )
