"""Routes are found by their folder, and none stands in another's way."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.routing import Match

from tradeworthy.api import routers
from tradeworthy.api.routers import fixed_paths_first, routes


def test_every_file_of_the_folder_is_served() -> None:
    folder = Path(routers.__file__).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    modules = {route.endpoint.__module__.rpartition(".")[2] for route in routes()}
    assert modules == files


def test_no_route_hides_another() -> None:
    for route in routes():
        method = next(iter(route.methods or ()))
        path = re.sub("{[^}]*}", "7", route.path)
        scope = {"type": "http", "method": method, "path": path, "root_path": ""}
        first = next(each for each in routes() if each.matches(scope)[0] is Match.FULL)
        assert first.path == route.path


def test_a_fixed_path_comes_before_a_name_in_its_place() -> None:
    paths = ["/ml/{model}/versions", "/ml/{model}/{what}", "/ml/jobs/{job}", "/ml/versions"]
    assert sorted(paths, key=fixed_paths_first)[:2] == ["/ml/versions", "/ml/jobs/{job}"]
    assert fixed_paths_first("/ml/{a}/versions") < fixed_paths_first("/ml/{a}/{b}")
