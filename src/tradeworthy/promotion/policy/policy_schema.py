"""Every key a promotion policy may hold: its type, its range, which way is tighter.

This table is the whole schema. A key that no gate and no setting reads is not in it, and a key
that is not in it does not load.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias, cast

from tradeworthy.errors import PolicyInvalid

PolicyValue: TypeAlias = "bool | int | float | str"

AUTO = "auto"
SEVERITIES = ("NORMAL", "MODERATE", "SEVERE")
_INTERVAL = re.compile(r"[1-9][0-9]{0,5}[mhd]")


class Kind(StrEnum):
    """The type of a key's value; nothing is converted except whole numbers to numbers."""

    NUMBER = "a number"
    COUNT = "a whole number"
    FLAG = "true or false"
    CHOICE = "one of the words"
    COUNT_OR_AUTO = "a whole number or auto"
    INTERVAL = "a number of minutes, hours or days such as 30m, 1h or 7d"


class Tighter(StrEnum):
    """Which way a threshold is stricter; a setting has neither and takes no request override."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """One key: dotted name, kind, inclusive range, tighter direction, choices from tight to loose.

    ``low_open`` and ``high_open`` leave the bound itself out of the range.
    """

    name: str
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    tighter: Tighter | None = None
    choices: tuple[str, ...] = ()
    low_open: bool = False
    high_open: bool = False


_H, _L = Tighter.HIGHER, Tighter.LOWER
_MANY = 10_000_000
_LONGEST = 10**50

_TABLE = (
    PolicyKey("min_sharpe", Kind.NUMBER, -100, 100, _H),
    PolicyKey("min_sortino", Kind.NUMBER, -100, 1000, _H),
    PolicyKey("min_calmar", Kind.NUMBER, -100, 1000, _H),
    PolicyKey("max_drawdown", Kind.NUMBER, 0, 1, _L, low_open=True),
    PolicyKey("max_cvar", Kind.NUMBER, 0, 1, _L, low_open=True),
    PolicyKey("min_hit_rate", Kind.NUMBER, 0, 1, _H),
    PolicyKey("max_turnover", Kind.NUMBER, 0, 1e6, _L, low_open=True),
    PolicyKey("min_trades", Kind.COUNT, 1, _MANY, _H),
    PolicyKey("min_worst_fold_sharpe", Kind.NUMBER, -100, 100, _H),
    PolicyKey("min_evaluation_observations", Kind.COUNT, 2, _MANY, _H),
    PolicyKey("cost_stress_multiplier", Kind.NUMBER, 1, 1000, _H),
    PolicyKey("min_psr", Kind.NUMBER, 0, 1, _H, high_open=True),
    PolicyKey("min_dsr", Kind.NUMBER, 0, 1, _H, high_open=True),
    PolicyKey("max_pbo", Kind.NUMBER, 0, 1, _L),
    PolicyKey("min_track_record", Kind.COUNT_OR_AUTO, 2, _MANY, _H),
    PolicyKey("max_trials_without_review", Kind.COUNT, 1, _MANY, _L),
    PolicyKey("require_lookahead_pass", Kind.FLAG, tighter=_H),
    PolicyKey("max_drift_severity", Kind.CHOICE, tighter=_L, choices=SEVERITIES),
    PolicyKey("revalidate_every", Kind.COUNT, 1, 36_500, _L),
    PolicyKey("required_approvals", Kind.COUNT, 1, 100),
    PolicyKey("standby_days", Kind.COUNT, 0, 36_500),
    PolicyKey("overrides", Kind.CHOICE, choices=("tighten_only", "any")),
    PolicyKey("evaluation.periods_per_year", Kind.NUMBER, 0, 1e7, low_open=True),
    PolicyKey("evaluation.commission_bps", Kind.NUMBER, 0, 1000),
    PolicyKey("evaluation.slippage_bps", Kind.NUMBER, 0, 1000),
    PolicyKey("evaluation.execution", Kind.CHOICE, choices=("next_open", "next_close")),
    PolicyKey("evaluation.folds", Kind.COUNT, 2, 1000),
    PolicyKey("evaluation.min_train", Kind.COUNT, 2, _MANY),
    PolicyKey("evaluation.purge", Kind.COUNT, 0, _MANY),
    PolicyKey("evaluation.embargo", Kind.COUNT, 0, _MANY),
    PolicyKey("drift.current_sessions", Kind.COUNT, 1, 100_000),
    PolicyKey("drift.reference_sessions", Kind.COUNT, 1, 100_000),
    PolicyKey("drift.every", Kind.INTERVAL),
)

KEYS: Mapping[str, PolicyKey] = MappingProxyType({key.name: key for key in _TABLE})
GROUPS: tuple[str, ...] = ("evaluation", "drift")

# What no section may leave open. Every figure a gate compares with must be in the file instead.
BUILT_IN: Mapping[str, PolicyValue] = MappingProxyType(
    {
        "require_lookahead_pass": True,
        "max_drift_severity": "MODERATE",
        "required_approvals": 1,
        "standby_days": 30,
        "overrides": "tighten_only",
        "evaluation.periods_per_year": 252.0,
        "evaluation.commission_bps": 1.0,
        "evaluation.slippage_bps": 4.0,
        "evaluation.execution": "next_open",
        "evaluation.folds": 5,
        "evaluation.min_train": 1000,
        "evaluation.purge": 1,
        "evaluation.embargo": 0,
        "drift.current_sessions": 1,
        "drift.reference_sessions": 30,
        "drift.every": "1h",
    }
)

# A policy with none of these would let anything through, so that it lets nothing through.
JUDGING: frozenset[str] = frozenset(
    {"min_sharpe", "min_sortino", "min_calmar", "min_psr", "min_dsr", "min_worst_fold_sharpe"}
)


def checked_value(name: str, value: object, place: str = "") -> PolicyValue:
    """Return ``value`` as key ``name`` holds it: numbers as float, the rest as they are.

    Parameters
    ----------
    name
        A dotted key of `KEYS`.
    value
        What the file or the request says.
    place
        Where it stands, for the message.

    Raises
    ------
    PolicyInvalid
        For an unknown key, another type (true is no number, "0.5" neither), NaN, an infinity, or
        a value out of range.

    Examples
    --------
    >>> checked_value("min_sharpe", 1)
    1.0
    >>> checked_value("max_drift_severity", "MODERATE")
    'MODERATE'
    """
    key = KEYS.get(name)
    if key is None:
        raise PolicyInvalid(unknown_key_message(name, KEYS, place), key=name)
    if not _has_kind(key, value):
        words = " " + ", ".join(key.choices) if key.choices else ""
        raise PolicyInvalid(
            f"{place}{name} must be {key.kind}{words}, not {_shown(value)}", key=name
        )
    if isinstance(value, bool | str):
        return value
    number = cast("int | float", value)
    if not _in_range(key, number):
        raise PolicyInvalid(
            f"{place}{name} must lie in {_range(key)}, not {_shown(number)}", key=name
        )
    # Adding nought makes -0.0 the zero that it equals: one policy, one digest.
    return float(number) + 0.0 if key.kind is Kind.NUMBER else number


def loosens(name: str, current: PolicyValue | None, requested: PolicyValue) -> bool:
    """Tell whether ``requested`` is looser than ``current`` for the threshold ``name``.

    A threshold where there was none is tighter. ``auto`` and a number cannot be compared, so that
    going from one to the other counts as looser.

    Examples
    --------
    >>> loosens("min_sharpe", 0.5, 0.4), loosens("max_drawdown", 0.3, 0.2)
    (True, False)
    """
    if current is None or requested == current:
        return False
    key = KEYS[name]
    if key.choices:
        return key.choices.index(str(requested)) > key.choices.index(str(current))
    if isinstance(current, str) or isinstance(requested, str):
        return True
    return requested < current if key.tighter is Tighter.HIGHER else requested > current


def unknown_key_message(name: str, known: Iterable[str], place: str = "") -> str:
    """Say that ``name`` is unknown and which known name it may have meant.

    Examples
    --------
    >>> unknown_key_message("min_sharp", KEYS)
    "unknown key 'min_sharp'; did you mean 'min_sharpe'?"
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
    return f"{place}unknown key {name!r}; {hint}"


def _has_kind(key: PolicyKey, value: object) -> bool:
    match key.kind:
        case Kind.NUMBER:
            return type(value) in (int, float)
        case Kind.COUNT:
            return type(value) is int
        case Kind.FLAG:
            return type(value) is bool
        case Kind.COUNT_OR_AUTO:
            return type(value) is int or value == AUTO
        case Kind.CHOICE:
            return isinstance(value, str) and value in key.choices
        case Kind.INTERVAL:
            return isinstance(value, str) and _INTERVAL.fullmatch(value) is not None


def _in_range(key: PolicyKey, number: float) -> bool:
    above = number > key.low if key.low_open else number >= key.low
    below = number < key.high if key.high_open else number <= key.high
    # NaN is neither above nor below anything.
    return above and below


def _range(key: PolicyKey) -> str:
    left, right = "(" if key.low_open else "[", ")" if key.high_open else "]"
    return f"{left}{key.low:g}, {key.high:g}{right}"


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > _LONGEST:
        return "a number of that size"  # Python refuses to write out the longest ones
    return f"the text {value!r:.60}" if isinstance(value, str) else f"{value!r:.60}"
