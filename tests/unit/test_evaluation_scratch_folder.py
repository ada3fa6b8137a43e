"""A folder in which users' code has written is removed, whatever that has made of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import as_nobody
from tradeworthy.evaluation.scratch_folder import remove_folder

DEPTH = 3000  # longer than a path may be, and deeper than Python may recurse
CLOSED = """
import sys
from pathlib import Path
from tradeworthy.evaluation.scratch_folder import remove_folder
folder = Path(sys.argv[1], "folder")
(folder / "a" / "b" / "c").mkdir(parents=True)
(folder / "a" / "b" / "file").touch()
for each in ("a/b/c", "a/b", "a", "."):
    (folder / each).chmod(int(sys.argv[2], 8))
    if sys.argv[2] == "0":
        break
remove_folder(folder)
"""


def test_it_may_be_deeper_than_a_path_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(DEPTH):
        Path("deeper").mkdir()
        Path("file").touch()
        os.chdir("deeper")
    monkeypatch.undo()
    remove_folder(folder)
    assert list(tmp_path.iterdir()) == []


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    mine, folder = tmp_path / "mine", tmp_path / "folder"
    for each in (mine, folder, folder / "inner"):
        each.mkdir()
    (mine / "precious.txt").write_text("precious")
    (folder / "link").symlink_to(mine)
    (folder / "inner" / "link").symlink_to(mine)
    (folder / "inner" / "file").symlink_to(mine / "precious.txt")
    (folder / "hard").hardlink_to(mine / "precious.txt")
    os.mkfifo(folder / "inner" / "pipe")
    remove_folder(folder)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    assert (mine / "precious.txt").read_text() == "precious"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["0", "500"])
def test_it_may_be_closed_to_its_owner(reachable: Path, mode: str) -> None:
    reachable.chmod(0o777)
    command = as_nobody([sys.executable, "-c", CLOSED, str(reachable), mode])
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert list(reachable.iterdir()) == []


def test_one_that_is_gone_already_is_no_error(tmp_path: Path) -> None:
    remove_folder(tmp_path / "none")
