"""The order in which every node comes after those that it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradeworthy.errors import InvalidInput


def ancestors_first(
    roots: Sequence[str], dependencies: Mapping[str, Sequence[tuple[str, str]]]
) -> list[str]:
    """Order the ancestor closure of ``roots``, every ancestor before its descendants.

    Raises
    ------
    InvalidInput
        For a root or a dependency that is missing, and for a cycle; the cycle is shown.
    """
    ordered: dict[str, None] = {}
    on_path: dict[str, None] = {}
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        key, done = stack.pop()
        if done:
            del on_path[key]
            ordered[key] = None
        elif key not in ordered:
            if key in on_path:
                raise InvalidInput(_cycle(key, list(on_path)))
            if key not in dependencies:
                raise InvalidInput(f"node {key} is missing")
            on_path[key] = None
            stack.append((key, True))
            parents = [parent for _, parent in dependencies[key]]
            stack.extend((parent, False) for parent in reversed(parents) if parent not in ordered)
    return list(ordered)


def _cycle(key: str, path: Sequence[str]) -> str:
    return " -> ".join([*path[path.index(key) :], key])
