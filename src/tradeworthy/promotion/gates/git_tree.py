"""The code was committed when the version was trained."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

_AGAIN = f"then run the script again if one recorded the run, or {TRAIN} to train from the commit"
_NO_TREE = (
    "keep the strategy file, the script if one records the run, and all that they read in one git "
    f"repository and commit them, {_AGAIN}"
)


@dataclass(frozen=True, slots=True)
class GitTreeFacts:
    """The state of the code, as recorded in the manifest, and the paths that are not clean."""

    git_commit: str | None = None
    git_dirty: bool | None = None
    unclean: tuple[str, ...] = ()


def _git_clean(facts: GitTreeFacts, _: Policy) -> Finding:
    which = f": {', '.join(facts.unclean)}" if facts.unclean else ""
    if facts.git_commit is None and facts.git_dirty is None and facts.unclean:
        reason = f"no git repository is known around {', '.join(facts.unclean)}"
        return failed(None, "clean", reason, _NO_TREE)
    if facts.git_commit is None or facts.git_dirty is None:
        return failed(None, "clean", f"the state of the git tree is unknown{which}", _NO_TREE)
    if facts.git_dirty:
        reason = f"the tree differed from commit {facts.git_commit}{which}"
        return failed("dirty", "clean", reason)
    return passed("clean", "clean", f"the tree was commit {facts.git_commit}")


CONCERN = Concern(
    GitTreeFacts,
    (
        Gate(
            "git_clean",
            EVIDENCE,
            _git_clean,
            f"commit every file or name it in .gitignore, {_AGAIN}",
        ),
    ),
)
