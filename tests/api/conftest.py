"""One home with models in every stage, made once a session; tests serve it or a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.served_home import Serve, ServedHome
from api.small_home import SmallHome, make_home, make_the_story
from made_once import made_once


@pytest.fixture(scope="session")
def story_home(tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A home with the whole story; nobody writes to it, copies of it are used."""

    def tell(folder: Path) -> None:
        make_the_story(make_home(folder / "home"), folder)

    return SmallHome(made_once(tmp_path_factory, "reported", tell) / "home")


@pytest.fixture(scope="session")
def served(story_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHome]:
    """A running service that tests only read from, or send what it refuses."""
    service = ServedHome(story_home.copy(tmp_path_factory.mktemp("served") / "home"))
    yield service
    service.close()


@pytest.fixture
def home(story_home: SmallHome, tmp_path: Path) -> SmallHome:
    """A copy of the story home, to change."""
    return story_home.copy(tmp_path / "home")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve homes until the test is over."""
    running: list[ServedHome] = []

    def start(home: SmallHome, **settings: object) -> ServedHome:
        service = ServedHome(home, **settings)
        running.append(service)
        return service

    yield start
    for service in running:
        service.close()


@pytest.fixture
def own(home: SmallHome, serve: Serve) -> ServedHome:
    """A running service of a home of its own."""
    return serve(home)
