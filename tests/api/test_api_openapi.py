"""The service behaves as /openapi.json says, whatever is sent to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.served_home import ServedHome
from api.small_home import SmallHome

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
    missing_required_header,
)
# `POST /backtest` runs a real one: the short form draws few examples of each route.
EXAMPLES = [4, pytest.param(100, marks=pytest.mark.acceptance)]


@pytest.fixture(scope="module")
def fuzzed(story_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHome]:
    """A service that is there to be fuzzed."""
    service = ServedHome(story_home.copy(tmp_path_factory.mktemp("fuzzed") / "home"))
    yield service
    service.close()


def aim(case: schemathesis.Case) -> None:
    """Point a case at a model and version that exist, unless its path is what is wrong with it."""
    path = case.meta.components.get(ParameterLocation.PATH)
    if path is not None and path.mode is GenerationMode.NEGATIVE:
        return
    known = {"model": "m", "version": 1 + len(str(case.body)) % 5}
    case.path_parameters.update(
        {name: known[name] for name in case.path_parameters if name in known}
    )


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_route_does_what_it_documents(
    fuzzed: ServedHome, mode: GenerationMode, examples: int
) -> None:
    headers = {"authorization": f"Bearer {fuzzed.home.token('all')}"}
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")

    def holds(case: schemathesis.Case) -> None:
        # An empty list of values is not in the URL, so that nothing is wrong with it.
        assume([] not in (case.query or {}).values())
        aim(case)
        response = case.call(headers=headers, timeout=None)
        case.validate_response(response, checks=CHECKS, headers=headers)

    for operation in schema.get_all_operations():
        exercise(operation.ok().as_strategy(generation_mode=mode), holds, examples)


def test_the_document_holds_what_it_refers_to(served: ServedHome) -> None:
    document = served.client(None).get("/openapi.json").json()
    references = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)))
    assert "#/components/schemas/Problem" in references
    assert references <= {
        f"#/components/schemas/{name}" for name in document["components"]["schemas"]
    }
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                assert "null" not in json.dumps(parameter["schema"])


def exercise(
    cases: SearchStrategy[schemathesis.Case],
    holds: Callable[[schemathesis.Case], None],
    examples: int,
) -> None:
    """Run ``holds`` on the same examples at every run; no time is measured."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=cases)
    def run(case: schemathesis.Case) -> None:
        holds(case)

    # A route without parameters and body has nothing that could be wrong.
    with suppress(Unsatisfiable):
        run()
