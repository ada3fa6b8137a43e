"""Which HTTP status each error answers with, and the problem document it is sent as (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from tradeworthy import errors
from tradeworthy.base.field_faults import invalid_fields
from tradeworthy.errors import TradeworthyError

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("tradeworthy.api")

STATUS: Mapping[str, int] = MappingProxyType(
    {
        errors.InvalidInput.code: 422,
        errors.RequestTooSlow.code: 408,
        errors.PayloadTooLarge.code: 413,
        errors.UnsupportedMediaType.code: 415,
        errors.Unauthenticated.code: 401,
        errors.Forbidden.code: 403,
        errors.ModelNotFound.code: 404,
        errors.VersionNotFound.code: 404,
        errors.NoProductionVersion.code: 404,
        errors.RecordNotFound.code: 404,
        errors.RouteNotFound.code: 404,
        errors.MethodNotAllowed.code: 405,
        errors.AlreadyExists.code: 409,
        errors.LastAdmin.code: 409,
        errors.IdempotencyConflict.code: 409,
        errors.InvalidTransition.code: 409,
        errors.StaleStage.code: 409,
        errors.StaleEpoch.code: 409,
        errors.PreconditionFailed.code: 412,
        errors.PromotionRefused.code: 422,
        errors.ApprovalRefused.code: 422,
        errors.PolicyInvalid.code: 422,
        errors.OverrideLoosensPolicy.code: 422,
        errors.FeatureLogicRefused.code: 422,
        errors.FeatureGraphInvalid.code: 422,
        errors.FeatureCycle.code: 422,
        errors.FeatureDependencyMissing.code: 422,
        errors.FeatureConflict.code: 422,
        errors.FeatureGraphMismatch.code: 409,
        errors.ReleaseInUse.code: 409,
        errors.ReleaseUnconfirmed.code: 503,
        errors.ManifestInvalid.code: 422,
        errors.DatasetInvalid.code: 422,
        errors.StrategyInvalid.code: 422,
        errors.ArtifactInvalid.code: 503,
        errors.ModelQuarantined.code: 423,
        errors.PredictionLogFull.code: 503,
        errors.StoreUnavailable.code: 503,
        errors.ServiceStopping.code: 503,
        errors.HomeUnusable.code: 503,
        errors.AddressInUse.code: 500,
        errors.SettingsInvalid.code: 500,
        errors.ServerUnreachable.code: 502,
        TradeworthyError.code: 500,
    }
)


def problem_document(error: TradeworthyError, instance: str) -> dict[str, object]:
    """Return the problem document of ``error`` at a path."""
    document: dict[str, object] = {
        "type": f"urn:tradeworthy:problem:{error.code}",
        "title": errors.title(type(error)),
        "status": STATUS[error.code],
        "code": error.code,
        "detail": error.message,
        "instance": instance,
    }
    return document | ({"details": error.details} if error.details else {})


def problem(error: TradeworthyError, instance: str) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of the answer to ``error``.

    Parameters
    ----------
    error
        What went wrong.
    instance
        The path of the request.
    """
    status = STATUS[error.code]
    body = problem_document(error, instance)
    headers = {"content-type": MEDIA_TYPE}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 503:
        headers["retry-after"] = "1"
    return status, json.dumps(body, default=str, allow_nan=False).encode(), headers


def _response(error: TradeworthyError, request: Request) -> Response:
    status, body, headers = problem(error, request.scope["path"])
    return Response(body, status, headers)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem document."""

    @app.exception_handler(TradeworthyError)
    async def _known(request: Request, error: TradeworthyError) -> Response:
        return _response(error, request)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return _response(invalid_fields(error.errors()), request)

    @app.exception_handler(HTTPException)
    async def _routing(request: Request, error: HTTPException) -> Response:
        request_line = f"{request.method} {request.scope['path'][:200]}"
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allow = (error.headers or {}).get("Allow", "")
            allowed = ", ".join(_methods(app, request.scope["path"])) or allow
            refused = errors.MethodNotAllowed(f"{request_line}: this path takes {allowed}")
            response = _response(refused, request)
            response.headers["Allow"] = allowed
            return response
        return _response(
            errors.RouteNotFound(f"{request_line}: no such path; see /openapi.json"), request
        )

    @app.exception_handler(ClientDisconnect)
    async def _left(request: Request, _: ClientDisconnect) -> Response:
        # Nobody reads this; without it the log would show a failure of ours.
        return _response(errors.InvalidInput("the client left before its body ended"), request)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        _LOG.error("unexpected error at %s", request.scope["path"], exc_info=error)
        return _response(
            TradeworthyError("an unexpected error; the service's log has the details"), request
        )


def _methods(app: FastAPI, path: str) -> list[str]:
    """Return every method of a path: the framework tells those of one of its routes."""
    found = {
        method.upper()
        for template, item in app.openapi()["paths"].items()
        if compile_path(template)[0].match(path)
        for method in item
    }
    return sorted(found)
