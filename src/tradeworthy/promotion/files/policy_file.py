"""Shell: the policy file on disk."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tradeworthy.errors import PolicyInvalid
from tradeworthy.promotion.policy.policy_document import PolicyDocument
from tradeworthy.promotion.policy.policy_yaml import MAX_CHARACTERS, parse_policy

_NAME = Path("config") / "ml_promotion_policy.yaml"
_parsed = lru_cache(maxsize=8)(parse_policy)


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
    package = Path(__file__).parents[2]
    installed = package / _NAME
    return installed if installed.is_file() else package.parents[1] / _NAME
