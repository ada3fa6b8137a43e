"""A fence around users' code, from the Linux kernel's Landlock: what it may write, read and signal.

Strategies that run as the service's own user could otherwise change each other's files, or the
libraries that judge them, and read the service's keys. Landlock needs no privilege, holds for every
thread and process started after it, and cannot be taken off again. Kernels before 5.13 and other
systems have none; files can be cut short before 6.2, signals sent before 6.12. It does not cover
what one process may set for another of the same user, as limits and priorities, nor shared memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_SET_NO_NEW_PRIVILEGES = 38

_CAPABILITY_VERSION = 0x20080522
_ADMIN, _PERFMON = 21, 38

_WRITE_FILE, _READ_FILE, _TRUNCATE = 1 << 1, 1 << 2, 1 << 14
_REFER = 1 << 13
# Removing and making of every kind of entry.
_CHANGE_FOLDER = sum(1 << bit for bit in range(4, 13))
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE
# Abstract sockets and signals reach nobody outside the fence.
_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    """Bits 0 to 31 and 32 to 63, each effective, permitted and inheritable."""

    _fields_ = (("low", ctypes.c_uint32 * 3), ("high", ctypes.c_uint32 * 3))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def put_up_fence(scratch: Path, private: Path | None, readable: Iterable[Path] = ()) -> bool:
    """Let this process write in ``scratch`` only, and read everything but ``private``.

    It has to come before the first thread is started and before users' code.

    Parameters
    ----------
    scratch
        The folder that stays writable; devices do too.
    private
        A folder whose files cannot be read, if any.
    readable
        What in it can be read all the same. What Python imports from always can.

    Returns
    -------
    bool
        Whether the system has such fences.

    Raises
    ------
    OSError
        If it has, and none could be put up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if sys.platform != "linux" or version < 1:
        return False
    changes = _WRITE_FILE | _CHANGE_FOLDER
    changes |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled = changes | (_READ_FILE if private else 0)
    devices = Path("/dev")
    rules = [(scratch, handled), (devices, _WRITE_FILE), (devices / "shm", changes)]
    if private is not None:
        places = (*_beside(private), *readable, *_imported_from(), scratch)
        rules += [(place, _READ_FILE) for place in places]
    _restrict(libc, _Ruleset(handled, 0, _SCOPES if version >= 6 else 0), version, rules)
    return True


def _restrict(
    libc: ctypes.CDLL, ruleset: _Ruleset, version: int, rules: Iterable[tuple[Path, int]]
) -> None:
    # Older kernels know a shorter structure.
    size = ctypes.c_size_t(8 if version < 4 else 16 if version < 6 else 24)
    opened = _checked(libc.syscall(_CREATE, ctypes.byref(ruleset), size, 0))
    try:
        for place, access in rules:
            _add_rule(libc, opened, place, access)
        _checked(libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _drop_capabilities(libc)
        _checked(libc.syscall(_RESTRICT, opened, 0))
    finally:
        os.close(opened)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up what lets root see into every process for all of a fence."""
    header, held = _CapabilityHeader(_CAPABILITY_VERSION, 0), _Capabilities()
    _checked(libc.capget(ctypes.byref(header), ctypes.byref(held)))
    admin, perfmon = 1 << _ADMIN, 1 << (_PERFMON - 32)
    if not any(held.low[at] & admin or held.high[at] & perfmon for at in range(3)):
        return
    for at in range(3):
        held.low[at] &= ~admin
        held.high[at] &= ~perfmon
    _checked(libc.capset(ctypes.byref(header), ctypes.byref(held)))


def _add_rule(libc: ctypes.CDLL, ruleset: int, place: Path, access: int) -> None:
    try:
        found = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # What cannot be found or reached is not needed either.
        return
    try:
        allowed = access if place.is_dir() else access & _OF_FILES
        rule = _PathBeneath(allowed, found)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(found)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _beside(private: Path) -> Iterator[Path]:
    """Yield what lies beside a folder and beside each folder above it."""
    place = private.resolve()
    for folder in place.parents:
        for entry in _listed(folder):
            # A link's target is let through, or not, where it lies itself.
            if entry.path != str(place) and not entry.is_symlink():
                yield Path(entry.path)
        place = folder


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:
        # What lies in a folder that may not be listed stays unreadable, unless it is named.
        return []


def _imported_from() -> set[Path]:
    own = Path(__file__).resolve().parents[2]
    return {own, *map(Path, (sys.prefix, sys.base_prefix, *filter(None, sys.path)))}
