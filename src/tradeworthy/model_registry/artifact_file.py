"""The artifact of a version, as its manifest describes it."""

from __future__ import annotations

from tradeworthy.artifacts.predictor import CheckedPredictor, load_predictor
from tradeworthy.manifest.manifest import Manifest


def load_artifact(manifest: Manifest, data: bytes) -> CheckedPredictor:
    """Load the first file of a manifest from its bytes.

    Raises
    ------
    ArtifactInvalid
        If they are not what the manifest says, or do not load.
    """
    file = manifest.files[0]
    return load_predictor(
        data, format=file.format, expected_sha256=file.sha256, n_inputs=len(manifest.inputs)
    )
