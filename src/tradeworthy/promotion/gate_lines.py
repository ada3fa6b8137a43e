"""The gates of a verdict as lines of text: gates that give the same advice stand together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


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
