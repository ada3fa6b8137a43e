"""What every part of the client does: send over a connection, read the answer as a typed body."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradeworthy.base.field_faults import invalid_fields
from tradeworthy.client.answers import Body, bodies_of, body_of
from tradeworthy.client.connection import Connection, plain
from tradeworthy.wire.bodies import RequestBody


def checked(kind: type[RequestBody], **fields: object) -> dict[str, object]:
    """Return a body as JSON has it, if it is one that the service understands.

    Nothing is sent, and no service of a home is opened, for one that is not.

    Raises
    ------
    InvalidInput
        As the service would, with the places of what is wrong.
    """
    content: dict[str, object] = json.loads(json.dumps(fields, default=plain))
    if faults := _faults(kind, content):
        raise invalid_fields(faults)
    return content


def check_fields(kind: type[RequestBody], **fields: object) -> None:
    """Refuse what is wrong with some fields of a body, before the others are known.

    Raises
    ------
    InvalidInput
        As the service would, with the places of what is wrong.
    """
    if faults := [each for each in _faults(kind, fields) if each["type"] != "missing"]:
        raise invalid_fields(faults)


def _faults(kind: type[RequestBody], content: Mapping[str, object]) -> list[ErrorDetails]:
    try:
        kind.model_validate(content)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False)
    return []


class Requests:
    """Typed requests over a connection, which others may share.

    A capability's own requests stand in a file of their own, in a class that extends this one and
    is made with ``client.connection``.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def _get(self, kind: type[Body], path: str, **query: object) -> Body:
        return body_of(kind, self.connection.get(path, **query))

    def _list(self, kind: type[Body], path: str, **query: object) -> list[Body]:
        return bodies_of(kind, self.connection.get(path, **query))

    def _post(self, kind: type[Body], path: str, body: Mapping[str, object] | None = None) -> Body:
        return body_of(kind, self.connection.post(path, body))
