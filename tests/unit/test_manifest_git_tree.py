"""The git tree, read from real repositories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tradeworthy.manifest.files.git_tree import UNKNOWN, GitTree, read_git_tree

pytestmark = pytest.mark.slow  # each makes a repository and runs git


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


def _trap(tree: Path) -> Path:
    """A command that leaves a trace; git hands the name to a shell: no spaces."""
    trap = tree.parent / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tree.parent}/sprung\ncat\n")
    trap.chmod(0o755)
    return trap


def test_reading_changes_nothing_and_runs_nothing(tree: Path) -> None:
    git(tree, "config", "core.fsmonitor", str(_trap(tree)))
    index = (tree / ".git" / "index").read_bytes()
    os.utime(tree / "train.py", (1, 1))
    assert read_git_tree(tree).dirty is False
    assert (tree / ".git" / "index").read_bytes() == index
    assert not (tree.parent / "sprung").exists()


def _filter(tree: Path, trap: Path) -> None:
    (tree / ".git" / "info" / "attributes").write_text("*.py filter=own\n")
    git(tree, "config", "filter.own.clean", str(trap))


def _included_filter(tree: Path, trap: Path) -> None:
    _filter(tree, trap)
    git(tree, "config", "--rename-section", "filter.own", "filter.other")
    (tree / ".git" / "more").write_text(f'[filter "own"]\nprocess = {trap}\nclean = {trap}\n')
    git(tree, "config", "include.path", "more")


def _remote(tree: Path, trap: Path) -> None:
    oid = git(tree, "rev-parse", "HEAD^{tree}")
    (tree / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"file://{tree}"),
        ("remote.origin.uploadpack", str(trap)),
        ("protocol.file.allow", "always"),
    ):
        git(tree, "config", name, value)


@pytest.mark.parametrize("lay", [_filter, _included_filter, _remote])
@pytest.mark.parametrize("within", [".", "vendored"])
def test_no_command_that_a_repository_names_is_run(
    tree: Path, lay: Callable[[Path, Path], None], within: str
) -> None:
    _submodule(tree)
    (tree / within / "train.py").write_text("WINDOW = 21\n")
    lay(tree / within, _trap(tree))
    assert read_git_tree(tree).dirty is not False
    assert not (tree.parent / "sprung").exists()


def _submodule(tree: Path) -> Path:
    inner = tree / "vendored"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "train.py").write_text("WINDOW = 20\n")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "first")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "vendored")
    return inner


def test_a_submodule_counts_whatever_the_settings_say(tree: Path) -> None:
    inner = _submodule(tree)
    assert read_git_tree(tree).dirty is False
    git(tree, "config", "diff.ignoreSubmodules", "all")
    digests = set()
    for text in ("WINDOW = 21\n", "WINDOW = 22\n"):
        (inner / "train.py").write_text(text)
        assert read_git_tree(tree).dirty is True
        digests.add(read_git_tree(tree).diff_digest)
    git(inner, "commit", "-q", "-a", "-m", "second")
    assert read_git_tree(tree).dirty is True
    digests.add(read_git_tree(tree).diff_digest)
    assert len(digests) == 3
    git(tree, "config", "--unset", "diff.ignoreSubmodules")
    git(tree, "commit", "-q", "-a", "-m", "second")
    assert read_git_tree(tree).dirty is False
    git(inner, "update-index", "--skip-worktree", "train.py")
    assert read_git_tree(tree).dirty is None


def test_a_damaged_submodule_is_unknown(tree: Path) -> None:
    inner = _submodule(tree)
    (inner / ".git").rename(tree.parent / "elsewhere")
    assert read_git_tree(tree).dirty is False
    (inner / ".git").mkdir()
    assert read_git_tree(tree).dirty is not False


def test_code_that_is_ignored_is_in_no_commit(tree: Path) -> None:
    for rule in (".gitignore", ".git/info/exclude"):
        (tree / rule).write_text("own_*\n")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "rules")
    hidden = tree / "features" / "own_strategy.py"
    hidden.write_text("x = 1\n")
    assert read_git_tree(tree).dirty is False
    assert read_git_tree(tree / "train.py").dirty is False
    first = read_git_tree(hidden)
    assert (first.commit, first.dirty) == (git(tree, "rev-parse", "HEAD"), True)
    assert first.unclean == ("features/own_strategy.py",)
    assert read_git_tree(tree / "train.py", also=[hidden]) == first
    hidden.write_text("x = 2\n")
    assert read_git_tree(hidden).diff_digest != first.diff_digest


def test_code_outside_the_tree_leaves_it_unknown(tree: Path) -> None:
    outside = tree.parent / "outside.py"
    outside.write_text("x = 1\n")
    assert read_git_tree(tree / "train.py", also=[outside]).dirty is None


def test_a_link_is_read_where_it_leads(tree: Path) -> None:
    link = tree.parent / "deployed.py"
    link.symlink_to(tree / "train.py")
    assert read_git_tree(link) == read_git_tree(tree)


def test_another_object_in_the_place_of_a_commit_does_not_count(tree: Path) -> None:
    reviewed = git(tree, "rev-parse", "HEAD")
    _modify(tree)
    git(tree, "commit", "-q", "-a", "-m", "second")
    git(tree, "replace", reviewed, "HEAD")
    git(tree, "update-ref", "HEAD", reviewed)
    assert git(tree, "status", "--porcelain") == ""
    state = read_git_tree(tree)
    assert (state.commit, state.dirty) == (reviewed, True)


def test_a_change_with_the_time_of_the_file_set_back_is_found(tree: Path) -> None:
    file = tree / "train.py"
    os.utime(file, (1, 1))
    git(tree, "config", "core.trustctime", "false")
    git(tree, "config", "core.checkStat", "minimal")
    git(tree, "status")
    # Of a change within the second, the time of the inode tells nothing either.
    before = int(file.stat().st_ctime)
    while int(file.stat().st_ctime) == before:
        file.write_text("WINDOW = 21\n")
        os.utime(file, (1, 1))
    assert git(tree, "status", "--porcelain") == ""
    assert read_git_tree(tree).dirty is True


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
    (tmp_path / "alone.py").write_text("x = 1\n")
    assert read_git_tree(tmp_path / "alone.py") == GitTree(unclean=("alone.py",))
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


def test_what_keeps_a_tree_from_being_clean_is_named(tree: Path) -> None:
    assert read_git_tree(tree).unclean == ()
    _modify(tree)
    _add(tree)
    assert read_git_tree(tree).unclean == ("features/nëw fïle.py", "train.py")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "second")
    outside = tree.parent / "outside.py"
    outside.write_text("x = 1\n")
    assert read_git_tree(tree / "train.py", also=[outside]).unclean == ("outside.py",)
    git(tree, "update-index", "--skip-worktree", "train.py")
    assert read_git_tree(tree).unclean == ("train.py",)
    for number in range(20):
        (tree / f"new_{number:02}.py").write_text("x = 1\n")
    assert read_git_tree(tree).unclean == tuple(f"new_{number:02}.py" for number in range(10))
