"""The file format of the prediction log: append-only segments of checksummed frames.

A frame is ``seal (8 bytes) | length (u32, little-endian) | crc32 of length and payload (u32) |
payload``; the payload is msgpack. A segment begins with a `SegmentStarted` frame, and every
`Origin` (what made a prediction) stands once in each segment that refers to it, so that a segment
can be read alone. Nothing is ever overwritten; a torn or corrupt frame is found by its checksum.

The seal is drawn at random by each worker and stands in the names of its segments, which no
client sees: whoever sends numbers whose bytes look like a frame cannot have them taken for one
where the frame around them is torn.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

import msgspec

SEAL_BYTES: Final = 8
SUFFIX: Final = ".segment"
_NAME: Final = re.compile(r"\d{20}-[0-9a-f]{10}-\d{6}-([0-9a-f]{16})\.segment")
_HEAD: Final = struct.Struct("<8sII")
_LENGTH: Final = struct.Struct("<I")


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """What made a prediction."""

    model: str
    version: int
    manifest_digest: str
    artifact_sha256: str
    feature_graph_hash: str
    running_hash: str
    epoch: int
    inputs: tuple[str, ...]


class SegmentStarted(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """First frame of a segment: its worker, and its place among the worker's segments."""

    worker: str
    sequence: int
    started_at: int
    schema: int = 1


class OriginDeclared(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """Gives an origin the number by which the records of this segment refer to it."""

    key: int
    origin: Origin


class Predicted(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """One answered request: the bytes of float64 inputs ``[n, k]`` and outputs ``[n]``.

    Its prediction ids follow from the segment's worker, ``time`` and ``number`` onward.
    """

    origin: int
    number: int
    time: int
    event_time: int
    actor: str
    inputs: bytes
    outputs: bytes


Payload: TypeAlias = SegmentStarted | OriginDeclared | Predicted

encode_payload = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Payload).decode


class Frame(NamedTuple):
    """A whole frame at ``offset``, ``length`` bytes with its head."""

    offset: int
    length: int
    payload: Payload


class Damage(NamedTuple):
    """Bytes that are no frame: ``corrupt`` before whole frames, ``tail`` at the end."""

    offset: int
    length: int
    kind: Literal["corrupt", "tail"]


def frame(payload: Payload, seal: bytes) -> bytes:
    """Encode a payload as a frame.

    Examples
    --------
    >>> seal = bytes(range(8))
    >>> data = frame(SegmentStarted("ab", 0, 5), seal)
    >>> [found.payload.worker for found in read_frames(data, seal) if isinstance(found, Frame)]
    ['ab']
    >>> list(read_frames(data[:-1], seal))
    [Damage(offset=0, length=24, kind='tail')]
    """
    content = encode_payload(payload)
    length = len(content)
    return _HEAD.pack(seal, length, crc32(content, crc32(_LENGTH.pack(length)))) + content


def read_frames(data: bytes, seal: bytes, base: int = 0) -> Iterator[Frame | Damage]:
    """Yield the frames of ``data`` and the damage between them; offsets count from ``base``."""
    position = 0
    while position < len(data):
        framed = _frame_at(data, seal, position)
        if framed is None:
            following = _next_frame(data, seal, position + 1)
            kind: Literal["corrupt", "tail"] = "tail" if following == len(data) else "corrupt"
            yield Damage(base + position, following - position, kind)
            position = following
        else:
            payload, end = framed
            yield Frame(base + position, end - position, payload)
            position = end


def segment_name(started: SegmentStarted, seal: bytes) -> str:
    """Name a segment; names sort by the time of their beginning.

    Examples
    --------
    >>> name = segment_name(SegmentStarted("00ff00ff00", 2, 5), bytes(8))
    >>> name
    '00000000000000000005-00ff00ff00-000002-0000000000000000.segment'
    >>> seal_of(name) == bytes(8)
    True
    """
    began = f"{started.started_at:020d}-{started.worker}-{started.sequence:06d}"
    return f"{began}-{seal.hex()}{SUFFIX}"


def seal_of(name: str) -> bytes | None:
    """Return the seal in a segment's name, None if it is not named like one."""
    match = _NAME.fullmatch(name)
    return None if match is None else bytes.fromhex(match[1])


def prediction_id(worker: str, time: int, number: int) -> str:
    """Name one prediction; ids sort by time, to the millisecond, then by worker and number.

    Examples
    --------
    >>> prediction_id("00ff00ff00", 1_700_000_000_000_000_000, 7)
    '018bcfe5680000ff00ff000000000007'
    """
    return f"{time // 1_000_000:012x}{worker}{number:010x}"


class SegmentFile:
    """A segment that one writer appends to, locked for as long as that writer lives.

    Parameters
    ----------
    folder
        Where segments are; must exist.
    started
        The first frame.
    seal
        What its frames begin with, `SEAL_BYTES` random bytes.
    durable
        Whether `write` returns after fdatasync.

    Raises
    ------
    OSError
        When the file cannot be made; none is left behind then.
    """

    def __init__(
        self, folder: Path, started: SegmentStarted, seal: bytes, *, durable: bool
    ) -> None:
        self.path = folder / segment_name(started, seal)
        self.size = 0
        self._durable = durable
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._descriptor = os.open(self.path, flags, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self.write(frame(started, seal))
            sync_folder(folder)
        except OSError:
            os.close(self._descriptor)
            self.path.unlink(missing_ok=True)
            raise

    def write(self, data: bytes) -> None:
        """Append whole frames; they are in the file (durable: on the disk) on return.

        Raises
        ------
        OSError
            When the disk refuses, or when somebody deleted the file: nobody could read it again.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        if self._durable:
            os.fdatasync(self._descriptor)
        if os.fstat(self._descriptor).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the segment was deleted", str(self.path))
        self.size += len(data)

    def close(self) -> None:
        """Release the file and its lock."""
        os.close(self._descriptor)

    def sync(self) -> None:
        """Bring everything written so far to the disk."""
        os.fdatasync(self._descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _frame_at(data: bytes, seal: bytes, position: int) -> tuple[Payload, int] | None:
    start = position + _HEAD.size
    if start > len(data):
        return None
    frame_seal, length, checksum = _HEAD.unpack_from(data, position)
    end = start + length
    if frame_seal != seal or end > len(data):
        return None
    content = data[start:end]
    if crc32(content, crc32(_LENGTH.pack(length))) != checksum:
        return None
    try:
        return _decode(content), end
    except msgspec.DecodeError:
        return None


def _next_frame(data: bytes, seal: bytes, position: int) -> int:
    while (position := data.find(seal, position)) >= 0:
        if _frame_at(data, seal, position) is not None:
            return position
        position += 1
    return len(data)
