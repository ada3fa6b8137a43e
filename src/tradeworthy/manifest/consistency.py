"""Whether a manifest fits itself: each hash that can be computed from what stands beside it."""

from __future__ import annotations

from tradeworthy.errors import InvalidInput
from tradeworthy.manifest.config_hash import training_config_hash
from tradeworthy.manifest.dataset_columns import combine_columns
from tradeworthy.manifest.manifest_fields import UncheckedManifest


def inconsistencies(manifest: UncheckedManifest) -> tuple[tuple[str, str], ...]:
    """Return (field, what is wrong) for each hash or shape that contradicts the rest.

    Examples
    --------
    >>> from tradeworthy.manifest.manifest_fields import ManifestFields
    >>> broken = ManifestFields("m", 1, "s", config={"a": 1}, training_config_hash="0" * 64)
    >>> [name for name, _ in inconsistencies(broken)]
    ['training_config_hash']
    """
    problems = [
        *_config_inconsistency(manifest),
        *_graph_inconsistency(manifest),
        *_dataset_inconsistency(manifest),
        *_evidence_inconsistency(manifest),
    ]
    for name, values in (
        ("inputs", manifest.inputs),
        ("files", tuple(file.name for file in manifest.files)),
        ("dataset.columns", tuple(column.name for column in manifest.dataset.columns or ())),
    ):
        if len(set(values)) != len(values):
            problems.append((name, "names something twice"))
    return tuple(problems)


def _config_inconsistency(manifest: UncheckedManifest) -> list[tuple[str, str]]:
    if manifest.config is None:
        return []
    try:
        actual = training_config_hash(manifest.config, manifest.volatile_keys)
    except InvalidInput as error:
        return [("config", f"cannot be hashed: {error.message}")]
    if manifest.training_config_hash in (None, actual):
        return []
    return [("training_config_hash", f"is not the hash of config, which is {actual}")]


def _graph_inconsistency(manifest: UncheckedManifest) -> list[tuple[str, str]]:
    if manifest.feature_graph is None:
        return []
    recorded = manifest.feature_graph.get("hash")
    if recorded == manifest.feature_graph_hash:
        return []
    return [("feature_graph_hash", f"is not the hash in feature_graph, which is {recorded}")]


def _dataset_inconsistency(manifest: UncheckedManifest) -> list[tuple[str, str]]:
    dataset = manifest.dataset
    if manifest.dataset_hash is None or dataset.rows is None or dataset.columns is None:
        return []
    columns = ((c.name, c.dtype, c.digest) for c in dataset.columns)
    actual = combine_columns(dataset.rows, columns)
    if actual == manifest.dataset_hash:
        return []
    return [("dataset_hash", f"is not the hash of dataset.columns, which is {actual}")]


def _evidence_inconsistency(manifest: UncheckedManifest) -> list[tuple[str, str]]:
    rows, predictions = manifest.evidence.golden_rows, manifest.evidence.golden_predictions
    problems = []
    if rows is not None and any(len(row) != len(manifest.inputs) for row in rows):
        problems.append(("evidence.golden_rows", "have another width than inputs"))
    if rows is not None and predictions is not None and len(rows) != len(predictions):
        problems.append(("evidence.golden_predictions", "are not one for each golden row"))
    return problems
