"""What every part of the client does: send over a connection, read the answer as a typed body."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.client.answers import Body, bodies_of, body_of
from tradeworthy.client.connection import Connection


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
