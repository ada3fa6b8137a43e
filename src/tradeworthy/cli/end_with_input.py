"""Ending a service with the program that started it, even if that is killed.

Whoever starts it keeps the other end of its standard input. The system closes that end when the
program is gone, in whichever way it went.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import IO


def stop_at_end_of(stream: IO[bytes]) -> None:
    """Stop this process, as SIGTERM does, once a stream has ended; what it brings is not used.

    Parameters
    ----------
    stream
        Standard input, or another pipe.
    """
    threading.Thread(target=_stop, args=(stream,), name="end-with-input", daemon=True).start()


def _stop(stream: IO[bytes]) -> None:
    # Not by the stream's own read: it holds a lock, without which Python cannot end in order.
    while os.read(stream.fileno(), 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
