"""Manifests on disk, what verifying them offline finds, and the description of the runtime."""

from __future__ import annotations

import hashlib
import json
import platform
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.errors import AlreadyExists, HomeUnusable, InvalidInput, ManifestInvalid
from tradeworthy.features.feature_graph import FeatureGraph, feature
from tradeworthy.manifest.config_hash import training_config_hash
from tradeworthy.manifest.dataset_digest import dataset_digest
from tradeworthy.manifest.files.environment import describe_runtime
from tradeworthy.manifest.files.manifest_file import read_manifest_text, write_manifest
from tradeworthy.manifest.files.verify import CheckStatus, VerifyReport, verify_manifest
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.records import (
    ColumnRecord,
    DatasetRecord,
    FileRecord,
    RuntimeRecord,
)

MODEL_BYTES = b"weights of the model"


@feature(version=1)
def change(close: pl.Expr) -> pl.Expr:
    return close / close.shift(1) - 1


GRAPH = FeatureGraph.from_definitions([change]).snapshot(("change",))


def manifest(version: int = 1, created_by: str = "ada") -> Manifest:
    table = dataset_digest(pl.DataFrame({"close": [1.0, 2.0]}))
    columns = tuple(ColumnRecord(c.name, c.dtype, c.digest) for c in table.columns)
    digest = hashlib.sha256(MODEL_BYTES).hexdigest()
    return Manifest(
        model="spx",
        version=version,
        strategy="trend",
        feature_graph_hash=GRAPH.hash,
        feature_graph=GRAPH,
        inputs=("change",),
        training_config_hash=training_config_hash({"window": 20}),
        config={"window": 20},
        dataset_hash=table.hash,
        dataset=DatasetRecord(rows=table.rows, columns=columns),
        files=(FileRecord("model.txt", "lightgbm", len(MODEL_BYTES), digest),),
        runtime=RuntimeRecord(python="CPython 3.11.7"),
        created_at="2026-01-02T03:04:05Z",
        created_by=created_by,
    )


def failed(report: VerifyReport) -> list[str]:
    return [check.name for check in report.checks if check.status is CheckStatus.FAILED]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    (tmp_path / "model.txt").write_bytes(MODEL_BYTES)
    return write_manifest(manifest(), tmp_path)


def test_a_manifest_is_written_under_its_name_and_read_back(tmp_path: Path) -> None:
    path = write_manifest(manifest(), tmp_path)
    assert path == tmp_path / "spx-v1.manifest.json"
    assert Manifest.from_json(read_manifest_text(path)) == manifest()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_writing_twice_is_once_and_another_manifest_is_refused(tmp_path: Path) -> None:
    path = write_manifest(manifest(), tmp_path)
    inode = path.stat().st_ino
    assert write_manifest(manifest(), tmp_path).stat().st_ino == inode
    with pytest.raises(AlreadyExists, match="none is written over: name another folder"):
        write_manifest(manifest(created_by="bob"), tmp_path)
    assert Manifest.from_json(read_manifest_text(path)).created_by == "ada"
    assert len(list(tmp_path.iterdir())) == 1


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _copy_elsewhere(path: Path) -> None:
    other = path.parent / "elsewhere"
    other.mkdir()
    path.symlink_to(write_manifest(manifest(), other))


