"""No module of the product imports itself by way of others, wherever the import stands."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest


def imports_of(package: str) -> dict[str, set[str]]:
    """Map every module to those that it imports: in functions and for type checking too."""
    graph = grimp.build_graph(package, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_the_product_has_no_import_circle() -> None:
    imports = imports_of("tradeworthy")
    assert len(imports) > 100
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(reversed(error.args[1]))}")


@pytest.mark.parametrize(
    "back",
    [
        "from circular.first import A",
        "def later():\n    from circular.first import A",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from circular.first import A",
    ],
)
def test_a_circle_is_seen_wherever_its_import_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: str
) -> None:
    package = tmp_path / "circular"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "first.py").write_text("from circular import second\nA = 1\n")
    (package / "second.py").write_text(back + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(CycleError):
        TopologicalSorter(imports_of("circular")).prepare()
