"""Shell: the commit of a working tree and whether the files are what the commit says.

Unknown is an answer: without git, without a repository, or where git refuses or is too slow, every
field is None, and the gate on a clean tree does not pass.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tradeworthy.base.digests import tagged_digest

_TIMEOUT_SECONDS = 30.0
_SHOWN_PATHS = 10
_KEPT_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "SYSTEMROOT")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    # Another object in a commit's place would be compared instead of the commit.
    "GIT_NO_REPLACE_OBJECTS": "1",
    # An object that is missing is not fetched, by whatever command a remote names.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.trustctime": "true",
    "core.checkStat": "default",
}


@dataclass(frozen=True, slots=True)
class GitTree:
    """Commit, dirtiness and, of a dirty tree, a digest of every changed or untracked file.

    ``unclean`` are the first ten paths that keep the tree from being clean: changed, untracked, or
    such that git cannot say. Where there is no repository, the file is named that it is not around.
    """

    commit: str | None = None
    dirty: bool | None = None
    diff_digest: str | None = None
    unclean: tuple[str, ...] = ()


UNKNOWN = GitTree()


def read_git_tree(
    path: Path, timeout: float = _TIMEOUT_SECONDS, *, also: Iterable[Path] = ()
) -> GitTree:
    """Read the state of the git working tree around ``path``.

    A repository may be anybody's: no command that its own configuration names is run (filters,
    hooks, file system monitors, transports), in its submodules neither.

    Parameters
    ----------
    path
        A folder, or a file in one; of a link, where it leads. The whole tree counts, not just this
        folder.
    timeout
        Seconds that each call of git may take.
    also
        Files that are part of the code, besides ``path``.

    Returns
    -------
    GitTree
        Untracked files that no ignore rule names make the tree dirty, and so do ``path`` and
        ``also`` if they are ignored; submodules count, and a tree before its first commit has no
        commit and is dirty when it holds a file. A file that the index is set to overlook
        (``assume-unchanged``, ``skip-worktree``), or of ``also`` one outside the tree, leaves
        ``dirty`` unknown.
    """
    place = path.resolve()
    folder = place if place.is_dir() else place.parent
    top = _top(folder, timeout)
    if top is None:
        return GitTree(unclean=(place.name,)) if place.is_file() else UNKNOWN
    code = [each.resolve() for each in also]
    return _tree(top, timeout, [place, *code] if place.is_file() else code)


def _top(folder: Path, timeout: float) -> Path | None:
    root = _git(folder, timeout, {}, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(root.removesuffix(b"\n"))) if root else None


def _tree(top: Path, timeout: float, code: Iterable[Path]) -> GitTree:
    settings = _harmless_settings(top, timeout)
    if settings is None:
        return UNKNOWN
    status = _git(
        top,
        timeout,
        settings,
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=all",
        # Git would read them with settings of their own: they are read below.
        "--ignore-submodules=dirty",
        "--no-renames",
    )
    index = _git(top, timeout, settings, "ls-files", "-v", "--stage", "-z")
    if status is None or index is None:
        return UNKNOWN
    lines, entries = status.split(b"\0"), [_entry(each) for each in index.split(b"\0") if each]
    changes = _changes(top, lines)
    inner = {
        each.path: _submodule(top / os.fsdecode(each.path), timeout)
        for each in entries
        if each.is_submodule and (top / os.fsdecode(each.path) / ".git").exists()
    }
    hidden = _hidden(top, code, entries, lines)
    changes += _submodule_changes(inner) + [part for each in hidden for part in each]
    if changes:
        dirty = [_changed_path(line) for line in lines if line and not line.startswith(b"# ")]
        dirty += [path for path, tree in inner.items() if tree.diff_digest is not None]
        dirty += [line.removeprefix(b"! ") for line, _ in hidden]
        digest = tagged_digest("git-changes/v1", *changes)
        return GitTree(_commit(lines), True, digest, _shown(dirty))
    unsure = [each.path for each in entries if each.is_overlooked]
    unsure += [path for path, tree in inner.items() if tree.dirty is None]
    unsure += [os.fsencode(file.name) for file in code if not file.is_relative_to(top)]
    return GitTree(_commit(lines), None if unsure else False, unclean=_shown(unsure))


def _shown(paths: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(path.decode("utf-8", "replace") for path in sorted(set(paths))[:_SHOWN_PATHS])


@dataclass(frozen=True, slots=True)
class _IndexEntry:
    """One line of the index: its flag, its mode and its path."""

    flag: bytes
    mode: bytes
    path: bytes

    @property
    def is_submodule(self) -> bool:
        return self.mode == b"160000"

    @property
    def is_overlooked(self) -> bool:
        return self.flag.islower() or self.flag == b"S"


def _entry(line: bytes) -> _IndexEntry:
    before, _, path = line.partition(b"\t")
    flag, mode, *_ = before.split(b" ")
    return _IndexEntry(flag, mode, path)


def _commit(lines: list[bytes]) -> str | None:
    (oid,) = [line for line in lines if line.startswith(b"# branch.oid ")]
    commit = oid.removeprefix(b"# branch.oid ").decode()
    return None if commit == "(initial)" else commit


def _changes(top: Path, lines: list[bytes]) -> list[bytes]:
    # The files themselves rather than `git diff`, whose text follows the user's settings.
    parts = []
    for line in sorted(line for line in lines if line and not line.startswith(b"# ")):
        parts += [line, _content_digest(top / os.fsdecode(_changed_path(line)))]
    return parts


def _submodule(folder: Path, timeout: float) -> GitTree:
    # Where its own repository is damaged, git would answer for the one around it.
    own = _top(folder, timeout) == folder.resolve()
    return _tree(folder, timeout, ()) if own else UNKNOWN


def _submodule_changes(inner: dict[bytes, GitTree]) -> list[bytes]:
    parts = []
    for path, tree in sorted(inner.items()):
        if tree.diff_digest is not None:
            parts += [b"submodule " + path, tree.diff_digest.encode()]
    return parts


def _hidden(
    top: Path, code: Iterable[Path], entries: list[_IndexEntry], lines: list[bytes]
) -> list[tuple[bytes, bytes]]:
    """Return path and content of code that an ignore rule hides: no commit holds it."""
    known = {entry.path for entry in entries} | {_changed_path(line) for line in lines if line}
    parts = []
    for file in sorted(set(code)):
        if file.is_relative_to(top):
            path = os.fsencode(file.relative_to(top))
            if path not in known:
                parts.append((b"! " + path, _content_digest(file)))
    return parts


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


def _harmless_settings(top: Path, timeout: float) -> dict[str, str] | None:
    """Return settings that take the place of commands that the repository itself names."""
    entries = _git(top, timeout, {}, "config", "--list", "--show-scope", "--includes", "-z")
    if entries is None:
        return None
    fields = entries.split(b"\0")
    own: set[bytes] = set()
    trusted: dict[bytes, bytes] = {}
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = setting.partition(b"\n")
        if name.startswith(b"filter."):
            if scope in (b"local", b"worktree"):
                own.add(name)
            else:
                trusted[name] = value
    # An empty filter is none: contents are compared as they are.
    return {os.fsdecode(name): os.fsdecode(trusted.get(name, b"")) for name in sorted(own)}


def _git(folder: Path, timeout: float, settings: dict[str, str], *arguments: str) -> bytes | None:
    """Return what git printed, None where there is no git or it failed."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "--no-pager", *arguments],
            cwd=folder,
            env=_environment(_SETTINGS | settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _environment(settings: dict[str, str]) -> dict[str, str]:
    # Of the environment only what git needs to start: GIT_DIR and its kin would point elsewhere.
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    entries = {"GIT_CONFIG_COUNT": str(len(settings))}
    for at, (name, value) in enumerate(settings.items()):
        entries |= {f"GIT_CONFIG_KEY_{at}": name, f"GIT_CONFIG_VALUE_{at}": value}
    return kept | entries | _ENVIRONMENT
