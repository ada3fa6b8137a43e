"""What is said before a training of code that the gate on a clean tree will refuse."""

from __future__ import annotations

from collections.abc import Iterator

from tradeworthy.manifest.files.git_tree import GitTree
from tradeworthy.promotion.gates.git_tree import CONCERN, GitTreeFacts
from tradeworthy.promotion.policy.policy import Policy


def git_warnings(tree: GitTree) -> Iterator[str]:
    """Give what the gates on the git tree will say of it, unless they let it through.

    Examples
    --------
    >>> list(git_warnings(GitTree("c" * 40, dirty=False)))
    []
    """
    facts = GitTreeFacts(tree.commit, tree.dirty, tree.unclean)
    for gate in CONCERN.gates:
        result = gate.check(facts, Policy({}, {}))
        if not result.lets_through:
            yield (
                f"warning: {result.reason}: the version is recorded, and the gate {result.gate} "
                "will refuse it"
            )
