"""Shell: check the manifest and files of a version offline, at level V0: hashes only.

V0 reads the manifest and the artifact files and compares every hash that can be computed from them
alone: of configuration, columns, files, and of every feature down to the forms of its logic. What
no such hash covers (metrics, times, golden rows) only the manifest's own digest does, which the
registry has. V0 rebuilds no dataset and trains nothing, and looks at no signatures or approvals.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tradeworthy.errors import FeatureGraphInvalid, ManifestInvalid
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.manifest.completeness import missing_fields
from tradeworthy.manifest.consistency import inconsistencies
from tradeworthy.manifest.files.manifest_file import read_manifest_text
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.manifest_fields import UncheckedManifest, parse_manifest
from tradeworthy.manifest.records import FileRecord

_HASHES = ("training_config_hash", "feature_graph_hash", "dataset_hash")


class CheckStatus(StrEnum):
    """Outcome of one check; NOT_CHECKED means that there was nothing to compare with."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_CHECKED = "NOT_CHECKED"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was compared, how it went, and why."""

    name: str
    status: CheckStatus
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every check of one manifest; ``digest`` is None when the manifest cannot be trusted."""

    path: Path
    digest: str | None
    checks: tuple[Check, ...]
    level: str = "V0"

    @property
    def passed(self) -> bool:
        """True when something was checked and nothing failed."""
        return bool(self.checks) and all(c.status is not CheckStatus.FAILED for c in self.checks)


def verify_manifest(
    path: Path, artifact_folder: Path | None = None, *, expected_digest: str | None = None
) -> VerifyReport:
    """Check the manifest at ``path`` and, where a folder is given, the artifact files in it.

    Parameters
    ----------
    path
        The manifest file.
    artifact_folder
        Where the files lie under the names that the manifest records.
    expected_digest
        The manifest's digest as the registry tells it; another one is a failed check.

    Returns
    -------
    VerifyReport
        It never raises for a bad manifest: an unreadable one is a failed check.
    """
    try:
        manifest = parse_manifest(read_manifest_text(path))
    except ManifestInvalid as error:
        return VerifyReport(path, None, (Check("manifest", CheckStatus.FAILED, error.message),))
    wrong = dict(inconsistencies(manifest))
    digest = _digest(manifest)
    checks = [
        Check("manifest", CheckStatus.PASSED, f"schema version {manifest.schema_version}"),
        _digest_check(digest, expected_digest),
        _name_check(path, manifest),
        *(_hash_check(name, manifest, wrong.pop(name, None)) for name in _HASHES),
        *(Check(name, CheckStatus.FAILED, detail) for name, detail in wrong.items()),
        _graph_check(manifest),
        _completeness_check(manifest),
        *(_file_check(file, artifact_folder) for file in manifest.files),
    ]
    return VerifyReport(path, digest, tuple(checks))


def _digest(manifest: UncheckedManifest) -> str | None:
    try:
        return Manifest.checked(manifest).digest
    except (ManifestInvalid, FeatureGraphInvalid):
        return None


def _digest_check(digest: str | None, expected: str | None) -> Check:
    if expected is None:
        return Check("digest", CheckStatus.NOT_CHECKED, "no digest to compare with was given")
    if digest == expected:
        return Check("digest", CheckStatus.PASSED, digest)
    detail = f"is {digest or 'unknown: the manifest contradicts itself'}, not {expected}"
    return Check("digest", CheckStatus.FAILED, detail)


def _graph_check(manifest: UncheckedManifest) -> Check:
    if manifest.feature_graph is None:
        return Check("feature_graph", CheckStatus.NOT_CHECKED, "not recorded")
    try:
        snapshot = GraphSnapshot.from_json(manifest.feature_graph)
    except FeatureGraphInvalid as error:
        return Check("feature_graph", CheckStatus.FAILED, error.message)
    taken = tuple(snapshot.nodes[key].name for key in snapshot.inputs)
    if taken != manifest.inputs:
        detail = f"leads to {', '.join(taken)}, the inputs are {', '.join(manifest.inputs)}"
        return Check("feature_graph", CheckStatus.FAILED, detail)
    return Check("feature_graph", CheckStatus.PASSED, f"{len(snapshot.nodes)} nodes")


def _name_check(path: Path, manifest: UncheckedManifest) -> Check:
    if path.name == manifest.file_name:
        return Check("file name", CheckStatus.PASSED, path.name)
    return Check("file name", CheckStatus.FAILED, f"should be {manifest.file_name}")


def _hash_check(name: str, manifest: UncheckedManifest, problem: str | None) -> Check:
    if problem is not None:
        return Check(name, CheckStatus.FAILED, problem)
    ground = {
        "training_config_hash": manifest.config,
        "feature_graph_hash": manifest.feature_graph,
        "dataset_hash": manifest.dataset.columns,
    }[name]
    if getattr(manifest, name) is None or ground is None:
        return Check(name, CheckStatus.NOT_CHECKED, "not recorded")
    return Check(name, CheckStatus.PASSED, getattr(manifest, name))


def _completeness_check(manifest: UncheckedManifest) -> Check:
    missing = missing_fields(manifest)
    if missing:
        return Check("complete", CheckStatus.FAILED, "not recorded: " + ", ".join(missing))
    return Check("complete", CheckStatus.PASSED, "everything a TRAINED version needs")


def _file_check(record: FileRecord, folder: Path | None) -> Check:
    name = f"file {record.name}"
    if folder is None:
        return Check(name, CheckStatus.NOT_CHECKED, "no artifact folder was given")
    path = folder / record.name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return Check(name, CheckStatus.FAILED, "is not a regular file")
        size = path.stat().st_size
        if size != record.size:
            detail = f"has {size} bytes, the manifest says {record.size}"
            return Check(name, CheckStatus.FAILED, detail)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Check(name, CheckStatus.FAILED, f"cannot be read: {error.strerror}")
    if digest != record.sha256:
        detail = f"has SHA-256 {digest}, the manifest says {record.sha256}"
        return Check(name, CheckStatus.FAILED, detail)
    return Check(name, CheckStatus.PASSED, digest)
