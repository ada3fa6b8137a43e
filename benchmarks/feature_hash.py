"""Feature graphs: build, closure and compare 10,000 nodes; hash source; import the room.

Run ``python benchmarks/feature_hash.py``. Every figure is taken in this one run; the ratio sets the
canonical hash beside ``ast.dump`` with SHA-256 over the same sources, which misses every helper.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable

from measure import header, report

from tradeworthy.features.feature_definition import FeatureDefinition, make_declaration
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.logic import (
    Component,
    Project,
    Root,
    make_logic,
    parse_module,
    trace_logic,
)

NODES = 10_000
FUNCTIONS = 500


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def definitions(nodes: int) -> list[FeatureDefinition]:
    """Features that each depend on a column and on two earlier features."""
    made = []
    for number in range(nodes):
        logic = make_logic([Component("body", f"f{number}", f"text {number}", (), "")], ())
        earlier = (f"f{number // 2}", f"f{number // 3}") if number > 2 else ()
        arguments = tuple(dict.fromkeys(("close", *earlier)))
        made.append(FeatureDefinition(make_declaration(f"f{number}", version=1), arguments, logic))
    return made


def source(functions: int) -> str:
    """A feature file in which every function uses a constant and a helper."""
    helper = "W{n} = {n}\n\ndef _h{n}(x, by={n}):\n    total = x * by\n    return total + W{n}\n"
    body = (
        "\ndef f{n}(close):\n    parts = [item - {n} for item in close]\n    return _h{n}(parts)\n"
    )
    return "\n".join((helper + body).format(n=number) for number in range(functions))


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--functions", type=int, default=FUNCTIONS)
    options = parser.parse_args()
    print(header("tradeworthy"))
    made = definitions(options.nodes)
    build = best(lambda: FeatureGraph.from_definitions(made))
    graph = FeatureGraph.from_definitions(made)
    inputs = [f"f{number}" for number in range(options.nodes - 50, options.nodes)]
    closure = best(lambda: graph.closure(inputs))
    bound, running = graph.bound_hash(inputs), graph.bound_hash(inputs)
    compare = best(lambda: [bound == running for _ in range(10_000)]) / 10_000
    text = source(options.functions)
    parse = best(lambda: ast.parse(text))
    module = parse_module("bench", "bench.py", text)
    nodes = [each for each in module.tree.body if getattr(each, "name", "").startswith("f")]
    project = Project(lambda _: None)
    canonical = best(
        lambda: [trace_logic(Root(module, each), project) for each in nodes],  # type: ignore[arg-type]
        3,
    )
    dumped = best(
        lambda: [hashlib.sha256(ast.dump(each).encode()).hexdigest() for each in nodes], 3
    )
    start = "import time; t = time.perf_counter(); "
    end = "; print(time.perf_counter() - t)"
    imports = {
        name: min(
            float(subprocess.check_output([sys.executable, "-c", f"{start}import {name}{end}"]))
            for _ in range(3)
        )
        for name in ("tradeworthy", "tradeworthy.features.feature_graph")
    }
    print(f"build {options.nodes} nodes        {build * 1e3:8.1f} ms")
    print(f"closure of 50 inputs     {closure * 1e3:8.1f} ms")
    print(f"compare two hashes       {compare * 1e9:8.1f} ns")
    print(f"parse {len(text)} characters   {parse * 1e3:8.1f} ms")
    print(f"canonical hash, a function {canonical / options.functions * 1e6:6.0f} us")
    print(f"ast.dump, a function       {dumped / options.functions * 1e6:6.0f} us")
    report("canonical feature hash: times ast.dump with SHA-256", canonical / dumped)
    for name, seconds in imports.items():
        print(f"import {name} {seconds * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
