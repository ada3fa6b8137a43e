"""Ending a service with the program that started it, even if that is killed.

Whoever starts it keeps the other end of its standard input. The system closes that end when the
program is gone, in whichever way it went.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import IO


def at_end_of(stream: IO[bytes], stop: Callable[[], None]) -> None:
    """Call ``stop`` in a thread of its own once a stream has ended; what it brings is not used.

    Parameters
    ----------
    stream
        Standard input, or another pipe.
    stop
        Begins the end of the service.
    """
    thread = threading.Thread(target=_wait, args=(stream, stop), name="end-with-input", daemon=True)
    thread.start()


def _wait(stream: IO[bytes], stop: Callable[[], None]) -> None:
    # Not by the stream's own read: it holds a lock, without which Python cannot end in order.
    while os.read(stream.fileno(), 1 << 16):
        pass
    stop()
