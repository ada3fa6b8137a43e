"""What changed between the graph a model is bound to and the one that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tradeworthy.base.digests import Json
from tradeworthy.features.graph_node import SnapshotNode
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.logic import Component
from tradeworthy.features.release import Release

REACHED = "reached"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """One part of a feature that differs.

    Attributes
    ----------
    component
        Such as ``constant WINDOW``, ``helper _scale``, ``body`` or ``dependency close``.
    before, after
        What was written; None where there was nothing.
    """

    component: str
    before: str | None
    after: str | None

    def explain(self) -> str:
        """Say it in one line."""
        values = [each for each in (self.before, self.after) if each is not None]
        is_short = all(0 < len(each) <= 60 and "\n" not in each for each in values)
        if self.before is None:
            return f"{self.component} {self.after} added" if is_short else f"{self.component} added"
        if self.after is None:
            return f"{self.component} removed"
        if is_short and self.before != self.after:
            return f"{self.component} {self.before} -> {self.after}"
        line = _changed_line(self.before, self.after)
        return f"{self.component} changed" + (f": {line[0]} -> {line[1]}" if line else "")


def _changed_line(before: str, after: str) -> tuple[str, str] | None:
    """Find the one short line that differs; None if it is not one for one."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) != len(new):
        return None
    pairs = [(a.strip(), b.strip()) for a, b in zip(old, new, strict=True) if a != b]
    is_short = len(pairs) == 1 and all(0 < len(each) <= 80 for each in pairs[0])
    return pairs[0] if is_short and pairs[0][0] != pairs[0][1] else None


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """One feature that differs.

    Attributes
    ----------
    feature, version
        Which one.
    kind
        ``added``, ``removed``, ``changed``, or ``reached`` if only an ancestor changed.
    components
        What differs in it; empty if it was only reached.
    reaches
        The model's inputs that depend on it.
    """

    feature: str
    version: int
    kind: str
    components: tuple[ComponentChange, ...]
    reaches: tuple[str, ...]

    def explain(self) -> str:
        """Say it in one line."""
        what = ", ".join(each.explain() for each in self.components) or self.kind
        reaches = f"; reaches {', '.join(self.reaches)}" if self.reaches else ""
        return f"{self.feature}@{self.version}: {what}{reaches}"


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """All changes, features first that changed themselves."""

    bound_hash: str
    running_hash: str
    changes: tuple[FeatureChange, ...]

    def __bool__(self) -> bool:
        return self.bound_hash != self.running_hash

    def explain(self) -> tuple[str, ...]:
        """Say each feature's own change in a line, and in one line which features follow.

        Examples
        --------
        >>> change = ComponentChange("constant WINDOW", "20", "21")
        >>> FeatureChange("volatility", 1, "changed", (change,), ("volatility",)).explain()
        'volatility@1: constant WINDOW 20 -> 21; reaches volatility'
        """
        own = [change.explain() for change in self.changes if change.kind != REACHED]
        reached = [
            f"{each.feature}@{each.version}" for each in self.changes if each.kind == REACHED
        ]
        if reached:
            more = len(reached) - _NAMED
            names = ", ".join(reached[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            own.append(f"changed only by their inputs: {names}")
        return tuple(own)

    def nodes(self) -> list[dict[str, Json]]:
        """List every feature that differs, those that only an ancestor changed included."""
        return [
            {
                "feature": change.feature,
                "version": change.version,
                "kind": change.kind,
                "reaches": list(change.reaches),
            }
            for change in self.changes
        ]

    def to_json(self) -> dict[str, Json]:
        """Give the JSON form."""
        return {
            "bound": self.bound_hash,
            "running": self.running_hash,
            "changes": [
                node
                | {
                    "components": [
                        {"component": each.component, "before": each.before, "after": each.after}
                        for each in change.components
                    ]
                }
                for node, change in zip(self.nodes(), self.changes, strict=True)
            ],
            "explanation": list(self.explain()),
        }


def diff_snapshots(bound: GraphSnapshot, running: GraphSnapshot) -> GraphDiff:
    """Tell what changed from the graph a model is bound to, to the one that runs."""
    reach = _reaches(bound)
    for key, inputs in _reaches(running).items():
        reach[key] = list(dict.fromkeys([*reach.get(key, []), *inputs]))
    changes = []
    for key in sorted({*bound.nodes, *running.nodes}):
        before, after = bound.nodes.get(key), running.nodes.get(key)
        node = after or before
        if node is None or (before and after and before.node_hash == after.node_hash):
            continue
        parts = tuple(_component_changes(before, after)) if before and after else ()
        changes.append(
            FeatureChange(
                feature=node.name,
                version=node.version,
                kind=_kind(before, after, parts),
                components=parts,
                reaches=tuple(reach.get(key, ())),
            )
        )
    if not changes and bound.hash != running.hash:
        changes.append(_other_inputs(bound, running))
    changes.sort(key=lambda change: change.kind == REACHED)
    return GraphDiff(bound.hash, running.hash, tuple(changes))


def _other_inputs(bound: GraphSnapshot, running: GraphSnapshot) -> FeatureChange:
    """Describe the same features taken as other inputs, or in another order."""
    inputs = ComponentChange("inputs", ", ".join(bound.inputs), ", ".join(running.inputs))
    name, _, version = running.inputs[0].rpartition("@")
    return FeatureChange(name, int(version), "changed", (inputs,), ())


def _kind(
    before: SnapshotNode | None,
    after: SnapshotNode | None,
    parts: tuple[ComponentChange, ...],
) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "changed" if parts else REACHED


def _component_changes(before: SnapshotNode, after: SnapshotNode) -> Iterator[ComponentChange]:
    yield from _logic_changes(before, after)
    for name in sorted({*before.semantics, *after.semantics}):
        old, new = before.semantics.get(name), after.semantics.get(name)
        if old != new:
            yield ComponentChange(name, _shown(old), _shown(new))
    if before.kind != after.kind:
        yield ComponentChange("kind", before.kind, after.kind)
    old_edges, new_edges = dict(before.dependencies), dict(after.dependencies)
    for argument in dict.fromkeys([*old_edges, *new_edges]):
        if old_edges.get(argument) != new_edges.get(argument):
            yield ComponentChange(
                f"dependency {argument}", old_edges.get(argument), new_edges.get(argument)
            )


def _logic_changes(before: SnapshotNode, after: SnapshotNode) -> Iterator[ComponentChange]:
    if before.logic_hash == after.logic_hash:
        return
    old, new = _identities(before), _identities(after)
    found = False
    for label in dict.fromkeys([*old, *new]):
        if old.get(label, (None,))[0] != new.get(label, (None,))[0]:
            found = True
            yield ComponentChange(
                label,
                old[label][1].source if label in old else None,
                new[label][1].source if label in new else None,
            )
    if not found:
        yield ComponentChange("body", before.source, after.source)


def _identities(node: SnapshotNode) -> Mapping[str, tuple[object, Component]]:
    """Map every component to its own form and the names of what it refers to."""
    names = [each.label for each in node.components]
    return {
        each.label: ((each.digest, tuple(names[number] for number in each.references)), each)
        for each in node.components
    }


def _shown(value: object) -> str | None:
    return None if value is None else str(value)


def _reaches(snapshot: GraphSnapshot) -> dict[str, list[str]]:
    """Map every node to the names of the model's inputs that depend on it."""
    found: dict[str, list[str]] = {}
    for key in snapshot.inputs:
        seen = {key}
        stack = [key]
        while stack:
            node = snapshot.nodes[stack.pop()]
            found.setdefault(node.key, []).append(key.rpartition("@")[0])
            parents = [parent for _, parent in node.dependencies if parent not in seen]
            seen.update(parents)
            stack.extend(dict.fromkeys(parents))
    return found


def missing_nodes(bound: GraphSnapshot, release: Release) -> tuple[str, ...]:
    """List the nodes of a model's closure that a release does not hold as they were bound."""
    return tuple(
        key
        for key, node in bound.nodes.items()
        if key not in release.nodes or release.nodes[key].node_hash != node.node_hash
    )


def aligned(bound: GraphSnapshot, release: Release) -> bool:
    """Tell whether every node of a model's closure is in a release, by node hash."""
    return bool(bound.inputs) and not missing_nodes(bound, release)
