"""An interrupt that is heard wherever it arrives.

Python drops an exception that leaves a callback of its own, as of a weak reference while a module
is imported: the command would go on to its end.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

# Seconds until an interrupt that was dropped is raised again.
_AGAIN = 0.01


class Interrupted(KeyboardInterrupt):
    """The command was interrupted.

    Of a class of its own: once a plain ``KeyboardInterrupt`` has passed through ``exec``, Python
    ends itself by the signal even where the program has caught it.
    """


def hear(number: signal.Signals) -> None:
    """Raise ``Interrupted`` in the main thread when the signal comes, unless it is ignored."""
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, _interrupt)
        signal.signal(signal.SIGALRM, _interrupt)
        sys.unraisablehook = _dropped


def was_dropped() -> bool:
    """Tell whether an interrupt still waits to be raised again, and let it rest."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    return left > 0


def _interrupt(_: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code is _dropped.__code__:
            # It would be dropped here too.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            return
        frame = frame.f_back
    # What cleans up after this one must not hear of an earlier one again.
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Interrupted


def _dropped(raised: sys.UnraisableHookArgs) -> None:
    if issubclass(raised.exc_type, Interrupted):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(raised)
