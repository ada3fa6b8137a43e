"""A package's public names, each loaded when it is first used (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as type checkers know it: every import would be paid for by every user
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType


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
    AttributeError: module 'tradeworthy.base' has no attribute 'sha256'; did you mean 'sha256_hex'?
    """

    def load(name: str) -> object:
        home = f"{package}.{name}" if name in rooms else homes.get(name)
        if home is None:
            raise _unknown(package, name, names(), sys._getframe(1))
        module = import_module(home)
        value = module if home == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*homes, *rooms})

    return load, names


def _unknown(
    package: str, name: str, names: Sequence[str], frame: FrameType
) -> AttributeError | ImportError:
    """Return the error for a name that nobody offers; it names the nearest one."""
    from difflib import get_close_matches
    from dis import opname

    near = get_close_matches(name, names, 1)
    advice = f"; did you mean {near[0]!r}?" if near else ""
    # `from package import name` would replace the text of an AttributeError by its own.
    if opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM":
        return ImportError(f"cannot import name {name!r} from {package!r}{advice}", name=package)
    return AttributeError(f"module {package!r} has no attribute {name!r}{advice}")
