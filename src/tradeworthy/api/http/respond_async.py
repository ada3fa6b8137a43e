"""``Prefer: respond-async`` (RFC 7240): 202 and a job instead of the result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import StoreUnavailable
from tradeworthy.store.ports.jobs import JobRecord
from tradeworthy.wire.jobs import AcceptedJob

ASYNC = "respond-async"
ACCEPTED = 202
# Any text is a preference (RFC 7240): one that is not known is ignored, not refused.
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": f"`{ASYNC}` answers 202 and a job; the rest is ignored.",
}


def prefers_async(values: Iterable[str]) -> bool:
    """Tell whether one of the Prefer headers asks for a job.

    Examples
    --------
    >>> prefers_async(["wait=10, Respond-Async"]), prefers_async(["respond-async=no"])
    (True, False)
    """
    wanted = (each.partition(";")[0] for value in values for each in value.split(","))
    return any(each.strip().lower() == ASYNC for each in wanted)


def wants_job(request: Request) -> bool:
    """Tell whether a request asks for a job."""
    return prefers_async(request.headers.getlist("prefer"))


PrefersAsync = Annotated[bool, Depends(wants_job)]


def job_headers(job_id: str) -> dict[str, str]:
    """Return the headers of the answer that accepts a job."""
    return {"Location": f"/api/v1/ml/jobs/{job_id}", "Preference-Applied": ASYNC}


def accepted(job: JobRecord) -> Response:
    """Return the answer that accepts a job."""
    body = AcceptedJob(job=job.id, state=job.state).model_dump_json()
    return Response(body, ACCEPTED, job_headers(job.id), "application/json")


def replayed_headers(body: bytes) -> dict[str, str]:
    """Return the headers of the answer that accepted a job, by its body."""
    return job_headers(str(read_json(body, what="the reply", refusal=StoreUnavailable)["job"]))


def or_a_job(route: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a route that may answer with a job."""
    accepted = {
        "description": "a job was accepted; ask for it at Location",
        "model": AcceptedJob,
        "headers": {
            "Location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}},
            "Preference-Applied": {"required": True, "schema": {"const": ASYNC}},
        },
    }
    return route | {
        "responses": route["responses"] | {ACCEPTED: accepted},
        "openapi_extra": route["openapi_extra"] | {"parameters": [_PREFER]},
    }
