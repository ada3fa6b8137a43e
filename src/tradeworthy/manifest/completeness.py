"""What a manifest lacks: for a version to count as trained, and for it to be validated."""

from __future__ import annotations

from typing import Any

from tradeworthy.manifest.manifest_fields import ManifestFields

# Enough to say what the version is, what it was made of, and to find its bytes again.
REQUIRED_FOR_TRAINED: tuple[str, ...] = (
    "feature_graph_hash",
    "feature_graph",
    "inputs",
    "training_config_hash",
    "config",
    "dataset_hash",
    "dataset.rows",
    "dataset.columns",
    "files",
    "runtime.python",
    "created_at",
    "created_by",
)

# Enough to test the recipe on data after the training and to compare later loads with the fitted
# estimator. The git tree is missing here on purpose: it has a gate of its own.
REQUIRED_FOR_VALIDATED: tuple[str, ...] = (
    "dataset.label",
    "dataset.label_horizon",
    "dataset.time_start",
    "dataset.time_end",
    "dataset.train_end",
    "code.entry_point",
    "code.signal_rule",
    "determinism.seeds",
    "evidence.golden_rows",
    "evidence.golden_predictions",
    "evidence.training_profiles",
)


def missing_fields(manifest: ManifestFields[Any]) -> tuple[str, ...]:
    """Return the fields that a TRAINED version needs and that ``manifest`` does not record.

    Examples
    --------
    >>> from tradeworthy.manifest.manifest import Manifest
    >>> missing_fields(Manifest(model="m", version=1, strategy="s"))[:3]
    ('feature_graph_hash', 'feature_graph', 'inputs')
    """
    return _absent(manifest, REQUIRED_FOR_TRAINED)


def missing_evidence(manifest: ManifestFields[Any]) -> tuple[str, ...]:
    """Return the further fields that validation needs and that ``manifest`` does not record.

    Examples
    --------
    >>> from tradeworthy.manifest.manifest import Manifest
    >>> "dataset.train_end" in missing_evidence(Manifest(model="m", version=1, strategy="s"))
    True
    """
    return _absent(manifest, REQUIRED_FOR_VALIDATED)


def _absent(manifest: ManifestFields[Any], fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if not _recorded(manifest, name))


def _recorded(manifest: ManifestFields[Any], name: str) -> bool:
    value: object = manifest
    for part in name.split("."):
        value = getattr(value, part)
    # An empty configuration or set of seeds is an answer; an empty list of files or rows is none.
    return value is not None and value != ()