@pytest.mark.parametrize("lay", [_bytes, _folder, _dangling, _copy_elsewhere])
def test_whatever_else_stands_under_the_name_is_left_alone(
    lay: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "spx-v1.manifest.json"
    lay(path)
    before = path.lstat()
    with pytest.raises(AlreadyExists):
        write_manifest(manifest(), tmp_path)
    assert path.lstat() == before


FULL = """
import resource, sys
from pathlib import Path
from tradeworthy.errors import HomeUnusable
from tradeworthy.manifest.files.manifest_file import read_manifest_text, write_manifest
from tradeworthy.manifest.manifest import Manifest
manifest = Manifest.from_json(read_manifest_text(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_manifest(manifest, Path(sys.argv[2]))
except HomeUnusable as error:
    print(error.message)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(recorded), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in done.stdout
    assert "too large" in done.stdout
    assert list(folder.iterdir()) == []


def test_of_racing_writers_one_wins_and_the_file_is_whole(tmp_path: Path) -> None:
    names = [f"writer{i}" for i in range(8)]
    refused: list[str] = []

    def write(name: str) -> None:
        try:
            write_manifest(manifest(created_by=name), tmp_path)
        except AlreadyExists:
            refused.append(name)

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = Manifest.from_json(read_manifest_text(tmp_path / "spx-v1.manifest.json")).created_by
    assert sorted([*refused, str(winner)]) == names
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="cannot write"):
        write_manifest(manifest(), tmp_path / "missing")
    with pytest.raises(ManifestInvalid, match="cannot read"):
        read_manifest_text(tmp_path / "spx-v1.manifest.json")


def test_a_manifest_that_contradicts_itself_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid):
        write_manifest(
            Manifest("m", 1, "s", config={"a": 1}, training_config_hash="0" * 64), tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_in_order_passes(recorded: Path) -> None:
    reported = manifest().digest
    report = verify_manifest(recorded, recorded.parent, expected_digest=reported)
    assert report.passed
    assert (report.passed, report.level) == (True, "V0")
    assert report.digest == manifest().digest
    assert {check.status for check in report.checks} == {CheckStatus.PASSED}


def test_without_a_folder_the_files_are_said_to_be_unchecked(recorded: Path) -> None:
    report = verify_manifest(recorded)
    assert report.passed
    unchecked = [c.name for c in report.checks if c.status is CheckStatus.NOT_CHECKED]
    assert unchecked == ["digest", "file model.txt"]


@pytest.mark.parametrize("data", [b"weights of the modeL", b"weights", MODEL_BYTES + b"x", b""])
def test_a_changed_file_is_found(recorded: Path, data: bytes) -> None:
    (recorded.parent / "model.txt").write_bytes(data)
    report = verify_manifest(recorded, recorded.parent)
    assert failed(report) == ["file model.txt"]
    assert not report.passed


def test_a_missing_file_and_a_link_are_found(recorded: Path, tmp_path: Path) -> None:
    artifact = recorded.parent / "model.txt"
    artifact.rename(tmp_path / "elsewhere")
    assert failed(verify_manifest(recorded, recorded.parent)) == ["file model.txt"]
    artifact.symlink_to(tmp_path / "elsewhere")
    assert failed(verify_manifest(recorded, recorded.parent)) == ["file model.txt"]


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("config", {"window": 21}, "training_config_hash"),
        ("feature_graph_hash", "b" * 64, "feature_graph_hash"),
        ("dataset_hash", "b" * 64, "dataset_hash"),
        ("inputs", ["chance"], "feature_graph"),
        ("feature_graph", None, "complete"),
        ("model", "ndx", "file name"),
        ("created_by", None, "complete"),
    ],
)
def test_a_changed_field_is_found_by_its_check(
    recorded: Path, name: str, value: object, check: str
) -> None:
    body = json.loads(recorded.read_text())
    body[name] = value
    changed = recorded.parent / "changed" / recorded.name
    changed.parent.mkdir()
    changed.write_text(json.dumps(body))
    assert failed(verify_manifest(changed, recorded.parent)) == [check]


def test_an_input_that_stands_twice_is_found(recorded: Path) -> None:
    body = json.loads(recorded.read_text())
    changed = recorded.parent / "changed" / recorded.name
    changed.parent.mkdir()
    changed.write_text(json.dumps(body | {"inputs": ["change", "change"]}))
    assert failed(verify_manifest(changed, recorded.parent)) == ["inputs", "feature_graph"]


def _leaves(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, child in children:
        if isinstance(child, dict | list) and child:
            yield from _leaves(child, (*place, key))
        else:
            yield (*place, key)


def test_every_field_of_the_feature_graph_is_covered_by_its_hashes(recorded: Path) -> None:
    changed = recorded.parent / "changed" / recorded.name
    changed.parent.mkdir()
    body = json.loads(recorded.read_text())
    places = list(_leaves(body["feature_graph"]))
    assert len(places) > 20
    for *path, last in places:
        body = json.loads(recorded.read_text())
        inner = body["feature_graph"]
        for each in path:
            inner = inner[each]
        inner[last] = "other" if inner[last] != "other" else "another"
        changed.write_text(json.dumps(body))
        report = verify_manifest(changed, recorded.parent)
        assert "feature_graph" in failed(report), (path, last)
        assert not report.passed


def test_the_digest_of_the_registry_covers_what_no_other_hash_does(recorded: Path) -> None:
    reported = manifest().digest
    body = json.loads(recorded.read_text())
    changed = recorded.parent / "changed" / recorded.name
    changed.parent.mkdir()
    for name, value in (("created_by", "bob"), ("metrics", {"sharpe": 9.0})):
        changed.write_text(json.dumps(body | {name: value}))
        assert verify_manifest(changed, recorded.parent).passed
        assert failed(verify_manifest(changed, recorded.parent, expected_digest=reported)) == [
            "digest"
        ]


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 9}'])
def test_an_unreadable_manifest_is_a_failed_check_and_no_exception(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "spx-v1.manifest.json"
    path.write_text(text)
    report = verify_manifest(path)
    assert (failed(report), report.digest, report.passed) == (["manifest"], None, False)
    assert failed(verify_manifest(tmp_path / "missing")) == ["manifest"]


def test_the_runtime_is_described(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==2.4\n")
    runtime = describe_runtime(["polars", "numpy", "numpy"], lock, threads=2)
    assert runtime.python is not None
    assert runtime.python.endswith(platform.python_version())
    assert runtime.distributions == {
        "numpy": metadata.version("numpy"),
        "polars": metadata.version("polars"),
    }
    assert runtime.lock_digest == hashlib.sha256(b"numpy==2.4\n").hexdigest()
    assert runtime.threads == 2


def test_what_cannot_be_described_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not installed"):
        describe_runtime(["no-such-distribution"])
    with pytest.raises(InvalidInput, match="cannot read the lock file"):
        describe_runtime(lock_file=tmp_path / "missing")
