"""Reading the prediction log, while it is written or after its writer died.

A reader sees whole frames only. A tail that is no frame is in flight while the segment's writer
lives (it holds a lock on the file), and torn once it is dead: then it is reported, as is every
corrupt frame. Reading changes nothing on the disk.
"""

from __future__ import annotations

import fcntl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tradeworthy.prediction_log.segments import (
    SUFFIX,
    Damage,
    Frame,
    Origin,
    OriginDeclared,
    Predicted,
    SegmentStarted,
    prediction_id,
    read_frames,
    seal_of,
)

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]


class SegmentMark(msgspec.Struct, frozen=True):
    """How far a segment was read, and where (offset, length) its declarations are."""

    offset: int
    declarations: tuple[tuple[int, int], ...] = ()


class Cursor(msgspec.Struct, frozen=True):
    """How far a folder was read. The empty cursor stands at its beginning."""

    segments: Mapping[str, SegmentMark] = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes of a segment that hold no readable record.

    Attributes
    ----------
    kind
        ``torn``: the writer died while writing, nobody was answered. ``corrupt``: the bytes
        changed after they were written. ``orphan``: a whole record whose declaration is lost.
    """

    segment: str
    offset: int
    length: int
    kind: Literal["torn", "corrupt", "orphan"]


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """One answered request, as it was logged. Times are nanoseconds since 1970 in UTC."""

    origin: Origin
    worker: str
    number: int
    time: int
    event_time: int
    actor: str
    inputs: bytes = field(repr=False)
    output_bytes: bytes = field(repr=False)

    @property
    def rows(self) -> FloatArray:
        """Inputs, float64 ``[n, k]``."""
        return np.frombuffer(self.inputs).reshape(-1, len(self.origin.inputs))

    @property
    def outputs(self) -> FloatArray:
        """Predictions, float64 ``[n]``."""
        return np.frombuffer(self.output_bytes)

    @property
    def prediction_ids(self) -> list[str]:
        """The ids that the client got, one a row."""
        numbers = range(self.number, self.number + len(self.output_bytes) // 8)
        return [prediction_id(self.worker, self.time, number) for number in numbers]


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reading found: records in log order, where to go on, and faults."""

    records: list[PredictionRecord]
    cursor: Cursor
    faults: tuple[Fault, ...]

    def count(self, kind: Literal["torn", "corrupt", "orphan"]) -> int:
        """Count the faults of a kind."""
        return sum(fault.kind == kind for fault in self.faults)


@dataclass(frozen=True, slots=True)
class PredictionColumns:
    """Predictions of one model as columns of equal length, one entry a row, by answer time.

    A feature that a version does not have is NaN in its rows.
    """

    event_time: IntArray
    time: IntArray
    version: IntArray
    features: Mapping[str, FloatArray]
    outputs: FloatArray
    prediction_ids: list[str]
    faults: tuple[Fault, ...] = ()


