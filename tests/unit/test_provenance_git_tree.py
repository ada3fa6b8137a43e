"""The git tree, read from real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tradeworthy.provenance.git_tree import UNKNOWN, GitTree, read_git_tree


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "strategy tree"
    (top / "features").mkdir(parents=True)
    git(top, "init", "-q")
    (top / "train.py").write_text("WINDOW = 20\n")
    (top / "features" / "own.py").write_text("x = 1\n")
    (top / ".gitignore").write_text("*.log\n")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    return top


def test_a_clean_tree_has_its_commit(tree: Path) -> None:
    clean = GitTree(git(tree, "rev-parse", "HEAD"), dirty=False)
    assert read_git_tree(tree) == clean
    assert read_git_tree(tree / "features") == clean
    assert read_git_tree(tree / "train.py") == clean


def test_an_ignored_file_leaves_it_clean(tree: Path) -> None:
    (tree / "run.log").write_text("x")
    assert read_git_tree(tree).dirty is False


def _modify(tree: Path) -> None:
    (tree / "train.py").write_text("WINDOW = 21\n")


def _stage(tree: Path) -> None:
    _modify(tree)
    git(tree, "add", ".")


def _delete(tree: Path) -> None:
    (tree / "train.py").unlink()


def _add(tree: Path) -> None:
    (tree / "features" / "nëw fïle.py").write_text("y = 1\n")


def _rename(tree: Path) -> None:
    git(tree, "mv", "train.py", "training.py")


def _make_executable(tree: Path) -> None:
    (tree / "train.py").chmod(0o755)


def _relink(tree: Path) -> None:
    (tree / "train.py").unlink()
    (tree / "train.py").symlink_to("features/own.py")


CHANGES = [_modify, _stage, _delete, _add, _rename, _make_executable, _relink]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_it_dirty_seen_from_anywhere(tree: Path, change: object) -> None:
    commit = read_git_tree(tree).commit
    change(tree)  # type: ignore[operator]
    state = read_git_tree(tree)
    assert (state.commit, state.dirty) == (commit, True)
    assert state.diff_digest is not None
    assert read_git_tree(tree / "features") == state


def test_the_diff_digest_follows_the_content(tree: Path) -> None:
    digests = []
    for text in ("WINDOW = 21\n", "WINDOW = 22\n", "WINDOW = 21\n"):
        (tree / "train.py").write_text(text)
        digests.append(read_git_tree(tree).diff_digest)
    assert digests[0] == digests[2] != digests[1]
    git(tree, "checkout", "-q", "train.py")
    new = tree / "new.py"
    for text in ("a = 1\n", "a = 2\n"):
        new.write_text(text)
        digests.append(read_git_tree(tree).diff_digest)
    assert len(set(digests)) == 4


def test_settings_that_hide_changes_do_not(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "config", "status.showUntrackedFiles", "no")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    assert read_git_tree(tree).dirty is False
    _add(tree)
    assert read_git_tree(tree).dirty is True


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_the_index_overlooks_leaves_it_unknown(tree: Path, flag: str) -> None:
    git(tree, "update-index", flag, "train.py")
    _modify(tree)
    assert read_git_tree(tree).dirty is None


def test_reading_changes_nothing_and_runs_nothing(tree: Path) -> None:
    trap = tree.parent / "trap"  # git hands the name to a shell: no spaces
    trap.write_text(f"#!/bin/sh\ntouch {tree.parent}/sprung\n")
    trap.chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(trap))
    index = (tree / ".git" / "index").read_bytes()
    os.utime(tree / "train.py", (1, 1))
    assert read_git_tree(tree).dirty is False
    assert (tree / ".git" / "index").read_bytes() == index
    assert not (tree.parent / "sprung").exists()


def test_before_the_first_commit_there_is_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read_git_tree(tmp_path) == GitTree(None, dirty=False)
    (tmp_path / "train.py").write_text("x = 1\n")
    state = read_git_tree(tmp_path)
    assert (state.commit, state.dirty) == (None, True)


def test_no_repository_no_git_and_no_answer_are_unknown(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_git_tree(tmp_path) == UNKNOWN
    assert read_git_tree(tmp_path / "missing" / "file.py") == UNKNOWN
    assert read_git_tree(tree, timeout=1e-9) == UNKNOWN
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git_tree(tree) == UNKNOWN


def test_a_damaged_repository_is_unknown(tree: Path) -> None:
    (tree / ".git" / "index").write_bytes(b"not an index")
    assert read_git_tree(tree).dirty is None


def test_a_nested_repository_counts_as_untracked(tree: Path) -> None:
    inner = tree / "vendored"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "x.py").write_text("x = 1\n")
    state = read_git_tree(tree)
    assert state.dirty is True
    assert state.diff_digest is not None
