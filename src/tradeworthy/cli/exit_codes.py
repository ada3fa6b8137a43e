"""What the command line's exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tradeworthy import errors

OK, UNEXPECTED, USAGE = 0, 1, 2
REFUSED, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = 3, 4, 5, 6, 7
INTERRUPTED = 130  # as shells tell it

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        OK: "done",
        UNEXPECTED: "an unexpected error",
        USAGE: "the command or its input is not understood",
        REFUSED: "refused by a policy, a gate or an invariant",
        NOT_FOUND: "no such model, version or record",
        CONFLICT: "the state does not allow it, or changed meanwhile",
        DENIED: "no token, or not for this role or strategy",
        UNAVAILABLE: "the home, database, server, artifact or standard output cannot be used",
        INTERRUPTED: "stopped by Ctrl-C",
    }
)

_BY_ERROR: Mapping[type[errors.TradeworthyError], int] = MappingProxyType(
    {
        errors.PromotionRefused: REFUSED,
        errors.ApprovalRefused: REFUSED,
        errors.OverrideLoosensPolicy: REFUSED,
        errors.ModelQuarantined: REFUSED,
        errors.ModelNotFound: NOT_FOUND,
        errors.VersionNotFound: NOT_FOUND,
        errors.NoProductionVersion: NOT_FOUND,
        errors.RecordNotFound: NOT_FOUND,
        errors.RouteNotFound: NOT_FOUND,
        errors.AlreadyExists: CONFLICT,
        errors.LastAdmin: CONFLICT,
        errors.IdempotencyConflict: CONFLICT,
        errors.InvalidTransition: CONFLICT,
        errors.StaleStage: CONFLICT,
        errors.StaleEpoch: CONFLICT,
        errors.PreconditionFailed: CONFLICT,
        errors.FeatureGraphMismatch: CONFLICT,
        errors.ReleaseInUse: CONFLICT,
        errors.Unauthenticated: DENIED,
        errors.Forbidden: DENIED,
        errors.ArtifactInvalid: UNAVAILABLE,
        errors.StoreUnavailable: UNAVAILABLE,
        errors.ServiceStopping: UNAVAILABLE,
        errors.RequestTooSlow: UNAVAILABLE,
        errors.HomeUnusable: UNAVAILABLE,
        errors.AddressInUse: UNAVAILABLE,
        errors.ServerUnreachable: UNAVAILABLE,
        errors.ReleaseUnconfirmed: UNAVAILABLE,
        errors.PredictionLogFull: UNAVAILABLE,
    }
)


def exit_code(error: errors.TradeworthyError) -> int:
    """Return the exit code of an error; input that is not understood is the rest.

    Examples
    --------
    >>> exit_code(errors.ModelNotFound("no model 'm'")), exit_code(errors.InvalidInput("what?"))
    (4, 2)
    """
    if type(error) is errors.TradeworthyError:
        return UNEXPECTED
    return _BY_ERROR.get(type(error), USAGE)
