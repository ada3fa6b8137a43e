"""``If-Match`` (RFC 9110): change a model only as it was seen."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Request

from tradeworthy.errors import InvalidInput

HEADER = "If-Match"
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_REVISION = re.compile(r'(W/)?"(0|[1-9][0-9]{0,8})"')
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    "description": "The ETag of the model as it was seen; the answer is 412 if it moved on.",
}


def required_revisions(request: Request) -> frozenset[int] | None:
    """Return the revisions that the condition allows, None without one.

    Tags are compared strongly: a weak one, as a proxy makes it, never matches.

    Raises
    ------
    InvalidInput
        If the header is neither ``*`` nor a list of entity tags.
    """
    lines = request.headers.getlist(HEADER)
    text = ",".join(lines)
    if not lines or text.strip() == "*":
        return None
    if not _TAGS.fullmatch(text):
        raise InvalidInput(
            f'{HEADER} is neither * nor a list of ETags such as "3": send the ETag of status',
            field=HEADER,
        )
    tags = re.findall(_TAG, text)
    found = (_REVISION.fullmatch(tag) for tag in tags)
    return frozenset(int(each[2]) for each in found if each and not each[1])


IfMatch = Annotated[frozenset[int] | None, Depends(required_revisions)]


def conditional(route: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a route that takes the condition."""
    return route | {"openapi_extra": route["openapi_extra"] | {"parameters": [_PARAMETER]}}
