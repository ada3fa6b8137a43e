"""Manifests as the registry keeps them: found, and held against the version that they are of."""

from __future__ import annotations

from typing import Final

from tradeworthy.base.digests import json_digest
from tradeworthy.errors import ManifestInvalid
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.store.unit_of_work import View

# A draft gets its manifest from whoever drafted it; the command line drafts anew.
TRAIN_ANEW: Final = (
    "upload it, or train a new version: `tradeworthy train FILE --model MODEL --data BARS`"
)


def manifest_of(view: View, version: VersionState) -> Manifest:
    """Return the manifest of a version.

    Raises
    ------
    ManifestInvalid
        If the version has none yet.
    """
    document = view.documents.get(version.manifest_digest) if version.manifest_digest else None
    if document is None:
        raise ManifestInvalid(f"version {version.version} has no manifest yet: {TRAIN_ANEW}")
    return Manifest.from_json(document.body)


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
