"""The effective policy of one model: sections merged, every value with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from tradeworthy.base.digests import json_digest
from tradeworthy.errors import InvalidInput, OverrideLoosensPolicy, PolicyInvalid
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.promotion.policy.policy_document import PolicyDocument, Section
from tradeworthy.promotion.policy.policy_schema import (
    BUILT_IN,
    KEYS,
    PolicyValue,
    checked_value,
    loosens,
    unknown_key_message,
)

SCHEME = "policy/v1"
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """Windows of the drift monitor in sessions of the model's calendar, and its period."""

    current_sessions: int
    reference_sessions: int
    every_seconds: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The thresholds and settings that one model is held to.

    ``values`` are by dotted key; ``origins`` names the section that set each (``built-in``,
    ``default``, ``tiers.<name>``, ``strategies.<name>``, ``models.<name>`` or ``request``);
    ``loosened`` lists the request's overrides that loosen the file, ``overridden`` what the file
    says where the request said otherwise. ``policy["min_sharpe"]`` and ``policy.min_sharpe`` read
    one value.
    """

    values: Mapping[str, PolicyValue]
    origins: Mapping[str, str]
    loosened: tuple[str, ...] = ()
    overridden: Mapping[str, PolicyValue | None] = field(default_factory=dict)

    def __getitem__(self, key: str) -> PolicyValue | None:
        """Return what the policy says under a dotted key, None where it sets nothing.

        Raises
        ------
        KeyError
            For a key that no policy holds; it says which one may have been meant.

        Examples
        --------
        >>> policy = Policy({"min_sharpe": 0.5, "evaluation.folds": 5}, {})
        >>> policy["min_sharpe"], policy["evaluation.folds"], policy["min_dsr"]
        (0.5, 5, None)
        """
        if key not in KEYS:
            raise KeyError(unknown_key_message(key, KEYS))
        return self.values.get(key)

    if not TYPE_CHECKING:  # a type checker shall still find the attribute that is mistyped

        def __getattr__(self, name: str) -> PolicyValue | None:
            """Return the threshold ``name``: ``policy.min_sharpe`` is ``policy["min_sharpe"]``."""
            if name not in KEYS:
                raise AttributeError(unknown_key_message(name, KEYS))
            return self.values.get(name)

    @property
    def digest(self) -> str:
        """Digest of the effective values; comments, order and origins leave it alone."""
        return json_digest(SCHEME, dict(self.values))

    @property
    def standing_digest(self) -> str:
        """Digest of `standing_values`: approvals are bound to it."""
        return json_digest(SCHEME, self.standing_values)

    @property
    def standing_values(self) -> dict[str, PolicyValue]:
        """What the policy says without the request's overrides."""
        values = {**self.values, **self.overridden}
        return {key: value for key, value in values.items() if value is not None}

    def number(self, key: str) -> float | None:
        """Return the number under ``key``, None where the policy sets none or says ``auto``."""
        value = self.values.get(key)
        return None if isinstance(value, str) or value is None else float(value)

    def text(self, key: str) -> str | None:
        """Return the word under ``key``, None where the policy sets none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    @property
    def require_lookahead_pass(self) -> bool:
        """Whether features must have passed the look-ahead tests."""
        return self.values.get("require_lookahead_pass") is not False

    @property
    def required_approvals(self) -> int:
        """How many people must have approved before PRODUCTION; never below one."""
        return max(1, self._whole("required_approvals"))

    @property
    def standby_days(self) -> int:
        """How long a demoted champion stands by for a rollback."""
        return self._whole("standby_days")

    @property
    def evaluation(self) -> EvaluationSettings:
        """How a candidate is evaluated, whatever its label."""
        drift = self.drift
        return EvaluationSettings(
            commission_bps=float(self.values["evaluation.commission_bps"]),
            slippage_bps=float(self.values["evaluation.slippage_bps"]),
            execution=str(self.values["evaluation.execution"]),
            folds=self._whole("evaluation.folds"),
            min_train=self._whole("evaluation.min_train"),
            purge=self._whole("evaluation.purge"),
            embargo=self._whole("evaluation.embargo"),
            periods_per_year=float(self.values["evaluation.periods_per_year"]),
            current_sessions=drift.current_sessions,
            reference_sessions=drift.reference_sessions,
        )

    @property
    def drift(self) -> DriftSettings:
        """How the model is watched."""
        every = str(self.values["drift.every"])
        return DriftSettings(
            current_sessions=self._whole("drift.current_sessions"),
            reference_sessions=self._whole("drift.reference_sessions"),
            every_seconds=int(every[:-1]) * _SECONDS[every[-1]],
        )

    def _whole(self, key: str) -> int:
        return int(self.values[key])


def resolve_policy(
    document: PolicyDocument,
    model: str,
    strategy: str | None = None,
    tier: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Policy:
    """Merge the sections that speak of ``model``: request > model > strategy > tier > default.

    Parameters
    ----------
    document
        A parsed policy file.
    model, strategy, tier
        Names; one without a section of its own adds nothing.
    overrides
        Thresholds that a promote request asks for, by key.

    Raises
    ------
    PolicyInvalid
        If the merged drift windows contradict each other.
    InvalidInput
        For an override that is unknown, malformed, or of a key that is no threshold.
    OverrideLoosensPolicy
        For one that loosens while the policy says ``overrides: tighten_only``.

    Examples
    --------
    >>> from tradeworthy.promotion.policy.policy_yaml import parse_policy
    >>> document = parse_policy("default: {min_sharpe: 0.5, max_drawdown: 0.3}")
    >>> policy = resolve_policy(document, "spx", overrides={"min_sharpe": 1})
    >>> policy.number("min_sharpe"), policy.origins["min_sharpe"], policy.origins["max_drawdown"]
    (1.0, 'request', 'default')
    """
    values = dict(BUILT_IN)
    origins = dict.fromkeys(BUILT_IN, "built-in")
    for origin, section in _sections(document, model, strategy, tier):
        values |= section
        origins |= dict.fromkeys(section, origin)
    requested = {key: _checked_override(key, value) for key, value in (overrides or {}).items()}
    loosened = tuple(sorted(k for k in requested if loosens(k, values.get(k), requested[k])))
    if loosened and values["overrides"] == "tighten_only":
        raise _loosening(loosened, values, requested)
    overridden = MappingProxyType({key: values.get(key) for key in requested})
    values |= requested
    origins |= dict.fromkeys(requested, "request")
    policy = Policy(MappingProxyType(values), MappingProxyType(origins), loosened, overridden)
    if policy.drift.reference_sessions < policy.drift.current_sessions:
        raise PolicyInvalid(
            f"the policy of model {model!r} compares drift.current_sessions "
            f"{policy.drift.current_sessions} with fewer drift.reference_sessions "
            f"{policy.drift.reference_sessions}; raise the second"
        )
    return policy


def _sections(
    document: PolicyDocument, model: str, strategy: str | None, tier: str | None
) -> list[tuple[str, Section]]:
    named = (
        ("tiers", document.tiers, tier),
        ("strategies", document.strategies, strategy),
        ("models", document.models, model),
    )
    sections = [
        (f"{kind}.{name}", s[name]) for kind, s, name in named if name is not None and name in s
    ]
    return [("default", document.default), *sections]


def _checked_override(key: str, value: object) -> PolicyValue:
    thresholds = [name for name, spec in KEYS.items() if spec.tighter is not None]
    if key in KEYS and key not in thresholds:
        raise InvalidInput(
            f"{key} cannot be overridden by a request; change the policy file", key=key
        )
    if key not in KEYS:
        raise InvalidInput(unknown_key_message(key, thresholds, "overrides: "), key=key)
    try:
        return checked_value(key, value, "overrides: ")
    except PolicyInvalid as error:
        raise InvalidInput(error.message, key=key) from error


def _loosening(
    keys: tuple[str, ...], values: Mapping[str, PolicyValue], requested: Mapping[str, PolicyValue]
) -> OverrideLoosensPolicy:
    changes = ", ".join(f"{key} from {values[key]} to {requested[key]}" for key in keys)
    return OverrideLoosensPolicy(
        f"the policy lets a request tighten thresholds only, this one loosens {changes}; "
        "have the policy file changed",
        overrides={key: {"policy": values[key], "requested": requested[key]} for key in keys},
    )
