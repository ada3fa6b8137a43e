"""Shell: the policy file on disk and the policy of one model from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from tradeworthy.errors import PolicyInvalid
from tradeworthy.promotion.policy.policy import Policy, resolve_policy
from tradeworthy.promotion.policy.policy_yaml import MAX_CHARACTERS, PolicyDocument, parse_policy

__all__ = ["Policy", "default_policy_path", "get_policy_for_model", "read_policy_file"]

_NAME = Path("config") / "ml_promotion_policy.yaml"
_parsed = lru_cache(maxsize=8)(parse_policy)


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


def read_policy_file(path: Path | str | None = None) -> PolicyDocument:
    """Read and check the policy file at ``path``, the package's own by default.

    Raises
    ------
    PolicyInvalid
        If the file is missing, too large, not UTF-8, or not a policy; the message names it.
    """
    place = default_policy_path() if path is None else Path(path)
    try:
        with place.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
        return _parsed(text)
    except OSError as error:
        raise PolicyInvalid(f"cannot read the policy file {place}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"the policy file {place} is not UTF-8 text") from error
    except PolicyInvalid as error:
        raise PolicyInvalid(f"{place}: {error.message}", **error.details) from error


def default_policy_path() -> Path:
    """Return the policy file of the installed package, or that of a source checkout."""
    package = Path(__file__).parents[1]
    installed = package / _NAME
    return installed if installed.is_file() else package.parents[1] / _NAME
