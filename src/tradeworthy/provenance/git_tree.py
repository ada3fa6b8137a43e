"""Shell: the commit of a working tree and whether the files are what the commit says.

Unknown is an answer: without git, without a repository, or where git refuses or is too slow, every
field is None, and the gate on a clean tree does not pass.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tradeworthy.digests import tagged_digest

_TIMEOUT_SECONDS = 30.0
_KEPT_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class GitTree:
    """Commit, dirtiness and, of a dirty tree, a digest of every changed or untracked file."""

    commit: str | None = None
    dirty: bool | None = None
    diff_digest: str | None = None


UNKNOWN = GitTree()


def read_git_tree(path: Path, timeout: float = _TIMEOUT_SECONDS) -> GitTree:
    """Read the state of the git working tree around ``path``.

    Parameters
    ----------
    path
        A folder, or a file in one. The whole tree counts, not just this folder.
    timeout
        Seconds that each call of git may take.

    Returns
    -------
    GitTree
        Untracked files that no ignore rule names make the tree dirty, submodules count, and a
        tree before its first commit has no commit and is dirty when it holds a file. A file that
        the index is told to overlook (``assume-unchanged``, ``skip-worktree``) leaves
        ``dirty`` unknown.
    """
    folder = path if path.is_dir() else path.parent
    root = _git(folder, timeout, "rev-parse", "--show-toplevel")
    if not root:
        return UNKNOWN
    top = Path(os.fsdecode(root.removesuffix(b"\n")))
    status = _git(
        top,
        timeout,
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=none",
        "--no-renames",
    )
    flags = _git(top, timeout, "ls-files", "-v", "-z")
    if status is None or flags is None:
        return UNKNOWN
    return _tree(top, status.split(b"\0"), flags.split(b"\0"))


def _tree(top: Path, status: list[bytes], flags: list[bytes]) -> GitTree:
    commit = None
    changes = []
    for line in status:
        if line.startswith(b"# branch.oid "):
            oid = line.removeprefix(b"# branch.oid ").decode()
            commit = None if oid == "(initial)" else oid
        elif line and not line.startswith(b"# "):
            changes.append(line)
    if changes:
        return GitTree(commit, dirty=True, diff_digest=_changes_digest(top, changes))
    overlooked = any(line[:1].islower() or line.startswith(b"S ") for line in flags)
    return GitTree(commit, dirty=None if overlooked else False)


def _changes_digest(top: Path, changes: list[bytes]) -> str:
    # The files themselves rather than `git diff`, whose text follows the user's settings.
    parts = []
    for line in sorted(changes):
        parts += [line, _content_digest(top / os.fsdecode(_changed_path(line)))]
    return tagged_digest("git-changes/v1", *parts)


def _changed_path(line: bytes) -> bytes:
    # Fields before the path: "1 XY sub mH mI mW hH hI", "u XY sub m1 m2 m3 mW h1 h2 h3", "?".
    before = {b"1": 8, b"u": 10}.get(line[:1], 1)
    return line.split(b" ", before)[-1]


def _content_digest(path: Path) -> bytes:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return b"link " + os.fsencode(path.readlink())
        if not stat.S_ISREG(mode):
            return b"not a file"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b"unreadable"


def _git(folder: Path, timeout: float, *arguments: str) -> bytes | None:
    """Return what git printed, None where there is no git or it failed."""
    # Of the environment only what git needs to start: GIT_DIR and its kin would point elsewhere.
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    command = [
        "git",
        "--no-optional-locks",
        "--no-pager",
        "-c",
        "core.fsmonitor=false",
        "-c",
        f"core.hooksPath={os.devnull}",
        *arguments,
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
