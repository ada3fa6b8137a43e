"""What an answer says: its JSON, or the error that it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tradeworthy.base.field_faults import first_fault
from tradeworthy.base.foreign_text import readable, shortened
from tradeworthy.base.strict_json import read_json
from tradeworthy.client.transport import Answer
from tradeworthy.errors import ServerUnreachable, TradeworthyError, rebuild
from tradeworthy.promotion.gate_lines import refusal_lines
from tradeworthy.wire.verdicts import GivenVerdict

Body = TypeVar("Body", bound=BaseModel)


def content_of(answer: Answer) -> Any:
    """Return the JSON of an answer, None for one without a body.

    Raises
    ------
    ServerUnreachable
        If it is not JSON: then it is not the service that answers.
    TradeworthyError
        The error that the service answered with, as the class that it has there.
    """
    if answer.status == HTTPStatus.NO_CONTENT:
        return None
    content = read_json(
        answer.body,
        what=f"is that URL a Tradeworthy service? Its answer ({answer.status})",
        refusal=ServerUnreachable,
    )
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return content
    raise _error_of(answer.status, content if isinstance(content, dict) else {})


def _error_of(status: int, problem: dict[str, Any]) -> TradeworthyError:
    code, detail, details = (problem.get(name) for name in ("code", "detail", "details"))
    if not (isinstance(code, str) and isinstance(detail, str)):
        return TradeworthyError(
            f"the server answered {status} without saying why: is that URL a Tradeworthy service?"
        )
    error = rebuild(code, detail, details if isinstance(details, dict) else {})
    error.lines = tuple(_further_lines(error))
    return error


def _further_lines(error: TradeworthyError) -> Iterator[str]:
    """Say what the details add for a person: the failed gates, or the ways out of a mismatch."""
    if "verdict" in error.details:
        with suppress(ValidationError):  # of another release: the details are all there is
            yield from refusal_lines(GivenVerdict.model_validate(error.details["verdict"]).gates)
    ways_out = error.details.get("ways_out")
    if isinstance(ways_out, list):
        yield from (f"  {shortened(readable(str(way)))}" for way in ways_out)


def body_of(kind: type[Body], content: Any) -> Body:
    """Return the content of an answer as a body.

    Raises
    ------
    ServerUnreachable
        If it is none: then another service answers, or one of another release.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ServerUnreachable(
            f"the answer is no {kind.__name__} ({first_fault(error)}): is that URL a "
            "Tradeworthy service, and of this release?"
        ) from error


def bodies_of(kind: type[Body], content: Any) -> list[Body]:
    """Return the content of an answer as a list of bodies.

    Raises
    ------
    ServerUnreachable
        If it is none: then another service answers, or one of another release.
    """
    if not isinstance(content, list):
        raise ServerUnreachable(
            f"the answer is no list of {kind.__name__}: is that URL a Tradeworthy service?"
        )
    return [body_of(kind, each) for each in content]
