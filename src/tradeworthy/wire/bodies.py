"""What every body has in common: requests are strict, answers are read from records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """Base of request bodies: unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResponseBody(BaseModel):
    """Base of answers; ``model_validate`` takes a record with attributes of the same names.

    A client passes over fields that a newer service adds.
    """

    model_config = ConfigDict(from_attributes=True)
