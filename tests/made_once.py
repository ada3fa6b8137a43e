"""A folder that is made once in a test run, by whichever worker comes first, and only copied."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the run's folder of that name; ``make`` fills it, and nobody changes it afterwards.

    Parameters
    ----------
    factory
        Pytest's; its folder is the worker's own.
    name
        One name for what is one and the same.
    make
        Fills an empty folder. If it fails the next one tries again, in another folder.
    """
    run = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    made = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_symlink():
            folder = factory.mktemp(name)
            make(folder)
            made.symlink_to(folder)
    return made.resolve()
