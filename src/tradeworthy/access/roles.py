"""Roles, actors, and the one table of what each role may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from tradeworthy.errors import Forbidden


class Role(StrEnum):
    """What a token is for; a token may carry several."""

    VIEWER = "viewer"
    RESEARCHER = "researcher"
    VALIDATOR = "validator"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(StrEnum):
    """What the product does on request, each with the roles that may do it."""

    _roles: frozenset[Role]

    def __new__(cls, name: str, *roles: Role) -> Self:
        """Make an action of its name and its roles."""
        action = str.__new__(cls, name)
        action._value_ = name
        action._roles = frozenset(roles)
        return action

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that may do it."""
        return self._roles

    @property
    def words(self) -> str:
        """What it is to whoever types commands.

        Examples
        --------
        >>> Action.JUDGE_PROMOTION.words
        'dry-run a promotion'
        """
        return _WORDS.get(self, self.replace("_", " "))

    READ = "read", *Role
    PREDICT = "predict", *Role
    REGISTER_MODEL = "register_model", Role.RESEARCHER
    DRAFT_VERSION = "draft_version", Role.RESEARCHER
    RECORD_MANIFEST = "record_manifest", Role.RESEARCHER
    UPLOAD = "upload", Role.RESEARCHER, Role.OPERATOR
    BACKTEST = "backtest", Role.RESEARCHER, Role.VALIDATOR
    # A dry run is open to whoever may read; each step takes a role of its own below.
    JUDGE_PROMOTION = "judge_promotion", *Role
    PROMOTE_TRAINED = "promote_trained", Role.RESEARCHER
    PROMOTE_VALIDATED = "promote_validated", Role.VALIDATOR
    PROMOTE_STAGING = "promote_staging", Role.OPERATOR
    PROMOTE_PRODUCTION = "promote_production", Role.OPERATOR
    APPROVE = "approve", Role.VALIDATOR
    RETIRE = "retire", Role.OPERATOR
    QUARANTINE = "quarantine", Role.OPERATOR
    # An admin registers the release that it then forces.
    REGISTER_RELEASE = "register_release", Role.RESEARCHER, Role.OPERATOR, Role.ADMIN
    MOVE_RELEASE = "move_release", Role.OPERATOR, Role.ADMIN
    ACTIVATE_RELEASE = "activate_release", Role.OPERATOR
    FORCE_RELEASE = "force_release", Role.ADMIN
    SCAN_DRIFT = "scan_drift", Role.OPERATOR
    MANAGE_TOKENS = "manage_tokens", Role.ADMIN


# What its name on the wire does not say; a version is drafted and recorded by `train`.
_WORDS: Final = {
    Action.REGISTER_MODEL: "register a model",
    Action.DRAFT_VERSION: "train or tag a version",
    Action.RECORD_MANIFEST: "train or tag a version",
    Action.JUDGE_PROMOTION: "dry-run a promotion",
    Action.PROMOTE_TRAINED: "promote to TRAINED",
    Action.PROMOTE_VALIDATED: "promote to VALIDATED",
    Action.PROMOTE_STAGING: "promote to STAGING",
    Action.PROMOTE_PRODUCTION: "promote to PRODUCTION",
    Action.MOVE_RELEASE: "activate features",
    Action.ACTIVATE_RELEASE: "activate features",
    Action.FORCE_RELEASE: "drop features in use",
}

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

    def may(self, action: Action) -> bool:
        """Tell whether it may do ``action`` at least for some strategy."""
        try:
            self.require(action)
        except Forbidden:
            return False
        return True

    def require(self, action: Action, strategy: str | None = None) -> None:
        """Raise ``Forbidden`` unless this actor may do ``action`` for ``strategy``.

        Examples
        --------
        >>> Actor("ana", frozenset({Role.VIEWER})).require(Action.READ)
        >>> Actor("ana", frozenset({Role.VIEWER})).require(Action.RETIRE)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        tradeworthy.errors.Forbidden: 'ana' may not retire: that takes the role operator; ...
        """
        allowed = action.roles
        if not self.roles & allowed:
            names = " or ".join(sorted(allowed))
            raise Forbidden(
                f"{self.name!r} may not {action.words}: that takes the role {names}; "
                "`tradeworthy whoami` says what your token may, and an admin issues tokens",
                action=action,
                roles=sorted(allowed),
            )
        if self.strategies is None:
            return
        if action in UNSCOPED_ACTIONS:
            raise Forbidden(
                f"the token of {self.name!r} is scoped to strategies and may not "
                f"{action.words}: that takes one without a scope",
                action=action,
            )
        if strategy is not None and not self.sees(strategy):
            raise Forbidden(
                f"the token of {self.name!r} is not for strategy {strategy!r}: ask an admin",
                action=action,
                strategy=strategy,
            )
