"""A package's public names, each loaded when it is first used (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as type checkers know it: every import would be paid for by every user
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def lazy_names(
    package: str, homes: Mapping[str, str], *, rooms: Sequence[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package.

    Type checkers do not run them. So the package lists the names in ``__all__``, imports them under
    ``TYPE_CHECKING``, and calls this in the ``else`` branch; a test holds the three alike.

    Parameters
    ----------
    package
        The package's ``__name__``.
    homes
        Public name to the module that defines it, or that it is.
    rooms
        Packages inside this one that may be used without importing them first.

    Examples
    --------
    >>> load, names = lazy_names("tradeworthy.base", {"sha256_hex": "tradeworthy.base.digests"})
    >>> names()
    ['sha256_hex']
    >>> load("sha256_hex").__module__
    'tradeworthy.base.digests'
    >>> load("sha256")
    Traceback (most recent call last):
    AttributeError: module 'tradeworthy.base' has no attribute 'sha256'
    """

    def load(name: str) -> object:
        home = f"{package}.{name}" if name in rooms else homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(home)
        value = module if home == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*homes, *rooms})

    return load, names
