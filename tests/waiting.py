"""Waiting for what another thread or process brings about, for as long as that lives.

No clock is in it: a busy machine is slow and not broken. What never comes although its process
lives is ended by ``faulthandler_timeout`` in ``pyproject.toml``, which shows where every thread is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.01


def until(condition: Callable[[], T], alive: Callable[[], object] = lambda: True) -> T:
    """Look until a condition holds and return what it gave.

    Parameters
    ----------
    condition
        What is waited for: anything that is true in the end.
    alive
        Whether what brings it about is still there.
    """
    while True:
        # Looked at first: what it did last counts, and it did that before it ended.
        living = alive()
        if reached := condition():
            return reached
        assert living, "it ended, and what was waited for had not come"
        time.sleep(LOOK_SECONDS)
