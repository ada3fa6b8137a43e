"""What a manifest records, field by field, and how its text is read by the schema alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from tradeworthy.base.field_faults import first_fault
from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import ManifestInvalid
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.manifest.records import (
    LEFT_OUT_WHEN_EMPTY,
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

Graph = TypeVar("Graph")


@dataclass(frozen=True, slots=True)
class ManifestFields(Strict, Generic[Graph]):
    """What is recorded of one version of one model; null is what was not recorded.

    ``feature_graph`` is a feature graph snapshot, whose ``hash`` is ``feature_graph_hash``;
    ``inputs`` are the model's features in the order it takes them; ``config`` is the resolved
    training configuration; ``metrics`` are the trainer's claims, which no gate reads.
    """

    model: ModelName
    version: Positive
    strategy: Text
    schema_version: Literal[1] = SCHEMA_VERSION
    feature_graph_hash: Digest | None = None
    feature_graph: Graph | None = None
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


UncheckedManifest: TypeAlias = ManifestFields[dict[str, JsonValue]]
"""A manifest as its text says it: of the right types, but its hashes may not fit."""

FIELD_NAMES = tuple(each.name for each in fields(ManifestFields))

_ADAPTER: TypeAdapter[UncheckedManifest] = TypeAdapter(UncheckedManifest)


def parse_manifest(text: str | bytes) -> UncheckedManifest:
    """Read a manifest by its schema alone; `inconsistencies` says whether its hashes fit.

    Raises
    ------
    ManifestInvalid
        For text that is not JSON (broken, truncated, NaN, a key twice), an unknown schema version
        or key, or a field of another type.
    """
    if len(text) > MAX_BYTES:
        raise ManifestInvalid(f"a manifest has at most {MAX_BYTES} bytes, this has {len(text)}")
    _check_version(read_json(text, what="the manifest", refusal=ManifestInvalid))
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        fault = first_fault(error)
        raise ManifestInvalid(
            f"the manifest's field {fault}; see manifest.schema.json", field=fault.path
        ) from error


def compact_json(manifest: UncheckedManifest | ManifestFields[GraphSnapshot]) -> str:
    """Return a manifest as JSON with sorted keys and without spaces.

    Raises
    ------
    ManifestInvalid
        If JSON cannot hold it: NaN, an infinity, an object of another kind.
    """
    try:
        text = json.dumps(
            {name: getattr(manifest, name) for name in FIELD_NAMES},
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=_plain,
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the manifest cannot be written as JSON: {error}") from error
    return text


def manifest_schema() -> dict[str, JsonValue]:
    """Return the JSON schema (draft 2020-12) of a manifest; ``manifest.schema.json`` is its copy.

    All that `parse_manifest` reads is valid by it. The reader of manifests refuses more, which a
    schema cannot say: hashes that do not fit and file names that stand twice (`inconsistencies`),
    keys that stand twice in one object, a whole number written as a float (``1.0``), numbers beyond
    the range of a float, and lone surrogates. The patterns are those of ECMA 262, where ``$`` is
    the end and nothing else.
    """
    schema: dict[str, JsonValue] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= _ADAPTER.json_schema()
    schema["title"] = "Tradeworthy manifest"
    schema["required"] = ["model", "schema_version", "strategy", "version"]
    return schema


def _check_version(loaded: object) -> None:
    if not isinstance(loaded, dict):
        raise ManifestInvalid("a manifest is a JSON object")
    version = loaded.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ManifestInvalid(
            f"manifest schema version {version!r} is unknown; this release reads {SCHEMA_VERSION}",
            field="schema_version",
        )


def _plain(value: object) -> object:
    if isinstance(value, GraphSnapshot):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: content
            for each in fields(value)
            if (content := getattr(value, each.name)) or each.metadata != LEFT_OUT_WHEN_EMPTY
        }
    raise TypeError(f"{type(value).__name__} is nothing that JSON holds")
