"""The promotion policy of a model, in force and past."""

from __future__ import annotations

from pydantic import JsonValue

from tradeworthy.wire.bodies import ResponseBody


class PastPolicy(ResponseBody):
    """The values that a version was judged or approved under."""

    digest: str
    values: dict[str, JsonValue]


class PolicyInForce(ResponseBody):
    """The policy that a model is held to, and where each value comes from."""

    digest: str
    values: dict[str, JsonValue]
    origins: dict[str, str]
