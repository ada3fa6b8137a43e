"""The parts of a manifest, as plain records; None is what was not recorded.

The annotations are the schema: `tradeworthy.manifest.manifest` reads by them, strictly, and the
packaged ``manifest.schema.json`` is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, JsonValue

from tradeworthy.base.text_forms import FILE_NAME, GIT_COMMIT, MODEL_NAME, MOMENT, SHA256

Digest = Annotated[str, Field(pattern=SHA256)]
GitCommit = Annotated[str, Field(pattern=GIT_COMMIT)]
ModelName = Annotated[str, Field(pattern=MODEL_NAME)]
FileName = Annotated[str, Field(pattern=FILE_NAME)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Moment = Annotated[str, Field(pattern=MOMENT)]
"""A date, or a date and time with its offset from UTC, by RFC 3339."""

LEFT_OUT_WHEN_EMPTY: Final = {"left_out_when_empty": True}
"""Of a field that came later: without a value it is not written, so that digests of before hold."""


class Strict:
    """Base of every record: unknown keys, other types, NaN and infinities are refused."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class ColumnRecord(Strict):
    """One column of the training table: name, logical type and digest, by `dataset_digest`."""

    name: str
    dtype: Text
    digest: Digest


@dataclass(frozen=True, slots=True)
class SourceRecord(Strict):
    """Where rows came from: a name, the digest of that source, and its version if it has one."""

    name: Text
    digest: Digest | None = None
    version: Text | None = None


@dataclass(frozen=True, slots=True)
class DatasetRecord(Strict):
    """The rows and columns trained on.

    ``label_horizon``, ``purge`` and ``embargo`` count periods (rows of one entity); ``as_of`` is
    the moment whose knowledge the table holds; ``train_end`` is the last moment trained on.
    """

    rows: Count | None = None
    columns: tuple[ColumnRecord, ...] | None = None
    key: tuple[Text, ...] | None = None
    time_start: Moment | None = None
    time_end: Moment | None = None
    as_of: Moment | None = None
    sources: tuple[SourceRecord, ...] | None = None
    label: Text | None = None
    label_horizon: Count | None = None
    train_end: Moment | None = None
    purge: Count | None = None
    embargo: Count | None = None


@dataclass(frozen=True, slots=True)
class EntryPoint(Strict):
    """The function that trains: file, qualified name, hash of its logic."""

    file: Text
    qualname: Text
    logic_hash: Digest


@dataclass(frozen=True, slots=True)
class SignalRule(Strict):
    """The function from predictions to target weights, and the file of the features it rests on."""

    file: Text
    qualname: Text
    logic_hash: Digest
    feature_file: Text | None = None


@dataclass(frozen=True, slots=True)
class CodeRecord(Strict):
    """The state of the code beside its commit; ``dirty`` is None where git could not say.

    ``unclean`` are the first paths that kept the tree from being clean.
    """

    dirty: bool | None = None
    diff_digest: Digest | None = None
    entry_point: EntryPoint | None = None
    signal_rule: SignalRule | None = None
    unclean: tuple[Text, ...] = field(default=(), metadata=LEFT_OUT_WHEN_EMPTY)

    @property
    def feature_file(self) -> str | None:
        """The file of the features, below the strategies folder; None if it was not recorded."""
        rule = self.signal_rule
        return None if rule is None else rule.feature_file or rule.file


@dataclass(frozen=True, slots=True)
class FileRecord(Strict):
    """One artifact file: a bare name, its format, its size in bytes, the SHA-256 of its bytes."""

    name: FileName
    format: Text
    size: Count
    sha256: Digest


@dataclass(frozen=True, slots=True)
class RuntimeRecord(Strict):
    """What the training ran on; ``lock_digest`` is the SHA-256 of the lock file."""

    python: Text | None = None
    platform: Text | None = None
    distributions: dict[str, str] | None = None
    lock_digest: Digest | None = None
    threads: Positive | None = None


@dataclass(frozen=True, slots=True)
class DeterminismRecord(Strict):
    """Seeds by name, and how alike a second training is expected to be."""

    seeds: dict[str, int] | None = None
    grade: Literal["bitwise", "numeric", "statistical"] | None = None


@dataclass(frozen=True, slots=True)
class LookAheadRecord(Strict):
    """Whether the features saw the future during training, with each test's own result."""

    passed: bool
    tests: dict[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class EvidenceRecord(Strict):
    """What later loads are compared with.

    ``golden_rows`` are inputs in the order of the manifest's ``inputs``, ``golden_predictions``
    what the fitted estimator answered to each; ``training_profiles`` holds a drift profile by
    feature.
    """

    golden_rows: tuple[tuple[float | None, ...], ...] | None = None
    golden_predictions: tuple[float, ...] | None = None
    look_ahead: LookAheadRecord | None = None
    training_profiles: dict[str, JsonValue] | None = None
    probe_hash: Digest | None = None
