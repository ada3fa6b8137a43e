"""Advice that several gates give, and how its commands are filled in for one version."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

BACKTEST: Final = "run `tradeworthy backtest MODEL VERSION`"
TRAIN: Final = "`tradeworthy train FILE --model MODEL --data BARS`"
# A backtest rebuilds the training table: bars before it would give another one.
MORE_BARS: Final = (
    "with later bars, `tradeworthy datasets add BARS`, then `tradeworthy backtest MODEL VERSION "
    f"--dataset HASH` with the hash that it prints; with earlier ones, a new version: {TRAIN}"
)
MORE_DATA: Final = f"evaluate on a longer period: {MORE_BARS}"
RETHINK: Final = (
    "change features, label or signal rule and train a new version, or have the threshold changed "
    "in the policy file"
)
NOT_EARNING: Final = (
    "the rule earns nothing after costs, and more data would not change that: change features, "
    "label or signal rule and train a new version"
)
# Beyond it nobody waits for a track record, and older data are another market.
LONGEST_YEARS: Final = 20
EARNING_LITTLE: Final = (
    f"the rule earns too little for its risk to show beyond luck in {LONGEST_YEARS} years out of "
    "sample: change features, label or signal rule and train a new version"
)
UNDEFINED: Final = (
    "these returns have no such figure, since they lack trades, variation or losses: let the "
    f"signal rule trade, or evaluate on a longer period: {MORE_BARS}"
)

_COMMAND = re.compile("`tradeworthy [^`]*`")
_PLACES = re.compile(r"\b(?:MODEL|VERSION)\b")


def longer_period(needed: float, per_year: float) -> str:
    """Advise how long a period shows that the Sharpe ratio is no luck, or that none does.

    Examples
    --------
    >>> longer_period(2016, 252).partition(":")[0]
    'evaluate on a longer period, 8 years (2016 periods) out of sample if the Sharpe ratio stays'
    """
    years = needed / per_year
    if years > LONGEST_YEARS:
        return EARNING_LITTLE
    period = f"{years:.3g} years ({math.ceil(needed)} periods) out of sample"
    return f"evaluate on a longer period, {period} if the Sharpe ratio stays: {MORE_BARS}"


def put_back(file: str) -> str:
    """Advise whose feature code is not what a version was trained on."""
    return f"put {file} as it was at the training back into the strategies folder"


def train_anew(model: str, edits: Mapping[str, int]) -> str:
    """Advise who wants the code that runs now to be what a model predicts with.

    Parameters
    ----------
    model
        Its name.
    edits
        Features that were edited in place, to the version that the new definition needs.
    """
    train = filled_in(TRAIN, model, 0)
    if not edits:
        return f"train a new version on the code that runs: {train}"
    return f"{keep_beside(edits)}, then train a new version on it: {train}"


def keep_beside(edits: Mapping[str, int]) -> str:
    """Advise who edited features that live versions are bound to.

    Examples
    --------
    >>> keep_beside({"week@1": 2}).partition(" (")[0].partition(" and ")[2]
    'add the changed one beside it as @feature(version=2, name="week")'
    """
    added = ", ".join(
        f'@feature(version={number}, name="{key.rpartition("@")[0]}")'
        for key, number in edits.items()
    )
    pins = ", ".join('"{}": {}'.format(*key.rpartition("@")[::2]) for key in edits)
    return (
        f"keep the old definition of {', '.join(edits)} and add the changed one beside it as "
        f"{added} (what has to go on with the old one pins it: pins={{{pins}}})"
    )


def filled_in(advice: str, model: str, version: int) -> str:
    """Put a model and a version into the commands of an advice.

    Examples
    --------
    >>> filled_in(BACKTEST, "spx", 3)
    'run `tradeworthy backtest spx 3`'
    """
    values = {"MODEL": model, "VERSION": str(version)}

    def fill(command: re.Match[str]) -> str:
        return _PLACES.sub(lambda place: values[place[0]], command[0])

    return _COMMAND.sub(fill, advice)
