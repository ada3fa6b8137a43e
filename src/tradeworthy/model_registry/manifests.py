"""Manifests as the registry keeps them: read, checked against themselves, and digested."""

from __future__ import annotations

from tradeworthy.base.digests import json_digest
from tradeworthy.errors import ManifestInvalid
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.store.unit_of_work import View


def read_manifest(text: bytes) -> Manifest:
    """Read a manifest and rebuild its feature graph's hashes.

    Raises
    ------
    ManifestInvalid
        If it is broken, or its graph is not what its hashes say.
    FeatureGraphInvalid
        If its graph's own hashes do not fit.
    """
    manifest = Manifest.from_json(text)
    if manifest.feature_graph is not None:
        snapshot = GraphSnapshot.from_json(manifest.feature_graph)
        if snapshot.hash != manifest.feature_graph_hash:
            raise ManifestInvalid(
                f"manifest {manifest.file_name}: feature_graph_hash is not the hash of its graph, "
                f"which is {snapshot.hash}",
                field="feature_graph_hash",
            )
    return manifest


def manifest_of(view: View, version: VersionState) -> Manifest:
    """Return the manifest of a version.

    Raises
    ------
    ManifestInvalid
        If the version has none yet.
    """
    document = view.documents.get(version.manifest_digest) if version.manifest_digest else None
    if document is None:
        raise ManifestInvalid(
            f"version {version.version} has no manifest yet: train it and record one"
        )
    return Manifest.from_json(document.body)


def graph_of(manifest: Manifest) -> GraphSnapshot:
    """Return the feature graph that a version is bound to.

    Raises
    ------
    ManifestInvalid
        If the manifest does not record one.
    """
    if manifest.feature_graph is None:
        raise ManifestInvalid(
            f"{manifest.file_name} records no feature graph: train from a feature file",
            field="feature_graph",
        )
    return GraphSnapshot.from_json(manifest.feature_graph)


def artifact_digest(manifest: Manifest) -> str:
    """Return the digest of all artifact files of a version, by name, format and content."""
    files = sorted([file.name, file.format, file.sha256] for file in manifest.files)
    return json_digest("artifact/v1", files)


def check_identity(manifest: Manifest, state: ModelState, version: int) -> None:
    """Raise ``ManifestInvalid`` unless the manifest is of this version of this model."""
    expected = (state.name, version, state.strategy)
    actual = (manifest.model, manifest.version, manifest.strategy)
    if actual != expected:
        raise ManifestInvalid(
            f"the manifest is of {actual[0]} v{actual[1]} (strategy {actual[2]!r}), not of "
            f"{expected[0]} v{expected[1]} (strategy {expected[2]!r})"
        )
