"""The gates of a verdict as lines of text: gates that give the same advice stand together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from tradeworthy.base.foreign_text import readable, shortened

_MOST_GATES = 12
_MOST_BYTES = 500


def gate_lines(mark: str, gates: Iterable[tuple[str, str, str | None]]) -> Iterator[str]:
    """Lay gates out, a line each; what several of them advise is said once, below them.

    Parameters
    ----------
    mark
        What stands before each.
    gates
        Name, reason and advice of each.

    Examples
    --------
    >>> gates = [("min_psr", "unknown", "run it"), ("aligned", "no", "put it back"),
    ...          ("max_pbo", "unknown", "run it")]
    >>> print(*gate_lines("FAIL", gates), sep=chr(10))
      FAIL  min_psr: unknown
      FAIL  max_pbo: unknown
            for these 2: run it
      FAIL  aligned: no; put it back
    """
    by_advice: dict[str | None, list[str]] = {}
    for name, reason, advice in gates:
        by_advice.setdefault(advice, []).append(f"  {mark}  {name}: {reason}")
    for advice, lines in by_advice.items():
        if advice is None:
            yield from lines
        elif len(lines) == 1:
            yield f"{lines[0]}; {advice}"
        else:
            yield from lines
            yield f"  {' ' * len(mark)}  for these {len(lines)}: {advice}"


class ShownGate(Protocol):
    """What a gate found, here or in an answer."""

    @property
    def gate(self) -> str:
        """Its name."""

    @property
    def status(self) -> str:
        """``FAILED`` for the gates that refuse."""

    @property
    def reason(self) -> str:
        """What was measured, and what is required."""

    @property
    def advice(self) -> str | None:
        """What to do about it."""


def refusal_lines(gates: Iterable[ShownGate]) -> Iterator[str]:
    """Lay out the gates that failed for the text of an error, which has a bound."""
    failed = [each for each in gates if each.status == "FAILED"]
    shown = (
        (each.gate, _bounded(each.reason), each.advice and _bounded(each.advice))
        for each in failed[:_MOST_GATES]
    )
    yield from gate_lines("FAIL", shown)
    if len(failed) > _MOST_GATES:
        yield f"  and {len(failed) - _MOST_GATES} more gates: details['verdict'] has them all"


def _bounded(text: str) -> str:
    return shortened(readable(text), _MOST_BYTES)
