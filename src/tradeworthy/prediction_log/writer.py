"""The prediction log's writer: no prediction is answered before it is written down.

In ``strict`` mode (the default) an append returns after fdatasync. Requests that wait at the same
time share one: while a group is on its way to the disk the next one gathers. In ``fast`` mode an
append returns after write(2), which survives the death of the process but not of the machine.

One log belongs to one event loop. Every process writes segments of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import HomeUnusable, PredictionLogFull
from tradeworthy.prediction_log.segments import (
    SEAL_BYTES,
    Origin,
    OriginDeclared,
    Predicted,
    SegmentFile,
    SegmentStarted,
    frame,
    prediction_id,
    sync_folder,
)

# Less room than this on the disk is none: what fits into it is soon written.
ROOM_BYTES = 1024 * 1024

FloatArray: TypeAlias = npt.NDArray[np.float64]
Mode: TypeAlias = Literal["strict", "fast"]


class _Pending(NamedTuple):
    origin: int
    frame: bytes
    written: asyncio.Future[None]


class PredictionLog:
    """Append predictions to the segments of this process.

    Parameters
    ----------
    folder
        One per service home; made if missing.
    mode
        ``strict`` or ``fast``.
    max_pending
        Requests that may wait for the disk; one more is refused.
    segment_bytes
        Size from which on a new segment begins.
    clock
        Nanoseconds since 1970 in UTC; stamps the segments.

    Raises
    ------
    HomeUnusable
        When the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mode: Mode = "strict",
        max_pending: int = 4096,
        segment_bytes: int = 64 * 1024 * 1024,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.folder = folder
        self.worker = secrets.token_hex(5)
        self._seal = secrets.token_bytes(SEAL_BYTES)
        self._refusal: str | None = None
        self._strict = mode == "strict"
        self._max_pending = max_pending
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._keys: dict[Origin, int] = {}
        self._origins: list[Origin] = []
        self._number = 0
        self._pending: list[_Pending] = []
        self._flying = 0
        self._segment: SegmentFile | None = None
        self._sequence = 0
        self._declared: set[int] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            self._segment = self._open_segment()
        except OSError as error:
            raise HomeUnusable(
                f"the prediction log cannot be written in {folder}: {error.strerror}; give the "
                "service a folder that it may write"
            ) from error
        self._groups: SimpleQueue[tuple[asyncio.AbstractEventLoop, list[_Pending]] | None]
        self._groups = SimpleQueue()
        self._writer = threading.Thread(target=self._write_groups, name="prediction-log")
        self._writer.daemon = True
        self._writer.start()

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded."""
        return self._refusal is None

    def require_room(self) -> None:
        """Say from memory whether the next prediction can be recorded.

        Raises
        ------
        PredictionLogFull
            If the last write failed.
        """
        if self._refusal is not None:
            raise _full(self._refusal)

    def look_for_room(self) -> None:
        """After a failure begin a new segment, if there is room again; called in the log's loop.

        Without it a service that nobody asks, since it is not ready, would never be ready again.
        """
        if not self.healthy and not self.pending:
            self._send_group(asyncio.get_running_loop())

    @property
    def pending(self) -> int:
        """How many requests wait for the disk."""
        return len(self._pending) + self._flying

    def declare(self, origin: Origin) -> int:
        """Return the number by which `append` refers to ``origin``."""
        key = self._keys.get(origin)
        if key is None:
            key = self._keys[origin] = len(self._origins)
            self._origins.append(origin)
        return key

    async def append(
        self,
        origin: int,
        *,
        now: int,
        event_time: int,
        actor: str,
        rows: FloatArray,
        outputs: FloatArray,
    ) -> list[str]:
        """Write one request down and return the ids of its predictions.

        Parameters
        ----------
        origin
            As `declare` returned it.
        now, event_time
            Nanoseconds since 1970 in UTC: when it was answered, and the time it speaks of.
        rows, outputs
            float64 ``[n, k]`` and ``[n]``.

        Raises
        ------
        PredictionLogFull
            When too many wait, or the disk refused. Then the prediction must not be answered.
        """
        count = len(outputs)
        first = self._number
        if self.pending >= self._max_pending:
            raise _full(f"{self._max_pending} requests already wait for the disk")
        self._number = first + count
        record = frame(
            Predicted(
                origin,
                first,
                now,
                event_time,
                actor,
                np.asarray(rows, dtype=np.float64).tobytes(),
                np.asarray(outputs, dtype=np.float64).tobytes(),
            ),
            self._seal,
        )
        await self._write_with_group(origin, record)
        if count == 1:
            return [prediction_id(self.worker, now, first)]
        return [prediction_id(self.worker, now, number) for number in range(first, first + count)]

    def close(self) -> None:
        """Write what waits, bring it to the disk and release the segment."""
        self._groups.put(None)
        self._writer.join()
        if self._segment is not None:
            self._segment.sync()
            self._segment.close()
            self._segment = None

    async def _write_with_group(self, origin: int, record: bytes) -> None:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        if not self._pending and not self._flying:
            # After this turn of the loop, so that requests which arrived together share a group.
            loop.call_soon(self._send_group, loop)
        self._pending.append(_Pending(origin, record, written))
        await written

    def _send_group(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._pending = self._pending, []
        self._flying = len(group)
        if self._strict:
            self._groups.put((loop, group))
        else:
            # write(2) only fills the page cache: a thread would cost more than it frees.
            self._settle(loop, group, self._commit(group))

    def _settle(
        self, loop: asyncio.AbstractEventLoop, group: list[_Pending], reason: str | None
    ) -> None:
        self._flying = 0
        if self._pending:
            self._send_group(loop)
        for entry in group:
            if entry.written.done():
                continue
            if reason is None:
                entry.written.set_result(None)
            else:
                entry.written.set_exception(_full(reason))

    def _write_groups(self) -> None:
        """Body of the writer's thread."""
        while (item := self._groups.get()) is not None:
            loop, group = item
            reason = self._commit(group)
            try:
                loop.call_soon_threadsafe(self._settle, loop, group, reason)
            except RuntimeError:
                # The loop was closed: nobody waits for this group any more.
                continue

    def _commit(self, group: list[_Pending]) -> str | None:
        """Write a group or return why not; after a failure in a new segment, which restores health.

        After an error the state of the file is unknown (a later fdatasync may claim success for
        pages that were lost), so the segment is never written again.
        """
        try:
            if not group:
                _require_room_in(self.folder)
            segment = self._current_segment()
            parts = []
            for entry in group:
                if entry.origin not in self._declared:
                    declared = OriginDeclared(entry.origin, self._origins[entry.origin])
                    parts.append(frame(declared, self._seal))
                    self._declared.add(entry.origin)
                parts.append(entry.frame)
            segment.write(b"".join(parts))
        except Exception as error:  # noqa: BLE001 (whatever it was, nobody may be answered)
            if self._segment is not None:
                self._segment.close()
                self._segment = None
            self._refusal = f"the disk refused: {error}"
        else:
            self._refusal = None
        return self._refusal

    def _current_segment(self) -> SegmentFile:
        if self._segment is not None and self._segment.size >= self._segment_bytes:
            self._segment.sync()
            self._segment.close()
            self._segment = None
        if self._segment is None:
            self._segment = self._open_segment()
        return self._segment

    def _open_segment(self) -> SegmentFile:
        self._declared = set()
        started = SegmentStarted(self.worker, self._sequence, self._clock())
        self._sequence += 1
        return SegmentFile(self.folder, started, self._seal, durable=self._strict)


def _require_room_in(folder: Path) -> None:
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _full(reason: str) -> PredictionLogFull:
    return PredictionLogFull(
        f"the prediction cannot be recorded, so it is not answered ({reason}); free space for the "
        "prediction log or try again later"
    )
