"""What holds for every route of /openapi.json: who may call it, and the order of its checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from api.served_home import ServedHome, reported
from api.small_home import SmallHome
from tradeworthy.access.roles import UNSCOPED_ACTIONS, Action, Role

JSON = "application/json"
LARGE = 9 * 2**20
UPLOAD = 1000
SCOPES = (None, "trend", "elsewhere")
KNOWN = {
    "model": "m",
    "version": "3",
    "sha256": "0" * 64,
    "digest": "0" * 64,
    "token_id": "0" * 16,
    "job": "0" * 32,
}


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    template: str
    action: Action | None
    media_type: str | None

    def path(self, **other: str) -> str:
        """Return the path with what exists in it, or with something else."""
        return self.template.format(**(KNOWN | other))


@pytest.fixture(scope="module")
def strict(story_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHome]:
    """A service that takes small uploads only."""
    home = story_home.copy(tmp_path_factory.mktemp("strict") / "home")
    service = ServedHome(home, max_upload_bytes=UPLOAD)
    yield service
    service.close()


@pytest.fixture(scope="module")
def operations(strict: ServedHome) -> list[Operation]:
    """Every operation that the service documents."""
    document = strict.client(None).get("/openapi.json").json()
    found = []
    for template, item in document["paths"].items():
        for method, notes_of in item.items():
            action = notes_of.get("x-tradeworthy-action")
            kind = next(iter(notes_of.get("requestBody", {}).get("content", ())), None)
            mark = None if action is None else Action(action)
            found.append(Operation(method.upper(), template, mark, kind))
    return found


def send(
    service: ServedHome,
    operation: Operation,
    path: str,
    *,
    token: str | None,
    content: bytes = b"{",
    kind: str | None = None,
) -> Any:
    headers = {"content-type": kind or operation.media_type or "text/plain"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    body = b"" if operation.method == "GET" else content
    return service.client(None).request(operation.method, path, content=body, headers=headers)


def allowed(operation: Operation, role: Role, scope: str | None) -> bool:
    assert operation.action is not None
    if role not in operation.action.roles:
        return False
    if scope is None:
        return True
    elsewhere = scope != "trend" and "{model}" in operation.template
    return operation.action not in UNSCOPED_ACTIONS and not elsewhere


def test_each_role_may_do_what_the_table_says(
    strict: ServedHome, operations: list[Operation]
) -> None:
    """No body here is understood, so that nothing is changed by who may."""
    tokens = {}
    for role in Role:
        for scope in SCOPES:
            requested = {"actor": "x", "roles": [role], "strategies": scope and [scope]}
            issued = strict.post("all", "/api/v1/ml/tokens", requested).json()
            tokens[role, scope] = issued["token"]
    for operation in operations:
        path = operation.path()
        anonymous = send(strict, operation, path, token=None)
        assert (anonymous.status_code == 401) == (operation.action is not None), operation
        if operation.action is None:
            continue
        for (role, scope), token in tokens.items():
            status = send(strict, operation, path, token=token).status_code
            expected = allowed(operation, role, scope)
            assert (status != 403) == expected, (operation, role, scope, status)
            assert status < 500, (operation, role, scope)


def test_each_route_checks_in_the_order_of_the_contract(
    strict: ServedHome, operations: list[Operation]
) -> None:
    everybody, viewer = strict.home.token("all"), strict.home.token("vera")
    for operation in operations:
        if operation.action is None:
            continue
        # Each request mends the first fault of the one before.
        faults: list[tuple[dict[str, Any], int]] = [({"token": None}, 401)]
        if Role.VIEWER not in operation.action.roles:
            faults.append(({"token": viewer}, 403))
        large = {"content": b"{".ljust(LARGE), "kind": "text/csv"}
        rest: list[tuple[dict[str, Any], int]] = [(large, 413)] if operation.method != "GET" else []
        if operation.media_type is not None:
            rest += [({"kind": "text/csv"}, 415), ({}, 422)]
        nowhere = operation.path(model="none", version="99")
        for fault, status in faults:
            response = send(strict, operation, nowhere, **(large | fault))
            assert reported(response)[0] == status, operation
        unknown = [{"model": "none"}] if "{model}" in operation.template else []
        unknown += [{"version": "99"}] if "{version}" in operation.template else []
        for other in unknown:
            response = send(strict, operation, operation.path(**other), token=everybody, **large)
            assert reported(response)[0] == 404, operation
        for fault, status in rest:
            response = send(strict, operation, operation.path(), token=everybody, **fault)
            assert reported(response)[0] == status, (operation, fault.keys())
