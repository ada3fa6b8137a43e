"""Standard output for answers alone, and a standard error that ends no command.

Users' code, a library written in C or a process that either starts may write to descriptor 1 at any
time, also after the answer. From a command's start on, that descriptor leads to standard error, and
answers have one of their own.
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EBADF
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_OUTPUT, _ERRORS, _BEYOND = 1, 2, 3


class OutputLost(Exception):
    """What was to be read cannot be written to standard output."""


@contextmanager
def standard_streams() -> Iterator[None]:
    """Lead to standard output what is written to ``sys.stdout`` in this block, and nothing else.

    Raises
    ------
    OutputLost
        From whatever writes an answer, help or usage, where standard output is closed or full.
    """
    # Python has no stream where one was closed from the start.
    output, errors = cast("list[TextIO | None]", [sys.stdout, sys.stderr])
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115 - open to the end
    if errors is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _ERRORS)
    answers = os.open(os.devnull, os.O_RDONLY) if output is None else _OUTPUT
    answers = fcntl(answers, F_DUPFD_CLOEXEC, _BEYOND)
    sys.stdout = _text(_Answers(answers, "w"), output)
    sys.stderr = _text(_Asides(_ERRORS, "w", closefd=False), errors)
    os.dup2(_ERRORS, _OUTPUT)
    try:
        yield
    finally:
        # What users' code left to be run at the end of Python has no answer to give.
        sys.stdout = sys.stderr


def _text(raw: io.FileIO, like: TextIO | None) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(raw)
    if like is None:
        return io.TextIOWrapper(buffer, "utf-8", "backslashreplace")
    like.flush()
    lines = like.isatty() or isinstance(raw, _Asides)
    return io.TextIOWrapper(buffer, like.encoding, "backslashreplace", line_buffering=lines)


class _Waiting(io.FileIO):
    """A descriptor that is waited for where it does not block and its reader is slow."""

    def write(self, data: ReadableBuffer, /) -> int:
        while (count := cast("int | None", super().write(data))) is None:
            room = select.poll()
            room.register(self, select.POLLOUT)
            room.poll()
        return count


class _Answers(_Waiting):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # What is left in a buffer would be tried again at the end, and fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            closed = error.errno == EBADF
            raise OutputLost("it is closed" if closed else error.strerror) from error


class _Asides(_Waiting):
    def write(self, data: ReadableBuffer, /) -> int:
        # The exit code says what is wrong where no line can.
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes
