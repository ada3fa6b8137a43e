"""The routes, a file a subject; whatever module of this folder has a ``router`` is served."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from fastapi import APIRouter
from fastapi.routing import APIRoute


def routes() -> list[APIRoute]:
    """Return every route, by module and place in it, those with fixed paths first."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    found = [route for module in modules for route in _of(module.router)]
    return sorted(found, key=lambda route: fixed_paths_first(route.path))


def _of(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


def fixed_paths_first(path: str) -> tuple[bool, ...]:
    """Return what routes are sorted by: a fixed word comes before a name in its place.

    Examples
    --------
    >>> fixed_paths_first("/ml/jobs/{job}") < fixed_paths_first("/ml/{model}/policy")
    True
    """
    return tuple("{" in part for part in path.split("/"))
