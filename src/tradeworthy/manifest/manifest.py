"""The manifest: the papers of one version, read strictly and digested canonically.

Its canonical bytes are JSON with sorted keys and without spaces. RFC 8785 would write 1.0 as 1 and
so lose what the hash of the configuration rests on; numbers keep their type here.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from tradeworthy.base.digests import tagged_digest
from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import InvalidInput, ManifestInvalid
from tradeworthy.manifest.config_hash import training_config_hash
from tradeworthy.manifest.dataset_columns import combine_columns
from tradeworthy.manifest.records import (
    CodeRecord,
    DatasetRecord,
    DeterminismRecord,
    Digest,
    EvidenceRecord,
    FileRecord,
    GitCommit,
    ModelName,
    Moment,
    Positive,
    RuntimeRecord,
    Strict,
    Text,
)

SCHEMA_VERSION: Final = 1
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Manifest(Strict):
    """The papers of one version of one model; None is what was not recorded.

    ``feature_graph`` is the JSON of a feature graph snapshot, whose ``hash`` is
    ``feature_graph_hash``; ``inputs`` are the model's features in the order it takes them;
    ``config`` is the resolved training configuration; ``metrics`` are the trainer's claims, which
    no gate reads.

    Examples
    --------
    >>> manifest = Manifest(model="momentum", version=3, strategy="trend", inputs=("vol_20",))
    >>> Manifest.from_json(manifest.to_json()) == manifest
    True
    >>> manifest.file_name
    'momentum-v3.manifest.json'
    """

    model: ModelName
    version: Positive
    strategy: Text
    schema_version: Literal[1] = SCHEMA_VERSION
    feature_graph_hash: Digest | None = None
    feature_graph: dict[str, JsonValue] | None = None
    inputs: Annotated[tuple[Text, ...], Field(json_schema_extra={"uniqueItems": True})] = ()
    training_config_hash: Digest | None = None
    config: dict[str, JsonValue] | None = None
    volatile_keys: tuple[Text, ...] = ()
    dataset_hash: Digest | None = None
    dataset: DatasetRecord = field(default_factory=DatasetRecord)
    git_commit: GitCommit | None = None
    code: CodeRecord = field(default_factory=CodeRecord)
    files: tuple[FileRecord, ...] = ()
    runtime: RuntimeRecord = field(default_factory=RuntimeRecord)
    determinism: DeterminismRecord = field(default_factory=DeterminismRecord)
    evidence: EvidenceRecord = field(default_factory=EvidenceRecord)
    metrics: dict[str, float] = field(default_factory=dict)
    created_at: Moment | None = None
    created_by: Text | None = None

    @property
    def file_name(self) -> str:
        """The name of the manifest's file."""
        return f"{self.model}-v{self.version}.manifest.json"

    def to_json(self) -> str:
        """Return the manifest as readable JSON, two spaces deep, keys sorted, newline at the end.

        Raises
        ------
        ManifestInvalid
            If the manifest would not be read back: a field of another type, NaN, or a hash that
            is not the hash of what stands beside it.
        """
        manifest = Manifest.from_json(_dumped(self, indent=None))
        return _dumped(manifest, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read a manifest and check it against itself.

        Raises
        ------
        ManifestInvalid
            For text that is not JSON (broken, truncated, NaN, a key twice), an unknown schema
            version or key, a field of another type, or a hash that does not fit what stands
            beside it.
        """
        manifest = parse_manifest(text)
        for name, detail in inconsistencies(manifest):
            raise ManifestInvalid(f"manifest {manifest.file_name}: {name} {detail}", field=name)
        return manifest


def manifest_digest(manifest: Manifest) -> str:
    """Return the digest of the canonical bytes of ``manifest``.

    It does not depend on spaces, on the order of keys, or on whether nulls are written out.

    Raises
    ------
    ManifestInvalid
        As for `Manifest.to_json`.

    Examples
    --------
    >>> one = Manifest(model="m", version=1, strategy="s", metrics={"sharpe": 1.0})
    >>> spaced = '{"model": "m", "strategy": "s", "version": 1, "schema_version": 1, '
    >>> manifest_digest(one) == manifest_digest(
    ...     Manifest.from_json(spaced + '"metrics": {"sharpe": 1}}')
    ... )
    True
    """
    return tagged_digest("manifest/v1", canonical_bytes(manifest))


def canonical_bytes(manifest: Manifest) -> bytes:
    """Return the one byte string that `manifest_digest` covers."""
    return _dumped(Manifest.from_json(_dumped(manifest, indent=None)), indent=None).encode()


def parse_manifest(text: str | bytes) -> Manifest:
    """Read a manifest by its schema alone; `inconsistencies` tells whether its hashes fit.

    Raises
    ------
    ManifestInvalid
        As for `Manifest.from_json`, tampered hashes aside.
    """
    if len(text) > MAX_BYTES:
        raise ManifestInvalid(f"a manifest has at most {MAX_BYTES} bytes, this has {len(text)}")
    _check_version(read_json(text, what="the manifest", refusal=ManifestInvalid))
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ManifestInvalid(
            f"manifest field {place or '(top)'}: {first['msg']}; see manifest.schema.json",
            field=place,
        ) from error


def inconsistencies(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Return (field, what is wrong) for each hash or shape that contradicts the rest.

    Examples
    --------
    >>> broken = Manifest("m", 1, "s", config={"a": 1}, training_config_hash="0" * 64)
    >>> [name for name, _ in inconsistencies(broken)]
    ['training_config_hash']
    """
    found = [
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
            found.append((name, "names something twice"))
    return tuple(found)


def _config_inconsistency(manifest: Manifest) -> list[tuple[str, str]]:
    if manifest.config is None:
        return []
    try:
        actual = training_config_hash(manifest.config, manifest.volatile_keys)
    except InvalidInput as error:
        return [("config", f"cannot be hashed: {error.message}")]
    if manifest.training_config_hash in (None, actual):
        return []
    return [("training_config_hash", f"is not the hash of config, which is {actual}")]


def _graph_inconsistency(manifest: Manifest) -> list[tuple[str, str]]:
    if manifest.feature_graph is None or manifest.feature_graph_hash is None:
        return []
    recorded = manifest.feature_graph.get("hash")
    if recorded == manifest.feature_graph_hash:
        return []
    return [("feature_graph_hash", f"is not the hash in feature_graph, which is {recorded}")]


def _dataset_inconsistency(manifest: Manifest) -> list[tuple[str, str]]:
    dataset = manifest.dataset
    if manifest.dataset_hash is None or dataset.rows is None or dataset.columns is None:
        return []
    columns = ((c.name, c.dtype, c.digest) for c in dataset.columns)
    actual = combine_columns(dataset.rows, columns)
    if actual == manifest.dataset_hash:
        return []
    return [("dataset_hash", f"is not the hash of dataset.columns, which is {actual}")]


def _evidence_inconsistency(manifest: Manifest) -> list[tuple[str, str]]:
    rows, predictions = manifest.evidence.golden_rows, manifest.evidence.golden_predictions
    found = []
    if rows is not None and any(len(row) != len(manifest.inputs) for row in rows):
        found.append(("evidence.golden_rows", "have another width than inputs"))
    if rows is not None and predictions is not None and len(rows) != len(predictions):
        found.append(("evidence.golden_predictions", "are not one for each golden row"))
    return found


def _check_version(loaded: object) -> None:
    if not isinstance(loaded, dict):
        raise ManifestInvalid("a manifest is a JSON object")
    version = loaded.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ManifestInvalid(
            f"manifest schema version {version!r} is unknown; this release reads {SCHEMA_VERSION}",
            field="schema_version",
        )


def _dumped(manifest: Manifest, indent: int | None) -> str:
    separators = (",", ":") if indent is None else None
    try:
        text = json.dumps(
            dataclasses.asdict(manifest),
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            indent=indent,
            separators=separators,
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the manifest cannot be written as JSON: {error}") from error
    return text


_ADAPTER = TypeAdapter(Manifest)


def manifest_schema() -> dict[str, JsonValue]:
    """Return the JSON schema (draft 2020-12) of a manifest; ``manifest.schema.json`` is its copy.

    All that `Manifest.from_json` reads is valid by it. The reader refuses more, which a schema
    cannot say: hashes that do not fit and file names that stand twice (`inconsistencies`), keys
    that stand twice in one object, a whole number written as a float (``1.0``), numbers beyond the
    range of a float, and lone surrogates. The patterns are those of ECMA 262, where ``$`` is the
    end and nothing else.
    """
    schema: dict[str, JsonValue] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= _ADAPTER.json_schema()
    schema["title"] = "Tradeworthy manifest"
    schema["required"] = ["model", "schema_version", "strategy", "version"]
    return schema
