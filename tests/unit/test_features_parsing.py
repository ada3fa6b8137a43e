"""Source is parsed alike however many threads parse at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tradeworthy.features.logic.project import parse_module

LINES = [f"    x = [[[[x + {i}, (x * {i}, {{'a': [x, {i}]}})]]]]\n" for i in range(30)]
TEXT = "def f(x):\n" + "".join(LINES)


class Garbage:
    """Lets another thread in when it is collected."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as they can, and garbage that is collected all the time."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


@pytest.mark.slow
@pytest.mark.usefixtures("restless")
def test_threads_that_parse_at_once_each_get_their_tree() -> None:
    def parse(_: int) -> set[str]:
        names: set[str] = set()
        for _ in range(12):
            for _ in range(20):
                Garbage()
            names |= set(parse_module("m", "m.py", TEXT).bindings.names)
        return names

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(parse, range(8))) == [{"f"}] * 8
