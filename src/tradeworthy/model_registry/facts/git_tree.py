"""The state of the code at the training."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.git_tree import GitTreeFacts


def gather(case: Case) -> GitTreeFacts:
    """Return the facts."""
    if case.manifest is None:
        return GitTreeFacts()
    code = case.manifest.code
    return GitTreeFacts(case.manifest.git_commit, code.dirty, code.unclean)
