"""Predictions: rows to predict on, and the answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Digest


class PredictRows(RequestBody):
    """Rows that the client computed, with the hash of the code that computed them."""

    rows: Annotated[list[dict[str, float]], Field(min_length=1)]
    feature_graph_hash: Digest
    event_time: Annotated[
        str | SkipJsonSchema[None],
        Field(
            description="The moment that the rows describe, a date or ISO 8601 with an offset, at "
            "most a day ahead; now, if it is left out.",
            json_schema_extra=lambda schema: schema.pop("default"),
        ),
    ] = None


class Predictions(ResponseBody):
    """What was predicted, and by what."""

    version: int
    manifest_digest: str
    feature_graph_hash: str
    epoch: int
    predictions: list[float]
    prediction_ids: list[str]
