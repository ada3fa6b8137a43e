"""A part is put together once, however many threads use it first at the same moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, RLock

import pytest

from tradeworthy.runtime.part import Part

THREADS = 16


class House:
    def __init__(self) -> None:
        self.assembly = RLock()
        self.made: list[str] = []

    @Part
    def roof(self) -> object:
        """What is above."""
        assert self.walls
        self.made.append("roof")
        return object()

    @Part
    def walls(self) -> object:
        """What holds it."""
        self.made.append("walls")
        return object()

    @Part
    def cellar(self) -> object:
        """What is below."""
        self.made.append("cellar")
        raise OSError("wet")


@pytest.fixture(autouse=True)
def hurried() -> Iterator[None]:
    """Threads change places as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_get_the_same_part_and_it_is_made_once() -> None:
    for _ in range(50):
        house, start = House(), Barrier(THREADS)

        def use(house: House = house, start: Barrier = start) -> object:
            start.wait()
            return house.roof

        with ThreadPoolExecutor(THREADS) as pool:
            roofs = [each.result() for each in [pool.submit(use) for _ in range(THREADS)]]
        assert {*roofs} == {house.roof}
        assert house.made == ["walls", "roof"]


def test_a_part_that_could_not_be_made_is_tried_again() -> None:
    house = House()
    for _ in range(2):
        with pytest.raises(OSError, match="wet"):
            assert house.cellar
    assert house.made == ["cellar"] * 2


def test_a_part_keeps_its_description() -> None:
    assert House.roof.__doc__ == "What is above."
