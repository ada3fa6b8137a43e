"""The reference says what the code is, and the other pages name only what exists."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from docs.markdown_blocks import blocks_of
from tradeworthy.api.http.problems import STATUS
from tradeworthy.base.settings import Settings
from tradeworthy.cli.app import app
from tradeworthy.errors import leaves
from tradeworthy.features.feature_graph import FeatureGraph, feature
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.training.strategy import Strategy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
]
GENERATED = (
    "settings.md",
    "routes.md",
    "commands.md",
    "errors.md",
    "policy.md",
    "figures.md",
    "manifest.md",
    "lifecycle.md",
    "public-names.md",
)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        import generate_reference
    finally:
        sys.path.remove(str(DOCS))
    return generate_reference


@pytest.mark.parametrize("file", GENERATED)
def test_a_generated_page_is_what_the_code_says(generator: ModuleType, file: str) -> None:
    written = (DOCS / "reference" / file).read_text("utf-8")
    assert written == generator.PAGES[file](), "run python docs/generate_reference.py"


def test_the_served_openapi_document_is_what_the_routes_say(generator: ModuleType) -> None:
    assert generator.OPENAPI.read_text("utf-8") == generator.openapi_text(), (
        "run python docs/generate_reference.py"
    )


def test_every_generated_page_is_compared(generator: ModuleType) -> None:
    assert set(generator.PAGES) == set(GENERATED)


def first_cells(heading: str) -> set[str]:
    text = (DOCS / "reference" / "features-and-strategies.md").read_text("utf-8")
    section = text.partition(f"## `{heading}`")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_argument_of_the_decorator_is_documented() -> None:
    assert first_cells("@feature") == set(inspect.signature(feature).parameters)


def test_every_part_of_a_strategy_is_documented() -> None:
    assert first_cells("Strategy") == {field.name for field in fields(Strategy)}


def test_every_error_has_a_status_and_a_line() -> None:
    assert set(leaves()) == set(STATUS)
    text = (DOCS / "reference" / "errors.md").read_text("utf-8")
    assert set(STATUS) <= set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def commands(group: object, prefix: str = "") -> set[str]:
    found = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = hasattr(command, "commands")
        found |= commands(command, f"{prefix}{name} ") if inner else {f"{prefix}{name}"}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_shows_exist(page: Path) -> None:
    known = commands(get_command(app))
    shown = re.findall(r"`tradeworthy ((?:[a-z-]+ ?)+)", page.read_text("utf-8"))
    shown += re.findall(
        r"^tradeworthy (?:--[\w-]+ \S+ )*((?:[a-z-]+ ?)+)", code_of(page), re.MULTILINE
    )
    groups = {name.partition(" ")[0] for name in known}
    for text in shown:
        words = text.split()
        assert " ".join(words[:2]) in known or words[0] in known | groups, text


def code_of(page: Path) -> str:
    return "".join(
        re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    known = {f"TRADEWORTHY_{name.upper()}" for name in Settings.model_fields}
    known |= {"TRADEWORTHY_SERVER", "TRADEWORTHY_TOKEN_FILE", "TRADEWORTHY_TOKEN"}
    known |= {"TRADEWORTHY_TEST_DSN", "TRADEWORTHY_MARKET_DATA"}
    assert set(re.findall(r"TRADEWORTHY_[A-Z_]+", page.read_text("utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:src/|tests/|docs/|config/|benchmarks/)[\w./-]+)`", page.read_text("utf-8")
    )
    gone = [name for name in named if not (ROOT / name).exists()]
    assert gone == []


def test_the_features_of_the_readme_are_a_feature_file(tmp_path: Path) -> None:
    (shown,) = [b for b in blocks_of(ROOT / "README.md") if b.language == "python"]
    file = tmp_path / "features.py"
    file.write_text(shown.text)
    assert set(FeatureGraph.from_module(file)) == {"close@0", "log_return@1", "volatility@1"}


def test_the_stages_of_the_readme_are_those_of_the_lifecycle() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    stages = re.findall(r"^\| ([A-Z]+) \|", text, re.MULTILINE)
    assert stages == [str(stage) for stage in Stage]
