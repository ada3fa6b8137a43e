"""The OpenAPI document: what FastAPI knows, and what our own routing adds to it.

It is the same whatever home is served and takes longer to make than all routes: the package holds
it as a file.
"""

from __future__ import annotations

from typing import Any

from fastapi.openapi.utils import get_openapi

from tradeworthy.api.http.idempotency import HEADER, KEY_PATTERN, REPLAYED
from tradeworthy.api.management_app import SUMMARY, TITLE
from tradeworthy.api.routers import routes
from tradeworthy.base.version import __version__
from tradeworthy.wire.problems import Problem

_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and request gets the answer of the first.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}
_REPLAYED = {
    "description": "Present when this is the answer of an earlier request.",
    "schema": {"type": "string", "const": "true"},
}
# What only some operations can answer, and which part of the document tells that they can.
_ONLY_CHANGES = ("409", "413")
_ONLY_BODIES = ("415",)


def openapi_document() -> dict[str, Any]:
    """Return the document of all routes."""
    document = get_openapi(title=TITLE, version=__version__, summary=SUMMARY, routes=routes())
    components = document.setdefault("components", {})
    known = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    known |= problem.pop("$defs", {}) | {"Problem": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        known.pop(unused, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path.startswith("/api/"):
                _complete(path, method, operation)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["security"] = [{"token": []}]
    responses = operation["responses"]
    predicts = path.endswith("/predict")
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        parameter["schema"] = _given(parameter["schema"])
    impossible = {
        *(() if method != "get" else _ONLY_CHANGES),
        *(() if "requestBody" in operation else _ONLY_BODIES),
        *(() if any(p["name"] == "If-Match" for p in parameters) else ("412",)),
        *(() if predicts else ("423",)),
    }
    for status in impossible:
        responses.pop(status, None)
    if method == "post" and not predicts:
        operation.setdefault("parameters", []).append(_KEY)
        for status, response in responses.items():
            if status.startswith("2") or status == "409":
                response.setdefault("headers", {})[REPLAYED] = _REPLAYED


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is there: left out it is absent, never null."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(choices) != 1:
        return schema
    kept = {name: value for name, value in schema.items() if name != "anyOf"}
    kept |= choices[0]
    return kept
