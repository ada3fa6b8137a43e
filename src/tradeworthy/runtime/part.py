"""An attribute that is put together when it is first used, once, whichever thread comes first."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar, overload

Made = TypeVar("Made")


class Whole(Protocol):
    """What has parts: its lock is held while one is put together."""

    assembly: RLock


class Part(Generic[Made]):
    """Decorate the method that puts the part together; later uses find it in the instance itself.

    Unlike ``functools.cached_property``, which has no lock since Python 3.12.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type[Whole], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Whole]) -> Part[Made]: ...

    @overload
    def __get__(self, instance: Whole, owner: type[Whole]) -> Made: ...

    def __get__(self, instance: Whole | None, owner: type[Whole]) -> Part[Made] | Made:
        """Return the part of an instance."""
        if instance is None:
            return self
        with instance.assembly:
            parts = vars(instance)
            if self._name not in parts:
                parts[self._name] = self._make(instance)
            made: Made = parts[self._name]
        return made