def read_from(folder: Path, cursor: Cursor | None = None) -> Scan:
    """Read what was logged since ``cursor``.

    Each record and each fault is reported by exactly one of a chain of calls. Segments that
    retention removed are forgotten.

    Examples
    --------
    >>> import tempfile
    >>> read_from(Path(tempfile.mkdtemp())).records
    []
    """
    records: list[PredictionRecord] = []
    faults: list[Fault] = []
    marks: dict[str, SegmentMark] = {}
    known = cursor.segments if cursor is not None else {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        mark = known.get(path.name, SegmentMark(0))
        try:
            if path.stat().st_size != mark.offset:
                mark = _read_segment(path, mark, records, faults)
        except FileNotFoundError:
            continue
        marks[path.name] = mark
    return Scan(records, Cursor(marks), tuple(faults))


def to_columns(
    records: Sequence[PredictionRecord], faults: tuple[Fault, ...] = ()
) -> PredictionColumns:
    """Turn records of one model into columns, ordered by the time of the answer."""
    records = sorted(records, key=lambda record: (record.time, record.worker, record.number))
    counts = np.array([len(record.output_bytes) // 8 for record in records], dtype=np.int64)
    return PredictionColumns(
        event_time=_repeated([record.event_time for record in records], counts),
        time=_repeated([record.time for record in records], counts),
        version=_repeated([record.origin.version for record in records], counts),
        features=_features(records, counts),
        outputs=np.frombuffer(b"".join(record.output_bytes for record in records)),
        prediction_ids=[each for record in records for each in record.prediction_ids],
        faults=faults,
    )


def _repeated(values: list[int], counts: IntArray) -> IntArray:
    return np.repeat(np.array(values, dtype=np.int64), counts)


def _features(records: Sequence[PredictionRecord], counts: IntArray) -> dict[str, FloatArray]:
    """Fill the columns with one block for each list of inputs."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    columns: dict[str, FloatArray] = {}
    for inputs in dict.fromkeys(record.origin.inputs for record in records):
        members = [i for i, record in enumerate(records) if record.origin.inputs == inputs]
        spans = [np.arange(ends[i] - counts[i], ends[i]) for i in members]
        places = np.concatenate(spans)
        block = np.frombuffer(b"".join(records[i].inputs for i in members))
        for name, values in zip(inputs, block.reshape(-1, len(inputs)).T, strict=True):
            columns.setdefault(name, np.full(total, np.nan))[places] = values
    return columns


def _read_segment(
    path: Path, mark: SegmentMark, records: list[PredictionRecord], faults: list[Fault]
) -> SegmentMark:
    """Read one segment from ``mark`` on, append what it holds, and return the new mark."""
    size = path.stat().st_size
    seal = seal_of(path.name)
    if seal is None or size < mark.offset:
        # Renamed, or shorter than it was: what is missing cannot be read again.
        first = min(size, mark.offset)
        faults.append(Fault(path.name, first, max(size, mark.offset) - first, "corrupt"))
        return SegmentMark(size, mark.declarations)
    with path.open("rb") as file:
        # Looked for twice: the writer may die, or take its lock, while we read.
        writer_lives = _is_locked(file)
        worker, origins = _declarations(file, mark, seal)
        file.seek(mark.offset)
        data = file.read()
        writer_lives = _is_locked(file) or writer_lives
    offset = mark.offset + len(data)
    declarations = list(mark.declarations)
    for item in read_frames(data, seal, mark.offset):
        if isinstance(item, Damage):
            if item.kind == "tail" and writer_lives:
                offset = item.offset
                break
            kind: Literal["torn", "corrupt"] = "torn" if item.kind == "tail" else "corrupt"
            faults.append(Fault(path.name, item.offset, item.length, kind))
            continue
        payload = item.payload
        if isinstance(payload, Predicted):
            origin = origins.get(payload.origin)
            if origin is None or worker is None:
                faults.append(Fault(path.name, item.offset, len(payload.inputs), "orphan"))
            else:
                records.append(_record(worker, origin, payload))
            continue
        declarations.append((item.offset, item.length))
        worker = _learn(item, worker, origins)
    return SegmentMark(offset, tuple(declarations))


def _learn(item: Frame, worker: str | None, origins: dict[int, Origin]) -> str | None:
    payload = item.payload
    if isinstance(payload, OriginDeclared):
        origins[payload.key] = payload.origin
    if isinstance(payload, SegmentStarted):
        return payload.worker
    return worker


def _declarations(
    file: BinaryIO, mark: SegmentMark, seal: bytes
) -> tuple[str | None, dict[int, Origin]]:
    """Read again what the records after ``mark`` may refer to."""
    worker: str | None = None
    origins: dict[int, Origin] = {}
    for offset, length in mark.declarations:
        file.seek(offset)
        for item in read_frames(file.read(length), seal, offset):
            if isinstance(item, Frame):
                worker = _learn(item, worker, origins)
    return worker, origins


def _record(worker: str, origin: Origin, payload: Predicted) -> PredictionRecord:
    return PredictionRecord(
        origin=origin,
        worker=worker,
        number=payload.number,
        time=payload.time,
        event_time=payload.event_time,
        actor=payload.actor,
        inputs=payload.inputs,
        output_bytes=payload.outputs,
    )


def _is_locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    # Released at once: a writer that begins this segment now must not wait for us.
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
